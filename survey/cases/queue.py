"""The lists: a handler's queue with its views and counts, and open alerts with their cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, case, func, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from survey.cases.clocks import RUNNING, SOON_HOURS, calendar_of, time_left
from survey.cases.labels import REASONS
from survey.models.alert import Alert
from survey.models.case import Case, CaseState
from survey.models.organisation import Agency
from survey.models.response import Answer
from survey.models.staff import Staff
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

    case: Case
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
    """An open alert with its open cases, soonest due first."""

    alert: Alert
    agency: Agency
    cases: list[Case]


def next_due() -> ColumnElement[datetime]:
    """The deadline that counts now: of the first reaction until there is one, then of the reply."""
    return case((Case.first_reaction_at.is_(None), Case.first_due_at), else_=Case.due_at)


def deadline(one: Case) -> datetime | None:
    """The same for a row at hand; None while no clock runs."""
    if one.state not in RUNNING:
        return None
    return one.first_due_at if one.first_reaction_at is None else one.due_at


def counts(session: Session, cases: Select[Case], staff: Staff, now: datetime) -> dict[View, int]:
    """How many of the visible cases each view holds, in one query."""
    matching = [
        func.coalesce(func.sum(case((condition(session, view, staff, now), 1), else_=0)), 0)
        for view in View
    ]
    row = session.execute(cases.with_only_columns(*matching, maintain_column_froms=True)).one()
    return dict(zip(View, map(int, row), strict=True))


def show_page(
    session: Session,
    cases: Select[Case],
    view: ColumnElement[bool],
    number: int,
    now: datetime,
) -> QueuePage:
    """One page of the visible cases for which `view` (of `condition`) holds, soonest due first."""
    chosen = cases.where(view)
    total = session.scalar(chosen.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    pages = max(1, -(-total // PAGE_ROWS))
    number = min(max(1, number), pages)
    query = (
        chosen.options(joinedload(Case.agency), joinedload(Case.sector), joinedload(Case.assignee))
        .order_by(_rest(), next_due(), Case.code)
        .limit(PAGE_ROWS)
        .offset((number - 1) * PAGE_ROWS)
    )
    found = session.scalars(query).unique().all()
    return QueuePage(_rows(session, found, now), number, pages, total)


def open_cases(session: Session) -> list[Case]:
    """All open cases, for who may see everything, soonest due first."""
    query = (
        select(Case)
        .where(Case.state != CaseState.CLOSED)
        .options(joinedload(Case.agency), joinedload(Case.assignee))
        .order_by(_rest(), next_due(), Case.code)
    )
    return list(session.scalars(query))


def _rest() -> ColumnElement[int]:
    """Running clocks first, then what was replied to, closed cases last."""
    return case((Case.state.in_(RUNNING), 0), (Case.state == CaseState.REPLIED, 1), else_=2)


def alert_cards(session: Session, cases: Select[Case]) -> list[AlertCard]:
    """Open alerts that have an open case among `cases`, the gravest and fullest first."""
    query = (
        cases.join(Alert, Case.alert_id == Alert.id)
        .where(Case.state != CaseState.CLOSED, Alert.closed_at.is_(None))
        .options(joinedload(Case.agency), joinedload(Case.sector), selectinload(Case.alert))
        .order_by(next_due(), Case.code)
    )
    cards: dict[int, AlertCard] = {}
    for one in session.scalars(query).unique():
        if one.alert is not None:
            card = cards.setdefault(one.alert.id, AlertCard(one.alert, one.agency, []))
            card.cases.append(one)
    gravity = list(REASONS)
    return sorted(
        cards.values(),
        key=lambda card: (gravity.index(card.alert.rule), -len(card.cases), card.agency.name),
    )


def latest_answers(session: Session, response_ids: Sequence[str]) -> dict[str, Answer]:
    """The newest version of each answer, by the id of its response."""
    query = select(Answer).where(Answer.response_id.in_(response_ids)).order_by(Answer.version)
    return {answer.response_id: answer for answer in session.scalars(query)}


def _rows(session: Session, cases: Sequence[Case], now: datetime) -> list[Row]:
    ids = [one.response_id for one in cases if one.response_id is not None]
    answers = latest_answers(session, ids)
    calendar = calendar_of(session)
    rows = []
    for one in cases:
        due = deadline(one)
        answer = answers.get(one.response_id or "")
        rows.append(
            Row(
                one,
                answer.overall if answer else None,
                _excerpt(answer.comment if answer else None),
                time_left(calendar, due, now) if due else None,
            )
        )
    return rows


def _excerpt(comment: str | None) -> str:
    """The first characters of a comment, numbers covered before it is cut."""
    text = " ".join(mask_text(comment or "").split())
    if len(text) <= EXCERPT_LENGTH:
        return text
    cut = text[:EXCERPT_LENGTH]
    # A cover such as [số điện thoại] is not cut in two.
    if cut.rfind("[") > cut.rfind("]"):
        cut = cut[: cut.rfind("[")]
    return f"{cut.rstrip()}…"


def condition(session: Session, view: View, staff: Staff, now: datetime) -> ColumnElement[bool]:
    """What a case must fulfil to stand in a view."""
    running = Case.state.in_(RUNNING)
    soon = calendar_of(session).add_working_hours(now, SOON_HOURS)
    is_open = Case.state != CaseState.CLOSED
    conditions: dict[View, ColumnElement[bool]] = {
        View.MINE: (Case.assignee_id == staff.id) & is_open,
        View.UNASSIGNED: Case.assignee_id.is_(None) & is_open,
        View.DUE_SOON: running & (next_due() >= now) & (next_due() < soon),
        View.OVERDUE: running & (next_due() < now),
        View.REOPENED: Case.state == CaseState.REOPENED,
        View.ALL: true(),
    }
    return conditions[view]
