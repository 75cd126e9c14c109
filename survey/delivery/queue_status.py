"""Status of the outbox: waiting messages, since when, the sending rate, and the pause reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.cases.deadlines import day_of
from survey.db import settings_of
from survey.messages.outbox import circuit_breaker
from survey.messages.outbox.leases import is_due
from survey.messages.outbox.rules import load_rules
from survey.models.message import Message, MessageKind, MessageState, ProviderHealth
from survey.period import Month

# The sending rate is measured over the last minute, and reported after a few seconds of data.
PACE_OVER = timedelta(minutes=1)
PACE_SEEN = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class PauseReason:
    """Why nothing is sent: `window`, `breaker`, `fault` or `budget`; `until`: the end, if known.

    `detail`: for a fault, what the provider complains about.
    """

    reason: str
    until: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The outbox at one instant.

    `waiting`: due and not handed over, the oldest since `oldest`; `scheduled`: due later.
    `pace`: messages a second over the last minute, None if too few were sent. `remaining`: the
    time that the waiting messages need at that pace.
    """

    waiting: int
    oldest: datetime | None
    scheduled: int
    sending: int
    unclear: int
    sent_today: int
    pace: float | None
    remaining: timedelta | None
    pause_reason: PauseReason | None

    @property
    def is_under_way(self) -> bool:
        """Whether messages are being sent, so that the page should refresh itself."""
        return bool(self.sending or (self.waiting and self.pause_reason is None))


def queue_status(session: Session, now: datetime) -> QueueStatus:
    """The outbox at `now`. Refused `no_province` before the reference data are loaded."""
    states = _counts(session)
    waiting, oldest = session.execute(
        select(func.count(), func.min(Message.due_at)).select_from(Message).where(is_due(now))
    ).one()
    pace = _pace(session, now)
    return QueueStatus(
        waiting=waiting,
        oldest=oldest,
        scheduled=states.get(MessageState.READY, 0) - waiting,
        sending=states.get(MessageState.SENDING, 0),
        unclear=states.get(MessageState.UNKNOWN, 0),
        sent_today=_sent_since(session, day_of(now)),
        pace=pace,
        remaining=timedelta(seconds=waiting / pace) if pace and waiting else None,
        pause_reason=pause_reason(session, now),
    )


def outcomes_since(session: Session, since: datetime) -> dict[str, int]:
    """State → messages that were due since an instant."""
    return dict(_counts(session, since))


def _counts(session: Session, since: datetime | None = None) -> Mapping[str, int]:
    query = select(Message.state, func.count()).group_by(Message.state)
    if since is not None:
        query = query.where(Message.due_at >= since)
    return dict(session.execute(query).all())


def _sent_since(session: Session, since: datetime) -> int:
    query = select(func.count()).select_from(Message).where(Message.sent_at >= since)
    return session.scalar(query) or 0


def _pace(session: Session, now: datetime) -> float | None:
    """Messages a second since the first one sent within the last minute.

    Messages of a dialogue are left out: only their day is stored, and they are few.
    """
    lately = (
        Message.sent_at > now - PACE_OVER,
        Message.sent_at <= now,
        Message.kind != MessageKind.DIALOGUE,
    )
    first = session.scalar(select(func.min(Message.sent_at)).where(*lately))
    if first is None or now - first < PACE_SEEN:
        return None
    count = session.scalar(select(func.count()).select_from(Message).where(*lately)) or 0
    return count / (now - first).total_seconds()


def pause_reason(session: Session, now: datetime) -> PauseReason | None:
    """Why messages that we initiate are not sent now; None if they are."""
    rules = load_rules(session)
    health = session.get(ProviderHealth, settings_of(session).sms.provider)
    if health is not None and health.paused_reason:
        return PauseReason("fault", health.open_until, health.paused_reason)
    if health is not None and circuit_breaker.is_open(health, now):
        return PauseReason("breaker", health.open_until)
    if not rules.is_open(now):
        window = (rules.window_start, rules.window_end)
        return PauseReason("window", rules.calendar.next_send_time(now, *window))
    spent = [one.period for one in circuit_breaker.budgets(session, rules, now) if one.is_spent]
    if "month" in spent:
        return PauseReason("budget", Month.at(now).ends)
    if spent:
        return PauseReason("budget", day_of(now) + timedelta(days=1))
    return None
