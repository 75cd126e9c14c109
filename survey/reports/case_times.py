"""Cases of a month and their times, as they stood at one moment.

Read from the steps of each case, which are never changed: what happens later changes no report.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from survey.cases.clocks import REPLY_DAYS, calendar_of, day_of, hours_of_a_day
from survey.cases.labels import REASONS_IN_FULL
from survey.cases.sight import SeenCase, seen
from survey.models.case import Case, CaseEvent, EventKind, if_it_opens
from survey.models.staff import Scope
from survey.reports.figures import CaseFigures, CaseLine
from survey.workdays import Calendar

# What ends the clock of the first reaction, and that of the written reply.
REACTIONS = frozenset({EventKind.TAKEN, EventKind.REPLIED, EventKind.CLOSED})
ENDINGS = frozenset({EventKind.REPLIED, EventKind.CLOSED})
BEGINNINGS = frozenset({EventKind.OPENED, EventKind.REOPENED})


class Timing(StrEnum):
    """How a case stands against its deadline; named as the fields of CaseLine."""

    ON_TIME = "on_time"
    LATE = "late"
    OVERDUE = "overdue"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Round:
    """From opening, or opening again, to the written reply or closing (None: not yet)."""

    began: datetime
    due: datetime
    reacted: datetime | None
    ended: datetime | None

    def timing(self, as_of: datetime) -> Timing:
        """In time, late, overdue without an answer, or still within its time."""
        if self.ended is not None:
            return Timing.ON_TIME if self.ended <= self.due else Timing.LATE
        return Timing.OVERDUE if self.due < as_of else Timing.WAITING


@dataclass(frozen=True, slots=True)
class Course:
    """One case by a moment: its rounds, and whether its last step closed it."""

    seen: SeenCase
    rounds: tuple[Round, ...]
    is_closed: bool

    def timing(self, as_of: datetime) -> Timing:
        """The worst of its rounds."""
        found = {one.timing(as_of) for one in self.rounds}
        ranked = (Timing.OVERDUE, Timing.LATE, Timing.WAITING, Timing.ON_TIME)
        return next((one for one in ranked if one in found), Timing.WAITING)


def read_cases(session: Session, month: str, as_of: datetime) -> CaseFigures:
    """Cases opened in a local month (YYYY-MM), as they stood at `as_of`. Hours of work."""
    calendar = calendar_of(session)
    courses = _courses(session, calendar, month, as_of)
    rounds = [one for course in courses for one in course.rounds]
    return CaseFigures(
        as_of=as_of,
        total=_line("Toàn tỉnh", courses, as_of),
        by_agency=_grouped(courses, as_of, lambda one: one.agency.name),
        by_reason=_grouped(courses, as_of, lambda one: REASONS_IN_FULL[one.standing.reason]),
        closed=sum(course.is_closed for course in courses),
        reopened=sum(len(course.rounds) > 1 for course in courses),
        median_first_hours=_median_hours(calendar, ((one.began, one.reacted) for one in rounds)),
        median_reply_hours=_median_hours(calendar, ((one.began, one.ended) for one in rounds)),
    )


def _courses(session: Session, calendar: Calendar, month: str, as_of: datetime) -> list[Course]:
    query = select(Case).where(Case.month == month).options(undefer(Case.timeline_sealed))
    courses = []
    for one in seen(session, session.scalars(query.order_by(Case.code)), Scope()):
        if one.standing.opened_at <= as_of:
            events = if_it_opens(one.case, Case.timeline) or ()
            then = [event for event in events if event.at <= as_of]
            courses.append(_course(calendar, one, then))
    return courses


def _course(calendar: Calendar, seen_case: SeenCase, events: Sequence[CaseEvent]) -> Course:
    parts: list[list[CaseEvent]] = []
    for event in events:
        if event.kind in BEGINNINGS or not parts:
            parts.append([])
        parts[-1].append(event)
    rounds = tuple(_round(calendar, part) for part in parts)
    decisive = [one.kind for one in events if one.kind in BEGINNINGS | REACTIONS]
    return Course(seen_case, rounds, bool(decisive) and decisive[-1] == EventKind.CLOSED)


def _round(calendar: Calendar, events: Sequence[CaseEvent]) -> Round:
    """Deadlines follow from the beginning alone, so a later round does not wipe out an earlier."""
    opened = events[0].at
    began = opened + timedelta(days=1) if opened == day_of(opened) else opened
    return Round(
        began=began,
        due=calendar.add_working_hours(began, REPLY_DAYS * hours_of_a_day()),
        reacted=next((one.at for one in events if one.kind in REACTIONS), None),
        ended=next((one.at for one in events if one.kind in ENDINGS), None),
    )


def _line(label: str, courses: Sequence[Course], as_of: datetime) -> CaseLine:
    timings = [course.timing(as_of) for course in courses]
    return CaseLine(label, len(courses), **{each.value: timings.count(each) for each in Timing})


def _grouped(
    courses: Sequence[Course], as_of: datetime, label: Callable[[SeenCase], str]
) -> tuple[CaseLine, ...]:
    groups: dict[str, list[Course]] = {}
    for course in courses:
        groups.setdefault(label(course.seen), []).append(course)
    lines = [_line(name, group, as_of) for name, group in groups.items()]
    return tuple(sorted(lines, key=lambda one: (-one.opened, one.label)))


def _median_hours(
    calendar: Calendar, spells: Iterable[tuple[datetime, datetime | None]]
) -> float | None:
    """Median of the spells that ended; None without any."""
    hours = [calendar.working_hours_between(began, ended) for began, ended in spells if ended]
    return median(hours) if hours else None
