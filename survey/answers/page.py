"""The data of the answer page that a link opens. Reading them writes nothing.

No page is requested more often, so its SQL statements are built once and return plain rows. A link
without an answer needs only one statement.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, literal, select
from sqlalchemy.orm import Session

from survey.ballots import storage
from survey.ballots.contents import Answer
from survey.cases.deadlines import may_reopen
from survey.crypto.tokens import read_token
from survey.db import read_once
from survey.errors import NotFound
from survey.formats import mask_phone
from survey.invitations import asks_factors, stays_readable
from survey.models.ballot import CountedBallot, PooledBallot, ballot_key
from survey.models.case import Case, CaseEvent, CaseRecord, CaseState, EventKind
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.organisation import Agency, Procedure
from survey.models.province import Province
from survey.models.questionnaire import OVERALL, Question, QuestionnaireItem
from survey.province.workdays import local_day

_LINK = (
    select(
        Invitation.expires_at,
        Invitation.is_repudiated,
        Dossier.code,
        Dossier.finished_at,
        Dossier.phone_sealed,
        Agency.name.label("agency"),
        Procedure.name.label("procedure"),
        # Read here instead of by `hotline_of`, which would be a second statement.
        select(Province.hotline).limit(1).scalar_subquery().label("hotline"),
        # Most links have no ballot yet; then no further statement is needed.
        select(literal(1))
        .where(PooledBallot.key == bindparam("key"))
        .union_all(select(literal(1)).where(CountedBallot.key == bindparam("key")))
        .limit(1)
        .scalar_subquery()
        .label("is_answered"),
        QuestionnaireItem.question,
        QuestionnaireItem.text_vi,
        QuestionnaireItem.text_en,
        Question.name_vi,
        Question.name_en,
        Question.hint_vi,
        Question.hint_en,
    )
    .join(Dossier, Dossier.id == Invitation.dossier_id)
    .join(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
    .join(Agency, Agency.id == CoverageEntry.agency_id)
    .join(Procedure, Procedure.code == Dossier.procedure_code)
    .join(QuestionnaireItem, QuestionnaireItem.questionnaire_id == Invitation.questionnaire_id)
    .join(Question, Question.code == QuestionnaireItem.question)
    .where(Invitation.token_hash == bindparam("token_hash"))
    .order_by(QuestionnaireItem.position)
)
_CASE = select(Case.code, Case.record_sealed, Case.timeline_sealed, Case.contact_index).where(
    Case.answer_hash.in_(bindparam("answer_hashes", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Item:
    """One question: its text in this questionnaire, its name and its hint, in both languages."""

    question: str
    text_vi: str
    text_en: str
    name_vi: str
    name_en: str
    hint_vi: str
    hint_en: str


@dataclass(frozen=True, slots=True)
class CaseGlimpse:
    """The part of a case that is shown to the citizen whose answer opened it."""

    code: str
    state: str
    due_on: date
    reply: str | None
    # The event that closed the case, and its local day; None while the case is open.
    ending: CaseEvent | None
    ended_on: date | None
    may_reopen: bool
    is_called_back: bool


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """All data of the answer page; no name, no full phone number, no full dossier code."""

    agency: str
    procedure: str
    last4: str
    finished_on: date | None
    may_answer: bool
    is_repudiated: bool
    overall: Item
    # The factors in order. `rates_factors`: whether this link asks to rate each of them; other
    # links offer them as reasons.
    factors: tuple[Item, ...]
    rates_factors: bool
    # The last answer, if any.
    answer: Answer | None
    case: CaseGlimpse | None
    # "09••••678", or None once the number was erased.
    masked_phone: str | None
    # Phone number of the province's hotline; empty if it has none.
    hotline: str


def answer_page(session: Session, token: str, now: datetime) -> AnswerPage:
    """The data of a link's answer page; NotFound alike if it is unknown, malformed or expired."""
    clean = clean_token(token)
    connection = read_once(session)
    key = ballot_key(session, clean)
    which = {"token_hash": Invitation.by_token.of(session, clean), "key": key}
    rows = connection.execute(_LINK, which).all()
    if not rows:
        raise NotFound("no_such_link")
    link, answer, row = rows[0], None, None
    if link.is_answered:
        found = storage.find(session, key)
        answer = found.answer if found else None
        answer_hashes = Case.record.hashes_of(session, key.hex())
        row = connection.execute(_CASE, {"answer_hashes": answer_hashes}).first()
    is_open = now < link.expires_at
    case = None
    if row is not None:
        case = Case.record.decrypt(session, row.code, row.record_sealed)
    if not is_open and not (case and stays_readable(case, now)):
        raise NotFound("no_such_link")
    phone = Dossier.phone.decrypt(session, link.code, link.phone_sealed)
    items = [Item(*row[-len(Item.__slots__) :]) for row in rows]
    return AnswerPage(
        agency=link.agency,
        procedure=link.procedure,
        last4=link.code[-4:],
        finished_on=local_day(link.finished_at) if link.finished_at else None,
        may_answer=is_open and not link.is_repudiated,
        is_repudiated=link.is_repudiated,
        overall=next(item for item in items if item.question == OVERALL),
        factors=tuple(item for item in items if item.question != OVERALL),
        rates_factors=asks_factors(clean),
        answer=answer,
        case=_glimpse(session, row, case, now) if case else None,
        masked_phone=mask_phone(phone) if phone else None,
        hotline=link.hotline or "",
    )


def clean_token(token: str) -> str:
    """The normalised token; for a malformed one the empty string, which matches no link."""
    return read_token(token) or ""


def _glimpse(
    session: Session,
    row: Any,  # noqa: ANN401 - a row of _CASE
    case: CaseRecord,
    now: datetime,
) -> CaseGlimpse:
    events = Case.timeline.decrypt(session, row.code, row.timeline_sealed)
    replies = [event.text for event in events if event.kind == EventKind.REPLIED]
    endings = [event for event in events if event.kind == EventKind.CLOSED]
    ending = endings[-1] if case.state == CaseState.CLOSED else None
    return CaseGlimpse(
        code=row.code,
        state=case.state,
        due_on=local_day(case.due_at),
        reply=replies[-1] if replies else None,
        ending=ending,
        ended_on=local_day(ending.at) if ending else None,
        may_reopen=may_reopen(case, now),
        is_called_back=row.contact_index is not None,
    )
