"""Cases whose written reply was due in a month, and their outcome as of one timestamp.

Read from the timeline of each case, which is append-only: later steps do not change a report.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from sqlalchemy.orm import Session, undefer

from survey.cases.access_control import SeenCase, seen
from survey.cases.deadlines import day_of, put_off, reply_due
from survey.cases.labels import REASONS_IN_FULL
from survey.cases.records import opened_where
from survey.catalogues import _
from survey.models.case import Case, CaseEvent, CloseReason, EventKind, if_it_opens
from survey.models.staff import Scope
from survey.period import Month
from survey.province import calendar_of
from survey.province.workdays import Calendar
from survey.reports.figures import CaseFigures, CaseLine

BEGINNINGS = frozenset({EventKind.OPENED, EventKind.REOPENED})


class Outcome(StrEnum):
    """The outcome of a case as of a timestamp; named as the fields of CaseLine, worst first."""

    OVERDUE = "overdue"
    UNANSWERED = "unanswered"
    UNREACHABLE = "unreachable"
    TRANSFERRED = "transferred"
    LATE = "late"
    WAITING = "waiting"
    ON_TIME = "on_time"


# With these closing reasons the due reply was not given, whatever was written before.
WITHOUT_ANSWER = {
    CloseReason.TRANSFERRED: Outcome.TRANSFERRED,
    CloseReason.UNREACHABLE: Outcome.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Round:
    """The time from opening or reopening to the next reopening, with one due written reply.

    `closed` is the closing reason, None while the case is open.
    """

    began: datetime
    due: datetime
    is_put_off: bool
    taken: datetime | None
    replied: datetime | None
    closed: str | None

    def outcome(self, as_of: datetime) -> Outcome:
        """The outcome: only a written reply by the deadline is in time; a closing is no reply."""
        if self.closed in WITHOUT_ANSWER:
            return WITHOUT_ANSWER[CloseReason(self.closed)]
        if self.replied is not None:
            return Outcome.ON_TIME if self.replied <= self.due else Outcome.LATE
        if self.closed is not None:
            return Outcome.UNANSWERED
        return Outcome.OVERDUE if self.due < as_of else Outcome.WAITING

    def answered(self, as_of: datetime) -> datetime | None:
        """When the citizen got the written reply, if the outcome counts as answered."""
        is_answer = self.outcome(as_of) in {Outcome.ON_TIME, Outcome.LATE}
        return self.replied if is_answer else None


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """One case as of a timestamp.

    Its rounds that were due in the month, whether the last one is closed, and whether one of them
    followed a reopening.
    """

    seen: SeenCase
    rounds: tuple[Round, ...]
    is_closed: bool
    is_reopened: bool

    def outcome(self, as_of: datetime) -> Outcome:
        """The worst outcome of its rounds."""
        found = {one.outcome(as_of) for one in self.rounds}
        return next(one for one in Outcome if one in found)


def read_cases(session: Session, month: Month, as_of: datetime) -> CaseFigures:
    """Cases whose reply was due in a local month (YYYY-MM), as of `as_of`, with working hours."""
    calendar = calendar_of(session)
    cases = _opened_until(session, month, as_of)
    histories = list(_histories(session, calendar, cases, (month, as_of)))
    rounds = [one for history in histories for one in history.rounds]
    return CaseFigures(
        as_of=as_of,
        opened=sum(one.case.month == month for one in cases),
        total=_line(_("Toàn tỉnh"), histories, as_of),
        by_agency=_grouped(histories, as_of, lambda one: one.agency.name),
        by_reason=_grouped(histories, as_of, lambda one: REASONS_IN_FULL[one.record.reason]),
        closed=sum(history.is_closed for history in histories),
        reopened=sum(history.is_reopened for history in histories),
        postponed=sum(one.is_put_off for one in rounds),
        median_taken_hours=_median_hours(calendar, ((one.began, one.taken) for one in rounds)),
        median_reply_hours=_median_hours(
            calendar, ((one.began, one.answered(as_of)) for one in rounds)
        ),
    )


def _opened_until(session: Session, month: Month, as_of: datetime) -> list[SeenCase]:
    """The cases whose reply may have been due in the month: no deadline is before the opening."""
    cases = opened_where(session, Case.month <= month)
    found = [one for one in cases if one.record.opened_at <= as_of]
    return seen(session, sorted(found, key=lambda one: one.code), Scope())


def _histories(
    session: Session, calendar: Calendar, cases: Iterable[SeenCase], when: tuple[Month, datetime]
) -> Iterator[CaseHistory]:
    """Histories of the cases due in the month; only their timelines are decrypted."""
    month, as_of = when
    for one in cases:
        if one.record.due_at < month.begins:  # its latest deadline
            continue
        case = session.get_one(Case, one.case.id, options=[undefer(Case.timeline_sealed)])
        events = if_it_opens(case, Case.timeline) or ()
        parts = list(_parts([event for event in events if event.at <= as_of]))
        rounds = [_round(calendar, part) for part in parts]
        due = tuple(part for part in rounds if Month.at(part.due) == month)
        if due:
            is_closed = rounds[-1].closed is not None
            yield CaseHistory(one, due, is_closed, is_reopened=due != tuple(rounds[:1]))


def _parts(events: Sequence[CaseEvent]) -> Iterator[list[CaseEvent]]:
    """The steps of each round, which begins with an opening or reopening."""
    begins = [place for place, one in enumerate(events) if one.kind in BEGINNINGS]
    for first, after in pairwise([*begins, len(events)]):
        yield list(events[first:after])


def _round(calendar: Calendar, events: Sequence[CaseEvent]) -> Round:
    """One round; its deadlines depend only on its own steps, not on those of later rounds."""
    opened = events[0].at
    began = opened + timedelta(days=1) if opened == day_of(opened) else opened
    at = {one.kind: one.at for one in reversed(events)}
    is_put_off = EventKind.POSTPONED in at
    due = reply_due(calendar, began)
    return Round(
        began=began,
        due=put_off(calendar, due) if is_put_off else due,
        is_put_off=is_put_off,
        taken=at.get(EventKind.TAKEN),
        replied=at.get(EventKind.REPLIED),
        closed=next((one.reason for one in events if one.kind == EventKind.CLOSED), None),
    )


def _line(label: str, histories: Sequence[CaseHistory], as_of: datetime) -> CaseLine:
    outcomes = [history.outcome(as_of) for history in histories]
    return CaseLine(label, len(histories), **{each.value: outcomes.count(each) for each in Outcome})


def _grouped(
    histories: Sequence[CaseHistory], as_of: datetime, label: Callable[[SeenCase], str]
) -> tuple[CaseLine, ...]:
    groups: dict[str, list[CaseHistory]] = {}
    for history in histories:
        groups.setdefault(label(history.seen), []).append(history)
    lines = [_line(name, group, as_of) for name, group in groups.items()]
    return tuple(sorted(lines, key=lambda one: (-one.due, one.label)))


def _median_hours(
    calendar: Calendar, spells: Iterable[tuple[datetime, datetime | None]]
) -> float | None:
    """Median of the finished spans in working hours; None if there are none."""
    hours = [calendar.working_hours_between(began, ended) for began, ended in spells if ended]
    return median(hours) if hours else None
