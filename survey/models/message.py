"""Outgoing messages (outbox) and incoming ones, delivery receipts, and the health of providers.

A message of a dialogue (thanks, follow-up question) follows a rating at once, so its recipient is
deleted and its timestamps are reduced to days as soon as it is sent. The state of a reminder
reveals whether there is a rating, so a reminder is unlinked from its invitation when it is due.
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
    """Why a message is sent.

    DIALOGUE covers every reply to an incoming text, so that it does not reveal a rating.
    """

    INVITATION = "invitation"
    REMINDER = "reminder"
    DIALOGUE = "dialogue"
    CASE_REPLY = "case_reply"
    TEST = "test"


class MessageState(StrEnum):
    """State of a message; STEPS holds the allowed transitions."""

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
    # READY → SENT: a message was released as not sent, then a late receipt or an answer to it
    # proves that it was sent.
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


# Kinds whose recipients have a blind index different from that of all other messages.
_USES = {MessageKind.DIALOGUE: IndexUse.DIALOGUE, MessageKind.CASE_REPLY: IndexUse.CASE}


def _filled(column: str) -> Index:
    """A partial index on a column, without the rows in which it is NULL."""
    some = text(f"{column} IS NOT NULL")
    return Index(f"ix_message_{column}", column, sqlite_where=some, postgresql_where=some)


def indexed_text(message: Any, recipient: Recipient) -> str:  # noqa: ANN401 - instance, row or draft
    """The text that is hashed for the blind index of a message's recipient."""
    is_unlinked = message.kind == MessageKind.REMINDER and message.invitation_id is None
    use = IndexUse.UNLINKED if is_unlinked else _USES.get(message.kind, IndexUse.ASKED)
    return recipient.indexed_text(use)


class Message(Base):
    """A message to one recipient (a row of the outbox).

    Its body is deleted when the provider has accepted it, or when it will not be sent any more.
    """

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
        # Partial indexes: an import of many invitations need not update them.
        _filled("case_hash"),
        _filled("provider_id"),
        _filled("sent_at"),
    )

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    # Channel that carries it; a provider sends messages of its channel only.
    channel: Mapped[str] = mapped_column(String(10))
    # The invitation that it belongs to. That of a reminder is deleted when it is due, before it is
    # sent.
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"), index=True)
    # Keyed hash of the code of its case, while the citizen wishes to be called: it leads from a
    # case to its messages, never from a message to its case.
    case_hash: Mapped[bytes | None]
    by_case = KeyedHash("case_hash")
    # Recipient; deleted when a message of a dialogue or an unlinked reminder is sent or ends.
    recipient_sealed: Mapped[bytes | None]
    # Blind index of the recipient; deleted with it, but that of a sent unlinked reminder is kept
    # for a week. Dialogues, messages about cases and unlinked reminders have a different index for
    # the same recipient (`IndexUse`).
    recipient_index: Mapped[bytes | None]
    recipient = Sealed[Recipient | None](
        RecipientCodec(),
        row=("id",),
        index=BlindIndex("recipient_index", indexed_text, reads=("kind", "invitation_id")),
    )
    # First three digits of the number, such as 090, by which delivery is monitored. None for
    # dialogues, whose time is that of a rating, for unlinked reminders, and for messages about a
    # case whose citizen no longer wishes to be called.
    prefix: Mapped[str | None] = mapped_column(String(3))
    body_sealed: Mapped[bytes | None]
    body = Sealed[str | None](TEXT, row=("id",))
    # Keyed hash of the token in the body, by which reconciliation recognises the message in a
    # provider's list.
    token_hash: Mapped[bytes | None]
    by_token = KeyedHash("token_hash")
    segments: Mapped[int]
    encoding: Mapped[str] = mapped_column(String(5))
    state: Mapped[str] = mapped_column(String(20), default=MessageState.READY)
    # Not sent before this instant. For reminders a day (local midnight), as all timestamps of a
    # dialogue once it is sent or has ended.
    due_at: Mapped[datetime]
    # Not sent from this instant on; for reminders and dialogues a day, as above.
    expires_at: Mapped[datetime]
    # Not sent before this instant, after a failure or because another message was sent recently.
    retry_at: Mapped[datetime | None]
    # Number of provider calls begun.
    attempt: Mapped[int] = mapped_column(default=0)
    # Id of the latest call, the process that makes it, and the start of its lease (real clock).
    attempt_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    owner: Mapped[str | None] = mapped_column(String(64))
    leased_at: Mapped[datetime | None]
    # Provider of the latest attempt, and its id for the message.
    provider: Mapped[str | None] = mapped_column(String(10))
    provider_id: Mapped[str | None] = mapped_column(String(64))
    # Cost of the latest attempt in dong, at the price of its day; None if no price is known.
    cost_dong: Mapped[int | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    # Start of the latest call; its result is unknown since then. None once the result is known.
    unknown_since: Mapped[datetime | None]
    # How often reconciliation has asked the provider about it.
    looks: Mapped[int] = mapped_column(default=0)
    # Reason of the latest failure, the same for all providers: refused_number, opted_out,
    # provider_down, …
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
        """Whether STEPS allows the transition to a state."""
        return state in STEPS[MessageState(self.state)]

    def step(self, state: MessageState) -> None:
        """Change the state; Conflict `message_step` if STEPS does not allow it."""
        if not self.may_step(state):
            raise Conflict("message_step", f"{self.state} → {state}")
        self.state = state


class InboundEvent(Base):
    """Idempotency record of an incoming text, so that it is handled once; every text has one.

    It has no day and does not lead to an `Inbound`. Comments get no reply, so a day with more
    incoming texts than messages of dialogues would reveal that comments came on it.
    """

    __tablename__ = "inbound_event"
    __table_args__ = ({"sqlite_with_rowid": False},)

    provider: Mapped[str] = mapped_column(String(10), primary_key=True)
    # Keyed hash of the provider's event id: repeats are recognised, but the row cannot be joined
    # with the provider's log.
    event_hash: Mapped[bytes] = mapped_column(primary_key=True)
    by_event = KeyedHash("event_hash")

    __clear__: ClassVar = {WORK: "provider"}


class Inbound(Base):
    """An incoming text that a person must read; deleted when its retention period ends."""

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
    # Whether it is still in the hotline's inbox.
    needs_person: Mapped[bool] = mapped_column(default=False)

    __clear__: ClassVar = {
        RANDOM: "id",
        "of texts that are neither rating nor comment to one": "received_at needs_person",
    }


class Conversation(Base):
    """When a phone number was last asked to clarify a text, or sent help; holds no rating."""

    __tablename__ = "conversation"

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # Needed to compute the blind index with a new key; the index leads to no dossier.
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(unique=True)
    phone = Sealed[str](TEXT, row=("id",), index=BlindIndex("phone_index"))
    # Local midnight of the day of the last question ("which one?" or "please repeat"), so that it
    # is asked once for an open invitation.
    asked_again_on: Mapped[datetime | None]
    # Local midnight of the day on which help was last sent, since it is sent once a day.
    helped_on: Mapped[datetime | None]

    __clear__: ClassVar = {
        RANDOM: "id",
        "the days of questions that no rating leads to": "asked_again_on helped_on",
    }


class Receipt(Base):
    """A provider's delivery receipt, stored once as received, before it is interpreted."""

    __tablename__ = "receipt"
    __table_args__ = (UniqueConstraint("provider", "provider_id", "status", "error_code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(10))
    provider_id: Mapped[str] = mapped_column(String(64))
    attempt_id: Mapped[str] = mapped_column(String(32), index=True)
    status: Mapped[str] = mapped_column(String(30))
    error_code: Mapped[str] = mapped_column(String(20), default="")
    # Local midnight of the day on which it was received.
    received_at: Mapped[datetime]

    __clear__: ClassVar = {WORK: "id provider provider_id attempt_id status error_code received_at"}


class ProviderHealth(Base):
    """Circuit breaker, pause, budgets and token bucket of a provider, shared by all processes."""

    __tablename__ = "provider_health"
    __table_args__ = (CheckConstraint("tokens >= 0", name="tokens"),)

    name: Mapped[str] = mapped_column(String(10), primary_key=True)
    # Bad calls in a row. At ten the circuit breaker opens until `open_until`; then it is half-open
    # and one message at a time tests the provider.
    bad_calls: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[datetime | None]
    # A fault of our own configuration, shown to people until a call succeeds again.
    paused_reason: Mapped[str | None] = mapped_column(String(60))
    # Segments of calls begun on a local day and in its month (YYYY-MM), compared with the budgets.
    day: Mapped[date | None]
    day_segments: Mapped[int] = mapped_column(default=0)
    month: Mapped[Month | None] = mapped_column()
    month_segments: Mapped[int] = mapped_column(default=0)
    # Token bucket (rate limiter) and its last refill on the real clock.
    tokens: Mapped[float] = mapped_column(default=0)
    refilled_at: Mapped[datetime | None]

    __clear__: ClassVar = {
        WORK: "name bad_calls open_until paused_reason day day_segments month month_segments "
        "tokens refilled_at"
    }
