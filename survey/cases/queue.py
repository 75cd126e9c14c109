"""The lists: a handler's queue with its views and counts, and open alerts with their cases.

What decides is sealed in each case, so lists are made from the cases an account sees, opened once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots import box
from survey.ballots.contents import Said
from survey.cases.clocks import RUNNING, SOON_HOURS, calendar_of, time_left
from survey.cases.labels import REASONS
from survey.cases.sight import SeenCase, seen
from survey.models.case import Case, CaseReason, CaseStanding, CaseState, in_work
from survey.models.organisation import Agency
from survey.models.staff import Scope, Staff
from survey.period import Month
from survey.privacy.masking import mask_text

PAGE_ROWS = 25
EXCERPT_LENGTH = 90


class View(StrEnum):
    """The views of the queue, in the order they are offered."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    REOPENED = "reopened"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the queue; `hours_left` in working hours, negative when overdue, None at rest."""

    seen: SeenCase
    assignee: Staff | None
    rating: int | None
    excerpt: str
    hours_left: float | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """One page of a view: rows, its number from 1, pages in all, cases in all."""

    rows: list[Row]
    number: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class AlertCard:
    """The open cases of one rule at one agency, soonest due first; `opened_at`: since when the
    first of them runs.
    """

    rule: str
    agency: Agency
    opened_at: datetime
    cases: list[SeenCase]


def next_due(standing: CaseStanding) -> datetime:
    """The deadline that counts now: of the first reaction until there is one, then of the reply."""
    return standing.first_due_at if standing.first_reaction_at is None else standing.due_at


def deadline(standing: CaseStanding) -> datetime | None:
    """The same; None while no clock runs."""
    return next_due(standing) if standing.state in RUNNING else None


def in_views(
    session: Session, cases: Sequence[SeenCase], staff: Staff, now: datetime
) -> dict[View, list[SeenCase]]:
    """The cases that stand in each view."""
    conditions = _conditions(session, staff, now)
    return {
        view: [one for one in cases if condition(one.standing)]
        for view, condition in conditions.items()
    }


def _conditions(
    session: Session, staff: Staff, now: datetime
) -> dict[View, Callable[[CaseStanding], bool]]:
    """What a case must fulfil to stand in a view."""
    soon = calendar_of(session).add_working_hours(now, SOON_HOURS)

    def due(one: CaseStanding) -> datetime:
        return deadline(one) or datetime.max.replace(tzinfo=now.tzinfo)

    return {
        View.MINE: lambda one: one.assignee_id == staff.id and one.state != CaseState.CLOSED,
        View.UNASSIGNED: lambda one: one.assignee_id is None and one.state != CaseState.CLOSED,
        View.DUE_SOON: lambda one: now <= due(one) < soon,
        View.OVERDUE: lambda one: due(one) < now,
        View.REOPENED: lambda one: one.state == CaseState.REOPENED,
        View.ALL: lambda _: True,
    }


def show_page(session: Session, cases: Sequence[SeenCase], number: int, now: datetime) -> QueuePage:
    """One page of these cases: what is grave and open on top, then soonest due first."""
    pages = max(1, -(-len(cases) // PAGE_ROWS))
    number = min(max(1, number), pages)
    first = (number - 1) * PAGE_ROWS
    shown = sorted(cases, key=_grave_first)[first : first + PAGE_ROWS]
    return QueuePage(_rows(session, shown, now), number, pages, len(cases))


def open_cases(session: Session) -> list[SeenCase]:
    """All open cases, for who may see everything, soonest due first."""
    cases = seen(session, session.scalars(in_work()), Scope())
    return sorted((one for one in cases if not one.is_closed), key=_order)


def filed_months(session: Session) -> list[Month]:
    """The months (YYYY-MM) of which cases were filed away, newest first."""
    query = select(Case.month).where(Case.is_filed_away).distinct()
    return list(session.scalars(query.order_by(Case.month.desc())))


def grave_and_free(cases: Sequence[SeenCase]) -> list[SeenCase]:
    """The open cases with grave words that nobody took, soonest due first."""
    free = (one for one in cases if _is_grave(one) and one.standing.assignee_id is None)
    return sorted(free, key=_order)


def _is_grave(one: SeenCase) -> bool:
    """Whether a case has grave words and waits for staff."""
    return one.standing.reason == CaseReason.GRAVE_WORDS and one.standing.state in RUNNING


def _grave_first(one: SeenCase) -> tuple[bool, tuple[int, datetime, str]]:
    return not _is_grave(one), _order(one)


def _order(one: SeenCase) -> tuple[int, datetime, str]:
    """Running clocks first, then what was replied to, closed cases last; soonest due first."""
    state = one.standing.state
    rest = 0 if state in RUNNING else 1 if state == CaseState.REPLIED else 2
    return rest, next_due(one.standing), one.code


def alert_cards(cases: Sequence[SeenCase]) -> list[AlertCard]:
    """The open alerts of bad answers, at most one a rule and agency: gravest and fullest first."""
    found: dict[tuple[str, int], list[SeenCase]] = {}
    for one in cases:
        if not one.is_closed:
            found.setdefault((one.standing.reason, one.agency.id), []).append(one)
    cards = [
        AlertCard(
            reason,
            group[0].agency,
            min(one.standing.began_at for one in group),
            sorted(group, key=lambda one: (next_due(one.standing), one.code)),
        )
        for (reason, _), group in found.items()
    ]
    gravity = list(REASONS)
    return sorted(
        cards, key=lambda card: (gravity.index(card.rule), -len(card.cases), card.agency.name)
    )


def said_in(session: Session, standings: Iterable[CaseStanding]) -> dict[str, Said]:
    """What the citizens of some cases say now, by the key of the ballot (hex) as cases name it."""
    keys = [bytes.fromhex(one.ballot_key) for one in standings if one.ballot_key]
    found = box.find_many(session, keys)
    return {key.hex(): one.said for key, one in found.items() if one.said}


def _rows(session: Session, cases: Sequence[SeenCase], now: datetime) -> list[Row]:
    standings = [one.standing for one in cases]
    answers = said_in(session, standings)
    owners = {one.assignee_id for one in standings if one.assignee_id}
    staff = {one.id: one for one in session.scalars(select(Staff).where(Staff.id.in_(owners)))}
    calendar = calendar_of(session)
    rows = []
    for one in cases:
        due = deadline(one.standing)
        answer = answers.get(one.standing.ballot_key or "")
        rows.append(
            Row(
                one,
                staff.get(one.standing.assignee_id or 0),
                answer.overall if answer else None,
                _excerpt(answer.comment if answer else ""),
                time_left(calendar, due, now) if due else None,
            )
        )
    return rows


def _excerpt(comment: str) -> str:
    """The first characters of a comment, numbers covered before it is cut."""
    text = " ".join(mask_text(comment).split())
    if len(text) <= EXCERPT_LENGTH:
        return text
    cut = text[:EXCERPT_LENGTH]
    # A cover such as [số điện thoại] is not cut in two.
    if cut.rfind("[") > cut.rfind("]"):
        cut = cut[: cut.rfind("[")]
    return f"{cut.rstrip()}…"
