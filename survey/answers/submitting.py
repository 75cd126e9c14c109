"""Storing an answer: the ballot and the case it opens, in one transaction (idempotent)."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from survey import case_triggers, invitations
from survey.answers.asked import BY_ID, BY_TOKEN, Asked, Sender
from survey.answers.flags import is_too_fast
from survey.answers.page import clean_token
from survey.answers.submission import Submission
from survey.ballots import storage
from survey.ballots.bursts import slot_of
from survey.ballots.contents import Answer, Ballot, Current, Pooled, replacing
from survey.ballots.storage import Found
from survey.cases.opening import reopen_by_citizen
from survey.crypto.tokens import reply_secret
from survey.db import advisory_lock
from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.messages.phone import clean_phone
from survey.models.ballot import Flag, Mode, ballot_key
from survey.models.case import ORDER_LOCK, case_of
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from survey.models.recipient import Recipient
from survey.province.workdays import local_day
from survey.surveys import questions_of

# Most changes of one link on one local day: no citizen makes more.
CHANGES_A_DAY = 50
# Attempts to write a ballot while other requests of the same link write first.
TRIES = 5


@dataclass(frozen=True, slots=True)
class Given:
    """A stored answer: the key of its ballot, and its present content."""

    key: bytes
    answer: Answer


def submit(session: Session, token: str, submission: Submission, now: datetime) -> Given:
    """Store an answer given through a link (idempotent); a new value replaces the old one.

    NotFound `no_such_link`. Refused `answering_closed`: the page can only be read;
    `too_many_changes`: over 50 on this day. Invalid: `rating_first` without a rating,
    `bad_contact_phone`, and those of `Submission.checked`. Conflict `ballot_changed`: other
    requests of the link wrote first five times in a row.
    """
    clean = clean_token(token)
    values = {"token_hash": Invitation.by_token.of(session, clean)}
    sender = Sender(BY_TOKEN, ballot_key(session, clean), values, Mode.WEB, token)
    asked = sender.asked(session)
    if asked is None or not invitations.may_answer(asked, now):
        invitations.find_by_token(session, token, now)  # NotFound unless the page is readable
        raise Refused("answering_closed")
    submission = submission.checked(asked.factors)
    if not asked.is_full:  # this link asks for no ratings of factors
        submission = replace(submission, ratings=None)
    wish = _contact_wish(session, asked, submission)
    return _store(session, sender, asked, submission, wish, now)


def submit_by_sms(
    session: Session,
    invitation: Invitation,
    recipient: Recipient,
    submission: Submission,
    now: datetime,
) -> Given:
    """Store an answer that the invited phone gave by SMS to an invitation with a reply code.

    Raises as `submit` does.
    """
    if invitation.reply_code is None or not invitations.may_answer(invitation, now):
        raise Refused("answering_closed")
    wish = None
    if submission.contact:
        dossier = invitation.dossier
        wish = case_triggers.ContactWish(recipient.address, dossier.name or "", dossier.code)
    key = ballot_key(session, reply_secret(invitation.id, invitation.reply_code))
    sender = Sender(BY_ID, key, {"invitation_id": invitation.id}, Mode.SMS)
    asked = sender.asked(session)
    if asked is None:
        raise NotFound("no_such_link")
    submission = replace(submission.checked(asked.factors), ratings=None)
    return _store(session, sender, asked, submission, wish, now)


def repudiate(session: Session, token: str, now: datetime) -> None:
    """Repudiate a link (not my dossier): remove its answer and accept no further one.

    The version that a closing of the month counted stays, because the closing never changes and
    must be provable from the ballots. NotFound `no_such_link`; Conflict `ballot_changed`.
    """
    invitation = invitations.repudiate(session, token, now)
    key = ballot_key(session, clean_token(token))
    for _ in range(TRIES):
        found = storage.find(session, key)
        if found and found.pooled and found.pooled.current is None:
            return
        try:
            # Also written without an answer, so that a simultaneous answer gets a Conflict.
            storage.put(session, _withdrawn(session, found, invitation, key, now), "", found)
        except Conflict:
            continue
        left = storage.find(session, key)
        if left is None or left.answer is None:
            _unlink_case(session, key)
        return
    raise Conflict("ballot_changed")


def reopen(session: Session, token: str, now: datetime) -> None:
    """Reopen the case of a link, once, because the citizen is not satisfied with the reply.

    NotFound `no_such_link`, `no_case`; Refused as in `survey.cases.opening.reopen_by_citizen`.
    """
    invitations.find_by_token(session, token, now)
    reopen_by_citizen(session, ballot_key(session, clean_token(token)), now)


def _withdrawn(
    session: Session, found: Found | None, invitation: Invitation, key: bytes, now: datetime
) -> Pooled:
    """The pooled ballot of a repudiated link: the counting job subtracts what was counted."""
    if found and found.pooled:
        return replace(found.pooled, current=None)
    entry = invitation.coverage
    questions = questions_of(session, invitation.questionnaire_id)
    ballot = Ballot(key=key, cell=entry.cell, mode=Mode.WEB, questions=questions)
    return _pooled(found.ballot if found else ballot, entry.procedure_code, now)


def _unlink_case(session: Session, key: bytes) -> None:
    """Unlink the case of a removed answer from its ballot."""
    advisory_lock(session, ORDER_LOCK, shared=True)
    case = session.scalars(case_of(session, key).with_for_update()).first()
    if case is not None:
        case.record = replace(case.record, ballot_key=None)
        session.flush()


def _store(
    session: Session,
    sender: Sender,
    asked: Asked,
    submission: Submission,
    wish: case_triggers.ContactWish | None,
    now: datetime,
) -> Given:
    before, after = _put(session, sender, asked, submission, now)
    change = case_triggers.Change(sender.key, asked.cell, before, after)
    case_triggers.raise_for_answer(session, now, change, wish)
    if submission.contact is False:
        case_triggers.withdraw_contact(session, now, sender.key)
    return Given(sender.key, after)


def _put(
    session: Session, sender: Sender, asked: Asked, submission: Submission, now: datetime
) -> tuple[Answer | None, Answer]:
    """Write a changed answer into the pool; returns the answer before and the answer now."""
    for _ in range(TRIES):
        found = storage.find(session, sender.key) if asked.is_answered else None
        before = found.answer if found else None
        after = submission.over(before, asked.factors)
        if after == before:
            return before, after
        pooled = _changed(found, asked, after, now) if found else _first(sender, asked, after, now)
        if found is None and is_too_fast(session, sender.token, submission.shown, now):
            pooled = _flagged(pooled, Flag.TOO_FAST)
        try:
            storage.put(session, pooled, after.comment, found)
        except Conflict:
            again = sender.asked(session)
            if again is None or again.is_repudiated:
                raise Refused("answering_closed") from None
            asked = again
        else:
            return before, after
    raise Conflict("ballot_changed")


def _first(sender: Sender, asked: Asked, answer: Answer, now: datetime) -> Pooled:
    """The pooled ballot of a first answer."""
    ballot = Ballot(
        key=sender.key,
        cell=asked.cell,
        mode=sender.mode,
        questions=asked.questions,
        descent=asked.descent,
    )
    return replace(
        _pooled(ballot, asked.procedure_code, now), current=Current(answer.ratings, answer.reasons)
    )


def _changed(found: Found, asked: Asked, answer: Answer, now: datetime) -> Pooled:
    """The pooled ballot of a changed answer; Refused `too_many_changes`."""
    pooled = found.pooled or _pooled(found.ballot, asked.procedure_code, now)
    today = local_day(now)
    changes = pooled.changes if pooled.changed_on == today else 0
    if changes >= CHANGES_A_DAY:
        raise Refused("too_many_changes")
    last = pooled.current or found.ballot.versions[-1]
    current = replacing(last, answer.ratings, answer.reasons)
    return replace(pooled, current=current, changes=changes + 1, changed_on=today)


def _pooled(ballot: Ballot, procedure_code: str, now: datetime) -> Pooled:
    """A ballot that enters the pool now, without a new version yet."""
    return Pooled(
        ballot=ballot,
        current=None,
        day=local_day(now),
        slot=slot_of(now),
        procedure_code=procedure_code,
    )


def _flagged(pooled: Pooled, flag: Flag) -> Pooled:
    return replace(pooled, ballot=replace(pooled.ballot, flags=pooled.ballot.flags | {flag}))


def _contact_wish(
    session: Session, asked: Asked, submission: Submission
) -> case_triggers.ContactWish | None:
    """The phone number for a call: the typed one, else the dossier's; None if none is wanted.

    Invalid `bad_contact_phone`: no Vietnamese phone number, or none known.
    """
    if not submission.contact:
        return None
    dossier = session.get_one(Dossier, asked.dossier_id)
    if submission.contact_phone.strip():
        phone = clean_phone(submission.contact_phone)
        if phone.e164 is None or phone.kind not in {"mobile", "landline"}:
            raise Invalid("bad_contact_phone")
        number = phone.e164
    elif (known := dossier.phone) is not None:
        number = known
    else:
        raise Invalid("bad_contact_phone")
    return case_triggers.ContactWish(number, dossier.name or "", dossier.code)
