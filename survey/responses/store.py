"""Storing what a citizen says: answer, counts, alert and case in one transaction, however often it
comes.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session, aliased

from survey import alerts, invitations, sealing
from survey.bulk import write_many
from survey.cases.opening import reopen_by_citizen
from survey.db import connection_of, table_of
from survey.errors import Invalid, NotFound, Refused
from survey.models.case import case_of
from survey.models.count import Cell, move_counts
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.questionnaire import (
    FACTORS,
    HIGHEST_RATING,
    LOWEST_RATING,
    Question,
    Questionnaire,
    QuestionnaireKind,
)
from survey.models.response import (
    Answer,
    Flag,
    Form,
    Mode,
    Response,
    forget_order,
    lock_answers,
    seal_closing,
    seal_form,
)
from survey.models.snapshot import Snapshot
from survey.responses import flags
from survey.responses.page import clean_token, find_response
from survey.sms.phone import clean_phone

COMMENT_LENGTH = 2000
NOTHING_SAID = {**dict.fromkeys(map(str, Question)), "reasons": "", "comment": None}
WRITE_RESPONSE = insert(table_of(Response))
WRITE_ANSWER = insert(table_of(Answer))
_SHORT = aliased(Questionnaire)
# Everything a rating needs to know, in one look and as a plain row; most answers are just that.
_QUESTION = (
    select(
        Invitation.dossier_id,
        Invitation.questionnaire_id,
        Questionnaire.kind,
        select(_SHORT.id)
        .where(_SHORT.kind == QuestionnaireKind.SHORT)
        .order_by(_SHORT.version.desc())
        .limit(1)
        .scalar_subquery()
        .label("short_id"),
        Invitation.expires_at,
        Invitation.is_disowned,
        CoverageEntry.agency_id,
        CoverageEntry.sector_code,
        CoverageEntry.month,
        CoverageEntry.channel,
        CoverageEntry.lateness,
        CoverageEntry.procedure_code,
        select(func.coalesce(func.max(Snapshot.number), 0))
        .where(Snapshot.month == CoverageEntry.month)
        .scalar_subquery()
        .label("closings"),
        select(Response.id)
        .where(Response.key.in_(bindparam("keys", expanding=True)))
        .limit(1)
        .scalar_subquery()
        .label("response_id"),
    )
    .join(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
    .join(Questionnaire, Questionnaire.id == Invitation.questionnaire_id)
)
_LAST_CLOSING = select(func.max(Snapshot.number)).where(Snapshot.month == bindparam("month"))
_BY_TOKEN = _QUESTION.where(Invitation.token_hash.in_(bindparam("hashes", expanding=True)))
_BY_ID = _QUESTION.where(Invitation.id == bindparam("invitation_id"))


@dataclass(frozen=True, slots=True)
class Submission:
    """What one form sent; None means the form did not ask.

    `overall` 1–5; `ratings` factor → 1–5; `reasons` factors (empty: none chosen); `comment` (empty:
    removed);
    `contact` whether to be called; `contact_phone` as typed, empty for the dossier's own number.
    """

    overall: int | None = None
    ratings: dict[str, int] | None = None
    reasons: tuple[str, ...] | None = None
    comment: str | None = None
    contact: bool | None = None
    contact_phone: str = ""
    # When the form was drawn, signed (`survey.responses.flags.shown_at`); empty: it does not say.
    shown: str = ""

    def check(self) -> None:
        """Raise Invalid with the field's code when a value is out of range, unknown or too long."""
        ratings = [self.overall] if self.overall is not None else []
        ratings += list((self.ratings or {}).values())
        if any(not LOWEST_RATING <= rating <= HIGHEST_RATING for rating in ratings):
            raise Invalid("bad_rating")
        if not set(self.ratings or ()) <= set(FACTORS) or not set(self.reasons or ()) <= set(
            FACTORS
        ):
            raise Invalid("bad_factor")
        if self.comment is not None and len(self.comment) > COMMENT_LENGTH:
            raise Invalid("comment_too_long", str(len(self.comment) - COMMENT_LENGTH))


def submit(session: Session, token: str, submission: Submission, now: datetime) -> Answer:
    """Store what came through a link. Repeats change nothing; a new value adds a version.

    NotFound: no such link. Refused `answering_closed`: only readable now. Invalid: `rating_first`
    without a stored rating, `bad_contact_phone`, and what `Submission.check` finds.
    """
    submission.check()
    clean = clean_token(token)
    keys, hashes = sealing.answer_keys(session, clean), sealing.invitation_hashes(session, clean)
    sender = _Sender(_BY_TOKEN, {"keys": keys, "hashes": hashes}, Mode.WEB, token)
    asked = sender.asked(session)
    if asked is None or not invitations.may_answer(asked, now):
        invitations.find_by_token(session, token, now)  # tells unknown and expired links apart
        raise Refused("answering_closed")
    if not asked.is_full:  # factors were not asked, so nothing answers them
        submission = replace(submission, ratings=None)
    wish = _contact_wish(session, asked, submission)
    return _store(session, sender, asked, submission, wish, now)


def submit_by_sms(
    session: Session, invitation: Invitation, e164: str, submission: Submission, now: datetime
) -> Answer:
    """Store what came as a reply to an invitation with a reply code, from the asked phone."""
    submission.check()
    if invitation.reply_code is None or not invitations.may_answer(invitation, now):
        raise Refused("answering_closed")
    keys = sealing.answer_keys(session, sealing.sms_token(e164, invitation.reply_code))
    wish = None
    if submission.contact:
        dossier = invitation.dossier
        wish = alerts.ContactWish(e164, _name(session, dossier), dossier.code)
    sender = _Sender(_BY_ID, {"keys": keys, "invitation_id": invitation.id}, Mode.SMS)
    asked = sender.asked(session)
    if asked is None:
        raise NotFound("no_such_link")
    return _store(session, sender, asked, submission, wish, now)


def disown(session: Session, token: str, now: datetime) -> None:
    """Not my dossier: what this receiver answered is taken out again, and no answer is taken any
    more.

    What counted at a closing of the month stays: the closing never changes, and must be provable
    from the answers.
    """
    invitation = invitations.disown(session, token, now)
    lock_answers(session, invitation.coverage.cell.month)
    response = find_response(session, sealing.answer_keys(session, clean_token(token)))
    if response is None:
        return
    answer = response.answers[-1]
    closings = _closings(session, response.month)
    kept = [version for version in response.answers if version.closing(session) < closings]
    procedure_code = invitation.coverage.procedure_code  # as it was counted, not as it is now
    before = kept[-1].ratings if kept else {}
    if kept[-1:] != [answer]:
        move_counts(session, response.cell, procedure_code, answer.ratings, before)
    if kept:
        last = kept[-1].version  # versions before a closing come before those after it
        late = (Answer.response_id == response.id, Answer.version > last)
        session.execute(delete(Answer).where(*late))
        session.expire_all()
        return
    case = session.scalars(case_of(session, response.id).with_for_update()).first()
    if case is not None:
        case.keep(session, replace(case.standing(session), response_id=None))
        session.flush()
    session.execute(delete(Answer).where(Answer.response_id == response.id))
    session.execute(delete(Response).where(Response.id == response.id))
    session.expire_all()


def reopen(session: Session, token: str, now: datetime) -> None:
    """The citizen is not satisfied with the reply: the case opens again, once.

    NotFound without a case; Refused as `cases` says.
    """
    invitations.find_by_token(session, token, now)
    response = find_response(session, sealing.answer_keys(session, clean_token(token)))
    if response is None:
        raise NotFound("no_case")
    reopen_by_citizen(session, response, now)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question that is answered, as `_QUESTION` reads it."""

    dossier_id: int
    questionnaire_id: int
    is_full: bool
    expires_at: datetime
    is_disowned: bool
    cell: Cell
    procedure_code: str
    # How often the month was closed already.
    closings: int
    # The response that is there already.
    response_id: str | None


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who answers: how the question is found, `keys` of the answer (current first), the way it
    came.
    """

    statement: Select[*tuple[Any, ...]]
    values: Mapping[str, Any]
    mode: Mode
    # The link's own, empty for an answer by SMS.
    token: str = ""

    def asked(self, session: Session) -> _Asked | None:
        """The question as it stands now."""
        row = connection_of(session).execute(self.statement, self.values).first()
        if row is None:
            return None
        cell = Cell(row.agency_id, row.sector_code, row.month, row.channel, row.lateness)
        is_full = row.kind == QuestionnaireKind.FULL and invitations.asks_factors(
            clean_token(self.token)
        )
        return _Asked(
            dossier_id=row.dossier_id,
            questionnaire_id=row.questionnaire_id if is_full else row.short_id,
            is_full=is_full,
            expires_at=row.expires_at,
            is_disowned=row.is_disowned,
            cell=cell,
            procedure_code=row.procedure_code,
            closings=row.closings,
            response_id=row.response_id,
        )


def _store(
    session: Session,
    sender: _Sender,
    asked: _Asked,
    submission: Submission,
    wish: alerts.ContactWish | None,
    now: datetime,
) -> Answer:
    if lock_answers(session, asked.cell.month):
        again = sender.asked(session)
        if again is None or again.is_disowned:
            raise Refused("answering_closed")
        asked = again
    response = session.get_one(Response, asked.response_id) if asked.response_id else None
    previous = response.answers[-1] if response else None
    if previous is None and submission.overall is None:
        raise Invalid("rating_first")
    if response is None:
        answer = _first_version(session, sender, asked, submission, now)
        response = answer.response
    else:
        answer = _next_version(session, response, asked, submission)
    if answer is not previous:
        old = previous.ratings if previous else {}
        move_counts(session, asked.cell, asked.procedure_code, old, answer.ratings)
        forget_order(session, response)
    # Last, since they end in the chain, whose lock all others wait for.
    alerts.raise_for_answer(session, now, response, answer, wish)
    if submission.contact is False:
        alerts.withdraw_contact(session, now, response)
    return answer


def _first_version(
    session: Session, sender: _Sender, asked: _Asked, submission: Submission, now: datetime
) -> Answer:
    """A new response with its first answer, written as bare rows: most answers are just that."""
    response_id = secrets.token_hex(16)
    response = Response(
        id=response_id,
        key=sender.values["keys"][0],
        **asked.cell._asdict(),
        form_sealed=seal_form(session, response_id, Form(sender.mode, asked.questionnaire_id)),
        flags="",
    )
    said = _merged(NOTHING_SAID, submission)
    answer = Answer(
        response_id=response.id,
        version=1,
        closing_sealed=seal_closing(session, response.id, 1, asked.closings),
        response=response,
        **said,
    )
    seen = set()
    if flags.is_too_fast(session, sender.token, submission.shown, now):
        seen.add(Flag.TOO_FAST)
    if flags.is_burst(session, asked.cell.agency_id, answer.overall, asked.cell.month, now):
        seen.add(Flag.BURST)
    response.flags = flags.flags_of(response, answer, frozenset(seen))
    for statement, row in ((WRITE_RESPONSE, response), (WRITE_ANSWER, answer)):
        columns = table_of(type(row)).columns
        write_many(session, statement, [{one.name: getattr(row, one.name) for one in columns}])
    return answer


def _next_version(
    session: Session, response: Response, asked: _Asked, submission: Submission
) -> Answer:
    """The latest answer when nothing changed, else a new version with the changes merged in."""
    previous = response.answers[-1]
    before = _content(previous)
    after = _merged(before, submission)
    if after == before:
        return previous
    number = previous.version + 1
    sealed = seal_closing(session, response.id, number, asked.closings)
    answer = Answer(response_id=response.id, version=number, closing_sealed=sealed, **after)
    response.answers.append(answer)
    response.flags = flags.flags_of(response, answer)
    session.flush()
    return answer


def _merged(before: Mapping[str, object], submission: Submission) -> dict[str, object]:
    """What was said before with what this form says put over it."""
    after = dict(before)
    if submission.overall is not None:
        after["overall"] = submission.overall
    after.update(submission.ratings or {})
    if submission.reasons is not None:
        after["reasons"] = ";".join(factor for factor in FACTORS if factor in submission.reasons)
    if submission.comment is not None:
        after["comment"] = submission.comment.strip() or None
    return after


def _content(answer: Answer) -> dict[str, object]:
    ratings = {question.value: getattr(answer, question) for question in Question}
    return {**ratings, "reasons": answer.reasons, "comment": answer.comment}


def _closings(session: Session, month: str) -> int:
    """How often the month was closed already."""
    return session.connection().scalar(_LAST_CLOSING, {"month": month}) or 0


def _contact_wish(
    session: Session, asked: _Asked, submission: Submission
) -> alerts.ContactWish | None:
    """The number a citizen wants to be called on: the typed one, else the dossier's own."""
    if not submission.contact:
        return None
    dossier = session.get_one(Dossier, asked.dossier_id)
    if submission.contact_phone.strip():
        phone = clean_phone(submission.contact_phone)
        if phone.e164 is None or phone.kind not in {"mobile", "landline"}:
            raise Invalid("bad_contact_phone")
        number = phone.e164
    elif dossier.phone_sealed:
        number = sealing.unseal(session, "dossier.phone", dossier.code, dossier.phone_sealed)
    else:
        raise Invalid("bad_contact_phone")
    return alerts.ContactWish(number, _name(session, dossier), dossier.code)


def _name(session: Session, dossier: Dossier) -> str:
    if dossier.name_sealed is None:
        return ""
    return sealing.unseal(session, "dossier.name", dossier.code, dossier.name_sealed)
