"""Storing what a citizen says: answer, counts, alert and case in one transaction, however often it
comes.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from survey import alerts, invitations
from survey.cases.opening import reopen_by_citizen
from survey.db import table_of
from survey.errors import Invalid, NotFound, Refused
from survey.models.case import Case
from survey.models.count import move_counts, move_frame
from survey.models.invitation import Invitation
from survey.models.questionnaire import FACTORS, HIGHEST_RATING, LOWEST_RATING, Question
from survey.models.response import Answer, Flag, Mode, Response, forget_order, lock_cell
from survey.models.snapshot import Snapshot
from survey.privacy import sealing
from survey.responses import flags
from survey.responses.page import clean_token, find_response
from survey.sms.phone import clean_phone

COMMENT_LENGTH = 2000
NOTHING_SAID = {**dict.fromkeys(map(str, Question)), "reasons": "", "comment": None}
WRITE_RESPONSE = insert(table_of(Response))
WRITE_ANSWER = insert(table_of(Answer))
_LAST_CLOSING = select(func.max(Snapshot.number)).where(Snapshot.month == bindparam("month"))


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
    invitation = invitations.find_by_token(session, token, now)
    if not invitations.may_answer(invitation, now):
        raise Refused("answering_closed")
    wish = _contact_wish(session, invitation, submission)
    keys = sealing.answer_keys(session, clean_token(token))
    return _store(session, _Sender(invitation, keys, Mode.WEB, token), submission, wish, now)


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
        wish = alerts.ContactWish(e164, _name(session, invitation), invitation.dossier.code)
    return _store(session, _Sender(invitation, keys, Mode.SMS), submission, wish, now)


def disown(session: Session, token: str, now: datetime) -> None:
    """Not my dossier: what this receiver answered is taken out again, and no answer is taken any
    more.

    What counted at a closing of the month stays: the closing never changes, and must be provable
    from the answers.
    """
    invitation = invitations.disown(session, token, now)
    lock_cell(session, invitation.coverage.cell)
    response = find_response(session, sealing.answer_keys(session, clean_token(token)))
    if response is None:
        return
    answer = response.answers[-1]
    closings = _closings(session, response.month)
    kept = [version for version in response.answers if version.closing < closings]
    procedure_code = invitation.coverage.procedure_code  # as it was counted, not as it is now
    before = kept[-1].ratings if kept else {}
    if kept[-1:] != [answer]:
        move_counts(session, response.cell, procedure_code, answer.ratings, before)
    if kept:
        late = (Answer.response_id == response.id, Answer.closing >= closings)
        session.execute(delete(Answer).where(*late))
        session.expire_all()
        return
    move_frame(session, response.cell, answered=-1)
    case = session.scalars(select(Case).where(Case.response_id == response.id)).first()
    if case is not None:
        case.response_id = None
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
class _Sender:
    """Who answers: the invitation, the keys it may be stored under (current first), the way it
    came.
    """

    invitation: Invitation
    keys: Sequence[bytes]
    mode: Mode
    # The link's own, empty for an answer by SMS.
    token: str = ""


def _store(
    session: Session,
    sender: _Sender,
    submission: Submission,
    wish: alerts.ContactWish | None,
    now: datetime,
) -> Answer:
    coverage = sender.invitation.coverage
    if lock_cell(session, coverage.cell):
        session.refresh(sender.invitation, ["is_disowned"])
        if sender.invitation.is_disowned:
            raise Refused("answering_closed")
    response = find_response(session, list(sender.keys))
    previous = response.answers[-1] if response else None
    if previous is None and submission.overall is None:
        raise Invalid("rating_first")
    if response is None:
        answer = _first_version(session, sender, submission, now)
        response = answer.response
    else:
        answer = _next_version(session, response, submission)
    if answer is not previous:
        old = previous.ratings if previous else {}
        move_counts(session, coverage.cell, coverage.procedure_code, old, answer.ratings)
    alerts.raise_for_answer(session, now, response, answer, wish)
    if submission.contact is False:
        alerts.withdraw_contact(session, now, response)
    if answer is not previous:
        forget_order(session, response)
    return answer


def _first_version(
    session: Session, sender: _Sender, submission: Submission, now: datetime
) -> Answer:
    """A new response with its first answer, written as bare rows: most answers are just that."""
    cell = sender.invitation.coverage.cell
    response = Response(
        id=secrets.token_hex(16),
        key=sender.keys[0],
        agency_id=cell.agency_id,
        sector_code=cell.sector_code,
        month=cell.month,
        channel=cell.channel,
        lateness=cell.lateness,
        mode=sender.mode,
        questionnaire_id=sender.invitation.questionnaire_id,
        flags="",
    )
    said = _merged(NOTHING_SAID, submission)
    closing = _closings(session, cell.month)
    answer = Answer(response_id=response.id, version=1, closing=closing, response=response, **said)
    seen = set()
    if flags.is_too_fast(session, sender.token, submission.shown, now):
        seen.add(Flag.TOO_FAST)
    if flags.is_burst(session, cell.agency_id, answer.overall, cell.month, now):
        seen.add(Flag.BURST)
    response.flags = flags.flags_of(response, answer, frozenset(seen))
    for statement, row in ((WRITE_RESPONSE, response), (WRITE_ANSWER, answer)):
        columns = table_of(type(row)).columns
        values = {column.name: getattr(row, column.name) for column in columns}
        session.connection().execute(statement, values)
    move_frame(session, cell, answered=1)
    return answer


def _next_version(session: Session, response: Response, submission: Submission) -> Answer:
    """The latest answer when nothing changed, else a new version with the changes merged in."""
    previous = response.answers[-1]
    before = _content(previous)
    after = _merged(before, submission)
    if after == before:
        return previous
    closing = _closings(session, response.month)
    answer = Answer(response_id=response.id, version=previous.version + 1, closing=closing, **after)
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
    session: Session, invitation: Invitation, submission: Submission
) -> alerts.ContactWish | None:
    """The number a citizen wants to be called on: the typed one, else the dossier's own."""
    if not submission.contact:
        return None
    dossier = invitation.dossier
    if submission.contact_phone.strip():
        phone = clean_phone(submission.contact_phone)
        if phone.e164 is None or phone.kind not in {"mobile", "landline"}:
            raise Invalid("bad_contact_phone")
        number = phone.e164
    elif dossier.phone_sealed:
        number = sealing.unseal(session, "dossier.phone", dossier.code, dossier.phone_sealed)
    else:
        raise Invalid("bad_contact_phone")
    return alerts.ContactWish(number, _name(session, invitation), dossier.code)


def _name(session: Session, invitation: Invitation) -> str:
    dossier = invitation.dossier
    if dossier.name_sealed is None:
        return ""
    return sealing.unseal(session, "dossier.name", dossier.code, dossier.name_sealed)
