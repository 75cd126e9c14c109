"""What the page of a link shows. Reading writes nothing.

The page is opened more often than anything else, so its statements are built once and bring plain
rows; the first opening needs only one.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload

from survey import sealing
from survey.cases.clocks import may_reopen
from survey.errors import NotFound
from survey.invitations import asks_factors, stays_readable
from survey.models.case import (
    Case,
    CaseEvent,
    CaseStanding,
    CaseState,
    EventKind,
    open_events,
    open_standing,
)
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.organisation import Agency, Procedure, Province
from survey.models.questionnaire import FACTORS, Question, QuestionnaireItem
from survey.models.response import Answer, Response
from survey.sms.phone import mask_phone
from survey.workdays import local_day

_LINK = (
    select(
        Invitation.expires_at,
        Invitation.is_disowned,
        Dossier.code,
        Dossier.finished_at,
        Dossier.phone_sealed,
        Agency.name.label("agency"),
        Procedure.name.label("procedure"),
        select(Province.hotline).limit(1).scalar_subquery().label("hotline"),
        select(Response.id)
        .where(Response.key.in_(bindparam("keys", expanding=True)))
        .limit(1)
        .scalar_subquery()
        .label("response_id"),
        QuestionnaireItem.question,
        QuestionnaireItem.text_vi,
        QuestionnaireItem.text_en,
    )
    .join(Dossier, Dossier.id == Invitation.dossier_id)
    .join(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
    .join(Agency, Agency.id == CoverageEntry.agency_id)
    .join(Procedure, Procedure.code == Dossier.procedure_code)
    .join(QuestionnaireItem, QuestionnaireItem.questionnaire_id == Invitation.questionnaire_id)
    .where(Invitation.token_hash.in_(bindparam("hashes", expanding=True)))
    .order_by(QuestionnaireItem.position)
)
_RATINGS = [getattr(Answer, question) for question in ("overall", *FACTORS)]
_SAID = (
    select(
        *_RATINGS,
        Answer.reasons,
        Answer.comment,
        Case.code.label("case_code"),
        Case.standing_sealed,
        Case.timeline_sealed,
        Case.contact_index,
    )
    .outerjoin(Case, Case.answer_hash.in_(bindparam("answer_hashes", expanding=True)))
    .where(Answer.response_id == bindparam("response_id"))
    .order_by(Answer.version.desc())
    .limit(1)
)
_RESPONSE_ID = select(Response.id).where(Response.key.in_(bindparam("keys", expanding=True)))
_RESPONSE = (
    select(Response)
    .where(Response.key.in_(bindparam("keys", expanding=True)))
    .options(joinedload(Response.answers))
)


@dataclass(frozen=True, slots=True)
class Item:
    """One question of the questionnaire, as it is worded in its version."""

    question: str
    text_vi: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the citizen said last: ratings by question (those that were given), reasons, comment."""

    ratings: dict[str, int]
    reasons: tuple[str, ...]
    comment: str

    @property
    def overall(self) -> int:
        """The rating every answer has."""
        return self.ratings["overall"]

    @property
    def is_more_than_a_rating(self) -> bool:
        """Whether anything stands beside the overall rating."""
        return len(self.ratings) > 1 or bool(self.reasons or self.comment)


@dataclass(frozen=True, slots=True)
class CaseGlimpse:
    """What a citizen may see of the case their answer opened."""

    code: str
    state: str
    due_on: date
    reply: str | None
    # How it was closed and on which day, as long as it is.
    ending: CaseEvent | None
    ended_on: date | None
    may_reopen: bool
    is_called_back: bool


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """Everything the citizen's page shows for one link; no name, no full number or code."""

    agency: str
    procedure: str
    last4: str
    finished_on: date | None
    may_answer: bool
    is_disowned: bool
    # The questionnaire's questions in order: `overall`, and the five factors in the full one.
    items: tuple[Item, ...]
    # What was said last, if anything.
    answer: Said | None
    case: CaseGlimpse | None
    # "09••••678", or None once the number was erased.
    masked_phone: str | None
    # The number to call in doubt.
    hotline: str


def answer_page(session: Session, token: str, now: datetime) -> AnswerPage:
    """The page of a link; NotFound for unknown, malformed and expired links alike."""
    clean = clean_token(token)
    connection = session.connection()
    hashes, keys = sealing.invitation_hashes(session, clean), sealing.answer_keys(session, clean)
    rows = connection.execute(_LINK, {"hashes": hashes, "keys": keys}).all()
    if not rows:
        raise NotFound("no_such_link")
    link, said = rows[0], None
    if link.response_id is not None:
        answer_hashes = sealing.case_hashes(session, link.response_id)
        which = {"response_id": link.response_id, "answer_hashes": answer_hashes}
        said = connection.execute(_SAID, which).first()
    is_open = now < link.expires_at
    case = None
    if said is not None and said.case_code is not None:
        case = open_standing(session, said.case_code, said.standing_sealed)
    if not is_open and not (case and stays_readable(case, now)):
        raise NotFound("no_such_link")
    phone = None
    if link.phone_sealed:
        phone = mask_phone(sealing.unseal(session, "dossier.phone", link.code, link.phone_sealed))
    return AnswerPage(
        agency=link.agency,
        procedure=link.procedure,
        last4=link.code[-4:],
        finished_on=local_day(link.finished_at) if link.finished_at else None,
        may_answer=is_open and not link.is_disowned,
        is_disowned=link.is_disowned,
        items=tuple(
            Item(row.question, row.text_vi, row.text_en)
            for row in rows
            if row.question == Question.OVERALL or asks_factors(clean)
        ),
        answer=_said(said) if said else None,
        case=_glimpse(session, said, case, now) if case else None,
        masked_phone=phone,
        hotline=link.hotline or "",
    )


def clean_token(token: str) -> str:
    """The token as it was drawn; an unreadable one matches nothing."""
    return sealing.read_token(token) or ""


def find_response(session: Session, keys: list[bytes]) -> Response | None:
    """The response stored under one of these keys, with its answers."""
    if session.connection().scalar(_RESPONSE_ID, {"keys": keys}) is None:
        return None  # as for most: no objects have to be made to find nothing
    return session.scalars(_RESPONSE, {"keys": keys}).unique().first()


def _said(row: Any) -> Said:  # noqa: ANN401 - a row of _SAID
    ratings = {name: getattr(row, name) for name in ("overall", *FACTORS)}
    return Said(
        ratings={name: rating for name, rating in ratings.items() if rating is not None},
        reasons=tuple(reason for reason in row.reasons.split(";") if reason),
        comment=row.comment or "",
    )


def _glimpse(
    session: Session,
    row: Any,  # noqa: ANN401 - a row of _SAID
    case: CaseStanding,
    now: datetime,
) -> CaseGlimpse:
    events = open_events(session, row.case_code, row.timeline_sealed)
    replies = [event.text for event in events if event.kind == EventKind.REPLIED]
    endings = [event for event in events if event.kind == EventKind.CLOSED]
    ending = endings[-1] if case.state == CaseState.CLOSED else None
    return CaseGlimpse(
        code=row.case_code,
        state=case.state,
        due_on=local_day(case.due_at),
        reply=replies[-1] if replies else None,
        ending=ending,
        ended_on=local_day(ending.at) if ending else None,
        may_reopen=may_reopen(case, now),
        is_called_back=row.contact_index is not None,
    )
