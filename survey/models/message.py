"""Messages out (the outbox) and in, the provider's receipts, and each provider's health.

A message of a dialogue (thanks, follow-up) loses its receiver and keeps days only once it left,
since its time would be a rating's. A reminder is unlinked from its invitation when its day comes,
since its state reveals whether there is a rating.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import ASKED, RANDOM, WORK
from survey.crypto.sealed import TEXT, BlindIndex, KeyedHash, Sealed
from survey.db import Base, one_of
from survey.errors import Conflict
from survey.models.message_channel import MessageChannel
from survey.models.recipient import IndexUse, Recipient, RecipientCodec
from survey.period import Month


class MessageKind(StrEnum):
    """Why a message is sent. `dialogue` covers every answer to an inbound text, so it never reveals
    a rating.
    """

    INVITATION = "invitation"
    REMINDER = "reminder"
    DIALOGUE = "dialogue"
    CASE_REPLY = "case_reply"
    TEST = "test"


class MessageState(StrEnum):
    """Where a message stands; the allowed steps are in STEPS."""

    READY = "ready"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    DELIVERY_UNKNOWN = "delivery_unknown"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"


STEPS: dict[MessageState, frozenset[MessageState]] = {
    # SENT: released as not found, then a late receipt or an answer proves that it had left.
    MessageState.READY: frozenset(
        {
            MessageState.SENDING,
            MessageState.SENT,
            MessageState.CANCELLED,
            MessageState.EXPIRED,
            MessageState.FAILED,
        }
    ),
    MessageState.SENDING: frozenset(
        {
            MessageState.SENT,
            MessageState.UNKNOWN,
            MessageState.READY,
            MessageState.FAILED,
            MessageState.DELIVERED,
            MessageState.UNDELIVERED,
        }
    ),
    MessageState.UNKNOWN: frozenset(
        {
            MessageState.SENT,
            MessageState.READY,
            MessageState.FAILED,
            MessageState.CANCELLED,
            MessageState.DELIVERED,
            MessageState.UNDELIVERED,
        }
    ),
    MessageState.SENT: frozenset(
        {
            MessageState.DELIVERED,
            MessageState.UNDELIVERED,
            MessageState.DELIVERY_UNKNOWN,
            MessageState.EXPIRED,
            MessageState.READY,
        }
    ),
    MessageState.DELIVERY_UNKNOWN: frozenset({MessageState.DELIVERED, MessageState.UNDELIVERED}),
    MessageState.DELIVERED: frozenset(),
    MessageState.UNDELIVERED: frozenset(),
    MessageState.EXPIRED: frozenset(),
    MessageState.FAILED: frozenset(),
    MessageState.CANCELLED: frozenset(),
}


# Kinds whose receiver is found by an index that no other message shares.
_USES = {MessageKind.DIALOGUE: IndexUse.DIALOGUE, MessageKind.CASE_REPLY: IndexUse.CASE}


def _filled(column: str) -> Index:
    """An index of the rows in which a column holds something."""
    some = text(f"{column} IS NOT NULL")
    return Index(f"ix_message_{column}", column, sqlite_where=some, postgresql_where=some)


def indexed_text(message: Any, recipient: Recipient) -> str:  # noqa: ANN401 - instance, row or draft
    """What is hashed of the receiver of a message of its kind."""
    is_unlinked = message.kind == MessageKind.REMINDER and message.invitation_id is None
    use = IndexUse.UNLINKED if is_unlinked else _USES.get(message.kind, IndexUse.ASKED)
    return recipient.indexed_text(use)


class Message(Base):
    """One message to one receiver; its body is blanked once taken or refused for good."""

    __tablename__ = "message"
    __table_args__ = (
        one_of("kind", MessageKind),
        one_of("channel", MessageChannel),
        one_of("state", MessageState),
        CheckConstraint("segments >= 1", name="segments"),
        CheckConstraint("attempt >= 0", name="attempt"),
        CheckConstraint(
            "(state = 'sending') <= (attempt_id IS NOT NULL)", name="sending_has_attempt"
        ),
        CheckConstraint(
            "(state IN ('ready', 'sending', 'unknown')) <= (recipient_sealed IS NOT NULL)",
            name="unsent_has_recipient",
        ),
        Index("ix_message_state_kind_due_at", "state", "kind", "due_at"),
        Index("ix_message_recipient_index_sent_at", "recipient_index", "sent_at"),
        # Only where there is something: a long import writes no line here.
        _filled("case_hash"),
        _filled("provider_id"),
        _filled("sent_at"),
    )

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    # What carries it: a provider takes messages of its channel only.
    channel: Mapped[str] = mapped_column(String(10))
    # What is asked about; of a reminder only until its day comes, and never once it may leave.
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"), index=True)
    # Keyed hash of the code of the case it is about, while the citizen wishes to be called: the
    # messages of a case are found, never the case of a message.
    case_hash: Mapped[bytes | None]
    by_case = KeyedHash("case_hash")
    # Receiver, and its blind index; both empty once a dialogue message has left. A dialogue message
    # has an index of its own use, so has what is written about a case, and so has an unlinked
    # reminder, whose index stays a week where it left; the address goes.
    recipient_sealed: Mapped[bytes | None]
    recipient_index: Mapped[bytes | None]
    recipient = Sealed[Recipient | None](
        RecipientCodec(),
        row=("id",),
        index=BlindIndex("recipient_index", indexed_text, reads=("kind", "invitation_id")),
    )
    # First three digits of the number, such as 090: delivery is monitored by them. Never of a
    # dialogue, whose time stands beside a rating, of an unlinked reminder, or of a reply to who
    # wishes no call any more.
    prefix: Mapped[str | None] = mapped_column(String(3))
    body_sealed: Mapped[bytes | None]
    body = Sealed[str | None](TEXT, row=("id",))
    # Keyed hash of the token in the body, so that reconcile recognises its own text in a listing.
    token_hash: Mapped[bytes | None]
    by_token = KeyedHash("token_hash")
    segments: Mapped[int]
    encoding: Mapped[str] = mapped_column(String(5))
    state: Mapped[str] = mapped_column(String(20), default=MessageState.READY)
    # Not before this instant, and worthless after that one; of reminders days, not instants. Of a
    # dialogue that left or ended these and all others are the days on which they were.
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    # After a failure or too soon after another message: not before this instant.
    retry_at: Mapped[datetime | None]
    # How often a provider call was begun; the id of the latest, its owner and its claim on the real
    # clock.
    attempt: Mapped[int] = mapped_column(default=0)
    attempt_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    owner: Mapped[str | None] = mapped_column(String(64))
    leased_at: Mapped[datetime | None]
    # Provider that took the latest attempt, and its name for the message.
    provider: Mapped[str | None] = mapped_column(String(10))
    provider_id: Mapped[str | None] = mapped_column(String(64))
    # What the latest attempt costs in dong, at the price of its day; empty: no price known.
    cost_dong: Mapped[int | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    # When its latest call was begun: since then its fate is unknown; and how often reconcile has
    # looked.
    unknown_since: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0)
    # Neutral reason of the latest failure: refused_number, opted_out, provider_down, …
    reason: Mapped[str] = mapped_column(String(40), default="")

    __clear__: ClassVar = {
        RANDOM: "id attempt_id",
        ASKED: "kind channel invitation_id state due_at expires_at sent_at settled_at segments "
        "encoding",
        "one of some fifty, shared by millions of numbers": "prefix",
        WORK: "retry_at attempt owner leased_at provider provider_id cost_dong unknown_since "
        "looks reason",
    }

    def may_step(self, state: MessageState) -> bool:
        """Whether STEPS leads there from where the message stands."""
        return state in STEPS[MessageState(self.state)]

    def step(self, state: MessageState) -> None:
        """Go to a state; Conflict `message_step` if STEPS does not lead there."""
        if not self.may_step(state):
            raise Conflict("message_step", f"{self.state} → {state}")
        self.state = state


class InboundEvent(Base):
    """That a text came, so that nothing is acted on twice; for all texts alike.

    It has no day and leads to no `Inbound`: a comment is not replied to, so days on which more
    texts came than messages of a dialogue left would reveal when comments did.
    """

    __tablename__ = "inbound_event"
    __table_args__ = ({"sqlite_with_rowid": False},)

    provider: Mapped[str] = mapped_column(String(10), primary_key=True)
    # Keyed hash of the provider's event id: repeats are recognised, the provider's log is not
    # joined.
    event_hash: Mapped[bytes] = mapped_column(primary_key=True)
    by_event = KeyedHash("event_hash")

    __clear__: ClassVar = {WORK: "provider"}


class Inbound(Base):
    """A text a phone sent us that a person has to read, until its term ends."""

    __tablename__ = "inbound"
    __table_args__ = (
        Index(
            "ix_inbound_waiting",
            "received_at",
            sqlite_where=text("needs_person"),
            postgresql_where=text("needs_person"),
        ),
    )

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    received_at: Mapped[datetime]
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes]
    phone = Sealed[str](TEXT, row=("id",), index=BlindIndex("phone_index"))
    body_sealed: Mapped[bytes]
    body = Sealed[str](TEXT, row=("id",))
    # Whether the hotline inbox still has to look at it.
    needs_person: Mapped[bool] = mapped_column(default=False)

    __clear__: ClassVar = {
        RANDOM: "id",
        "of texts that are neither rating nor comment to one": "received_at needs_person",
    }


class Conversation(Base):
    """What a phone was last asked and whether it may be asked again; holds no rating."""

    __tablename__ = "conversation"

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # Only so that its index can be made again, which leads to no dossier.
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(unique=True)
    phone = Sealed[str](TEXT, row=("id",), index=BlindIndex("phone_index"))
    # The day of the last "which one?" or "please repeat", so each is asked once.
    asked_again_on: Mapped[datetime | None]
    helped_on: Mapped[datetime | None]

    __clear__: ClassVar = {
        RANDOM: "id",
        "the days of questions that no rating leads to": "asked_again_on helped_on",
    }


class Receipt(Base):
    """A provider's word about a message, stored raw and once before anything is concluded."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("provider", "provider_id", "status", "error_code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(10))
    provider_id: Mapped[str] = mapped_column(String(64))
    attempt_id: Mapped[str] = mapped_column(String(32), index=True)
    status: Mapped[str] = mapped_column(String(30))
    error_code: Mapped[str] = mapped_column(String(20), default="")
    # Local midnight of its day.
    received_at: Mapped[datetime]

    __clear__: ClassVar = {WORK: "id provider provider_id attempt_id status error_code received_at"}


class ProviderHealth(Base):
    """Breaker, pause and token bucket of one provider, shared by all processes."""

    __tablename__ = "provider_health"
    __table_args__ = (CheckConstraint("tokens >= 0", name="tokens"),)

    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    # Bad calls in a row; at ten the breaker opens until an instant, then one message tries.
    bad_calls: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[datetime | None]
    # A fault of our own configuration, shown to people until a message gets through again.
    paused_reason: Mapped[str | None] = mapped_column(String(60))
    # Segments begun on a local day and in its month (YYYY-MM), held against the budgets.
    day: Mapped[date | None]
    day_segments: Mapped[int] = mapped_column(default=0)
    month: Mapped[Month | None] = mapped_column()
    month_segments: Mapped[int] = mapped_column(default=0)
    # Token bucket on the real clock.
    tokens: Mapped[float] = mapped_column(default=0)
    refilled_at: Mapped[datetime | None]

    __clear__: ClassVar = {
        WORK: "name bad_calls open_until paused_reason day day_segments month month_segments "
        "tokens refilled_at"
    }
