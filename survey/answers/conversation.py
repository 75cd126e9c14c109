"""Inbound SMS: ratings are stored, requests obeyed, unclear texts answered once with a question.

Of a text with a rating only the hash of its event id is stored, neither its day nor its phone
number.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from survey import invitations
from survey.answers.submission import COMMENT_LENGTH, Submission
from survey.answers.submitting import submit_by_sms
from survey.ballots import storage
from survey.ballots.contents import Answer
from survey.cases.deadlines import FIRST_REACTION_HOURS, day_of
from survey.crypto.tokens import reply_secret
from survey.errors import Conflict, Refused
from survey.messages import outbox
from survey.messages.dialogue import Reply, parse
from survey.messages.phone import clean_phone, recipient_at
from survey.messages.providers import InboundSms
from survey.messages.text import SmsText, deadline_words, short_agency_name
from survey.messages.versions import compose, compose_alike
from survey.models.ballot import ballot_key
from survey.models.case import CaseState, case_of
from survey.models.invitation import Invitation, OptOut, random_id
from survey.models.message import (
    Conversation,
    Inbound,
    InboundEvent,
    Message,
    MessageKind,
    MessageState,
)
from survey.models.organisation import Agency
from survey.models.questionnaire import DISSATISFIED_UP_TO
from survey.models.recipient import Recipient
from survey.province import calendar_of, hotline_of
from survey.province.workdays import local_day

LOCALE = "vi_accented"
# A reply that is not sent within a day is of no use any more.
WORTH_ANSWERING = timedelta(days=1)
# States of messages that have not reached their phone.
_NOT_OUT = (
    MessageState.READY,
    MessageState.FAILED,
    MessageState.CANCELLED,
    MessageState.EXPIRED,
)


def receive(session: Session, inbound: InboundSms, now: datetime) -> None:
    """Act on one inbound SMS, or leave it to the hotline (idempotent by event id)."""
    if not _is_first(session, inbound, now):
        return
    recipient = recipient_at(inbound.from_number)
    if recipient is None:
        _to_inbox(session, inbound, now)
        return
    talk = _Talk(session, recipient, now)
    try:
        is_done = talk.answer(parse(inbound.text))
    except (Refused, Conflict):  # such as `too_many_changes`: then a person reads the text
        is_done = False
    if not is_done:
        _to_inbox(session, inbound, now)


def _is_first(session: Session, inbound: InboundSms, now: datetime) -> bool:
    """Store the hash of the event id (idempotent insert); False if it was stored before.

    Without an event id, phone number, text and minute identify the event.
    """
    name = inbound.event_id or f"{inbound.from_number}|{inbound.text}|{now:%Y-%m-%dT%H:%M}"
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(InboundEvent).values(
        provider=inbound.provider, event_hash=InboundEvent.by_event.of(session, name)
    )
    stored = fresh.on_conflict_do_nothing().returning(InboundEvent.event_hash)
    return session.scalar(stored) is not None


def _to_inbox(session: Session, inbound: InboundSms, now: datetime) -> None:
    """Store a text in the hotline's inbox, its phone number and body encrypted."""
    number = clean_phone(inbound.from_number).e164 or inbound.from_number
    text_id = secrets.token_hex(16)
    text = Inbound(
        id=text_id,
        received_at=now,
        needs_person=True,
        **Inbound.phone.columns(session, text_id, number),
        **Inbound.body.columns(session, text_id, inbound.text),
    )
    session.add(text)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The invitation that a text refers to; None if there is none, or if it is ambiguous."""

    invitation: Invitation | None
    is_ambiguous: bool = False


class _Talk:
    """One phone and the open invitations that it may be answering."""

    def __init__(self, session: Session, recipient: Recipient, now: datetime) -> None:
        self.session, self.recipient, self.now = session, recipient, now
        self.open = self._open_invitations()

    def answer(self, reply: Reply) -> bool:
        """Act on a reply; False if a person has to read it."""
        if reply.kind == "opt_out":
            return self._opt_out()
        if reply.kind == "help":
            return self._help()
        if reply.kind == "rating":
            return self._rate(self._choose(reply.code), reply.rating or 0)
        # What looks like a code may be a word of a sentence.
        is_code = any(invitation.reply_code == reply.code for invitation in self.open)
        chosen = self._choose(reply.code if is_code else None)
        if reply.kind == "call_me":
            return self._call_me(chosen)
        if reply.kind == "ask" and self._is_unrated(chosen):
            return self._ask(chosen)
        return self._comment(chosen, reply.text)

    def _opt_out(self) -> bool:
        """Opt the phone out of all invitations and reminders; confirm this the first time."""
        known = select(OptOut.id).where(
            OptOut.phone.holds(self.session, self.recipient.indexed_text())
        )
        if self.session.scalars(known).first() is None:
            invitations.opt_out(self.session, self.recipient, self.now)
            self._say("opt_out")
        return True

    def _help(self) -> bool:
        """Send the help text, at most once per local day."""
        notes = self._notes()
        if notes.helped_on is None or local_day(notes.helped_on) < local_day(self.now):
            notes.helped_on = day_of(self.now)
            self._say("help")
        return True

    def _rate(self, chosen: _Chosen, rating: int) -> bool:
        """Store a rating; ask which invitation is meant if that is unclear.

        Without an open invitation the rating came too late and is dropped.
        """
        if chosen.invitation is None:
            return self._ask(chosen) if self.open else True
        before = self._rated(chosen.invitation)
        was_dissatisfied = before is not None and before.is_dissatisfied
        given = Submission(overall=rating)
        submit_by_sms(self.session, chosen.invitation, self.recipient, given, self.now)
        is_dissatisfied = rating <= DISSATISFIED_UP_TO
        name = "follow_up" if is_dissatisfied and not was_dissatisfied else "thanks"
        if name == "follow_up" or before is None:
            agency = self.session.get_one(Agency, chosen.invitation.coverage.agency_id)
            hotline = hotline_of(self.session)
            thanks = {"agency": short_agency_name(agency.name), "hotline": hotline}
            texts = {"thanks": thanks, "follow_up": {"hotline": hotline}}
            self._queue(compose_alike(self.session, name, texts))
        return True

    def _call_me(self, chosen: _Chosen) -> bool:
        """Open a case for a rated invitation; False without one: the hotline reads the request.

        Either way a text confirms the call and its deadline.
        """
        by = calendar_of(self.session).add_working_hours(self.now, FIRST_REACTION_HOURS)
        case = None
        if chosen.invitation and self._rated(chosen.invitation):
            wish = Submission(contact=True)
            answer = submit_by_sms(self.session, chosen.invitation, self.recipient, wish, self.now)
            case = self.session.scalars(case_of(self.session, answer.key)).first()
        self._say(
            "call_back",
            case_code=case.code if case else "",
            by=deadline_words(case.record.first_due_at if case else by, LOCALE),
        )
        return case is not None

    def _comment(self, chosen: _Chosen, text: str) -> bool:
        """Append a text to the comment of a rated invitation; False if there is none."""
        if chosen.invitation is None:
            return False
        answer = self._rated(chosen.invitation)
        if answer is None:
            return False
        whole = "\n".join(part for part in (answer.comment, text.strip()) if part)
        if len(whole) > COMMENT_LENGTH or self._is_answered(chosen.invitation):
            return False
        given = Submission(comment=whole)
        submit_by_sms(self.session, chosen.invitation, self.recipient, given, self.now)
        return True

    def _ask(self, chosen: _Chosen) -> bool:
        """Ask what is meant, once after the newest invitation; False if that was asked before."""
        notes = self._notes()
        newest = max(invitation.made_on for invitation in self.open)
        if notes.asked_again_on is not None and local_day(notes.asked_again_on) >= newest:
            return False
        notes.asked_again_on = day_of(self.now)
        if chosen.invitation is not None:
            self._say("ask_again", code=chosen.invitation.reply_code or "")
        elif len(self.open) == 1:  # the text bears another code
            self._say("wrong_code", code=self.open[0].reply_code or "")
        else:
            self._say("which_one")
        return True

    def _choose(self, code: str | None) -> _Chosen:
        """The open invitation with this reply code; without a code, the only open invitation."""
        fitting = [one for one in self.open if code in {None, one.reply_code}]
        if len(fitting) == 1:
            return _Chosen(fitting[0])
        return _Chosen(None, is_ambiguous=bool(self.open))

    def _is_unrated(self, chosen: _Chosen) -> bool:
        """Whether the invitation is not rated yet, or it is unclear which invitation is meant."""
        if chosen.invitation is None:
            return chosen.is_ambiguous
        return self._rated(chosen.invitation) is None

    def _rated(self, invitation: Invitation) -> Answer | None:
        """The last answer to an invitation, or None."""
        secret = reply_secret(invitation.id, invitation.reply_code or "")
        found = storage.find(self.session, ballot_key(self.session, secret))
        return found.answer if found else None

    def _is_answered(self, invitation: Invitation) -> bool:
        """Whether the case of an invitation was replied to or closed."""
        secret = reply_secret(invitation.id, invitation.reply_code or "")
        query = case_of(self.session, ballot_key(self.session, secret))
        case = self.session.scalars(query).first()
        return case is not None and case.record.state in {CaseState.REPLIED, CaseState.CLOSED}

    def _open_invitations(self) -> list[Invitation]:
        """Invitations that reached this phone and may still be answered by SMS.

        Only the phone that was asked may answer, so the number of the message decides, not the
        present number of the dossier.
        """
        query = (
            select(Invitation)
            .join(Message, Message.invitation_id == Invitation.id)
            .where(Message.recipient.holds(self.session, self.recipient.indexed_text()))
            .where(Invitation.reply_code.is_not(None), Invitation.expires_at > self.now)
            .where(Invitation.is_repudiated.is_(False))
            .where(Message.kind == MessageKind.INVITATION, Message.state.not_in(_NOT_OUT))
            .options(joinedload(Invitation.dossier), joinedload(Invitation.coverage))
        )
        return list(self.session.scalars(query).unique())

    def _notes(self) -> Conversation:
        """The conversation of this phone (get or create), locked until the transaction ends."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        held = Conversation.phone.holds(self.session, self.recipient.indexed_text())
        query = select(Conversation).where(held).with_for_update()
        if known := self.session.scalars(query).first():
            return known
        talk_id = random_id()
        columns = Conversation.phone.columns(self.session, talk_id, self.recipient.address)
        fresh = dialect.insert(Conversation).values(id=talk_id, **columns)
        self.session.execute(fresh.on_conflict_do_nothing())
        return self.session.scalars(query).one()

    def _say(self, name: str, **values: str) -> None:
        self._queue(compose(self.session, name, hotline=hotline_of(self.session), **values))

    def _queue(self, text: SmsText) -> None:
        """Queue a reply. All replies have the same kind, so that it reveals nothing about them."""
        draft = outbox.Draft(
            kind=MessageKind.DIALOGUE,
            recipient=self.recipient,
            text=text,
            due_at=self.now,
            expires_at=self.now + WORTH_ANSWERING,
        )
        outbox.enqueue(self.session, self.now, draft)
