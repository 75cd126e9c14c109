"""The two deadlines of a case (first reaction, written reply), in office hours of the province."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from survey.models.case import CaseRecord, CaseState
from survey.province import calendar_of
from survey.province.workdays import LOCAL, OFFICE_HOURS, Calendar, local_day

# One working day, so that no case waits for a first reaction over two mornings.
FIRST_REACTION_HOURS = 8.0
# Five working days for the written reply, the term provincial hotlines (1022) promise.
REPLY_DAYS = 5
# The written reply may be postponed by a third of its term, as that of a late dossier may.
POSTPONED_BY = 1 / 3
# A case is called urgent when less than this is left.
SOON_HOURS = 4.0
REOPEN_DAYS = 30
# States in which a deadline runs; a replied case waits for the citizen, not for staff.
RUNNING = frozenset({CaseState.NEW, CaseState.IN_PROGRESS, CaseState.REOPENED})


def hours_of_a_day() -> float:
    """Working hours of an ordinary working day."""
    minutes = (
        (closes.hour - opens.hour) * 60 + closes.minute - opens.minute
        for opens, closes in OFFICE_HOURS
    )
    return sum(minutes) / 60


def day_of(now: datetime) -> datetime:
    """Local midnight before `now`: the time stored when the citizen does not ask for a call."""
    return datetime.combine(local_day(now), time(), tzinfo=LOCAL).astimezone(UTC)


def deadlines(session: Session, now: datetime, *, by_the_day: bool) -> tuple[datetime, datetime]:
    """The deadlines of the first reaction and of the written reply for a case opened at `now`.

    With `by_the_day` they count from the next day, as terms in law do.
    """
    calendar = calendar_of(session)
    start = day_of(now) + timedelta(days=1) if by_the_day else now
    return (
        calendar.add_working_hours(start, FIRST_REACTION_HOURS),
        reply_due(calendar, start),
    )


def reply_due(calendar: Calendar, began: datetime) -> datetime:
    """The deadline of a written reply whose term began at `began`."""
    return calendar.add_working_hours(began, REPLY_DAYS * hours_of_a_day())


def put_off(calendar: Calendar, due: datetime) -> datetime:
    """The postponed deadline of a written reply due at `due`."""
    return calendar.add_working_hours(due, REPLY_DAYS * hours_of_a_day() * POSTPONED_BY)


def postponed_until(session: Session, case: CaseRecord) -> datetime:
    """The deadline of the case's written reply if it is postponed."""
    return put_off(calendar_of(session), case.due_at)


class Pace(StrEnum):
    """State of one deadline."""

    RUNNING = "running"
    SOON = "soon"
    OVERDUE = "overdue"
    DONE = "done"
    DONE_LATE = "done_late"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline, when it was met, and working hours left (negative: overdue; None: stopped)."""

    due: datetime
    done_at: datetime | None
    hours_left: float | None
    pace: Pace


def read_clocks(session: Session, case: CaseRecord, now: datetime) -> tuple[Clock, Clock]:
    """The deadlines of the first reaction and of the written reply, with their state at `now`."""
    calendar = calendar_of(session)
    is_running = case.state in RUNNING
    return (
        _clock(calendar, (case.first_due_at, case.first_reaction_at), now, is_running=is_running),
        _clock(calendar, (case.due_at, case.replied_at), now, is_running=is_running),
    )


def _clock(
    calendar: Calendar,
    due_and_done: tuple[datetime, datetime | None],
    now: datetime,
    *,
    is_running: bool,
) -> Clock:
    due, done_at = due_and_done
    if done_at is not None:
        return Clock(due, done_at, None, Pace.DONE if done_at <= due else Pace.DONE_LATE)
    if not is_running:
        return Clock(due, None, None, Pace.STOPPED)
    left = time_left(calendar, due, now)
    if left < 0:
        return Clock(due, None, left, Pace.OVERDUE)
    return Clock(due, None, left, Pace.SOON if left < SOON_HOURS else Pace.RUNNING)


def time_left(calendar: Calendar, due: datetime, now: datetime) -> float:
    """Working hours until `due`, negative once it has passed."""
    if due >= now:
        return calendar.working_hours_between(now, due)
    # A deadline that passed a minute ago, or over a weekend, counts as passed too.
    return min(-calendar.working_hours_between(due, now), -1 / 60)


def may_reopen(case: CaseRecord, now: datetime) -> bool:
    """Whether the citizen may reopen the case: once, up to 30 days after the reply or closing."""
    if case.is_reopened or case.state not in {CaseState.REPLIED, CaseState.CLOSED}:
        return False
    ended = case.closed_at or case.replied_at
    return ended is not None and now <= reopen_until(ended)


def reopen_until(ended: datetime) -> datetime:
    """Last time at which a case that ended at `ended` may be reopened."""
    return ended + timedelta(days=REOPEN_DAYS)
