"""A provider's health, shared by all processes.
Breaker and budget follow the given time, the pace follows the real clock.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.models.message import ProviderHealth
from survey.sms.outbox.rules import Rules
from survey.workdays import local_day

BREAKER_AFTER = 10
BREAKER_PAUSE = timedelta(minutes=5)
FAULT_PAUSE = timedelta(minutes=15)
# While one message tries whether the provider is back, the others wait.
PROBE_PAUSE = timedelta(minutes=1)
# After "too much at once" nothing is begun for so long.
LOAD_PAUSE = timedelta(seconds=1)
# The bucket holds a quarter of a second, so that no second sees much more than the rate.
BURST_SHARE = 4


def locked_health(session: Session, name: str) -> ProviderHealth:
    """The row of a provider, made when missing and held until the transaction ends."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(ProviderHealth).values(name=name, bad_calls=0, tokens=1, day_segments=0)
    session.execute(fresh.on_conflict_do_nothing())
    query = select(ProviderHealth).where(ProviderHealth.name == name).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def is_closed(health: ProviderHealth, now: datetime) -> bool:
    """Whether nothing may be begun before a later instant."""
    return health.open_until is not None and now < health.open_until


def is_probing(health: ProviderHealth) -> bool:
    """Whether only one message at a time may try."""
    return health.bad_calls >= BREAKER_AFTER or health.paused_reason is not None


def refill(health: ProviderHealth, rules: Rules, clock: datetime) -> int:
    """Put in what the pace allows since the last time; gives how many may begin at once."""
    since = health.refilled_at or clock
    earned = max((clock - since).total_seconds(), 0) * rules.rate
    health.tokens = min(health.tokens + earned, max(rules.rate / BURST_SHARE, 1))
    health.refilled_at = max(clock, since)
    return int(health.tokens)


def wait_for_pace(health: ProviderHealth, rules: Rules, clock: datetime) -> float:
    """Seconds until one more message may begin."""
    missing = max(1 - health.tokens, 0) / rules.rate
    held = (health.refilled_at - clock).total_seconds() if health.refilled_at else 0
    return max(missing + max(held, 0), 0.001)


def spend(health: ProviderHealth, rules: Rules, segments: int, now: datetime) -> bool:
    """Book the segments of a call on the local day; False if that would exceed the budget."""
    today = local_day(now)
    if health.day != today:
        health.day, health.day_segments = today, 0
    if rules.daily_budget is not None and health.day_segments + segments > rules.daily_budget:
        return False
    health.day_segments += segments
    return True


def note_good(health: ProviderHealth) -> None:
    """The provider answered sensibly: breaker and pause are over."""
    health.bad_calls, health.open_until, health.paused_reason = 0, None, None


def note_bad(health: ProviderHealth, now: datetime) -> None:
    """One more call that failed or ended unclear."""
    health.bad_calls += 1
    if health.bad_calls >= BREAKER_AFTER:
        health.open_until = now + BREAKER_PAUSE


def note_load(health: ProviderHealth, clock: datetime) -> None:
    """Too much at once: the bucket is emptied and rests."""
    health.tokens, health.refilled_at = 0, clock + LOAD_PAUSE


def note_fault(health: ProviderHealth, reason: str, now: datetime) -> None:
    """Our own configuration is wrong: nothing is begun for a while, and people are shown why."""
    health.paused_reason = reason[:60]
    health.open_until = now + FAULT_PAUSE


def give_back(health: ProviderHealth, segments: int) -> None:
    """Segments of a call that surely created nothing."""
    health.day_segments = max(health.day_segments - segments, 0)
