"""Circuit breaker, rate limiter (token bucket) and budgets of a provider, shared by all processes.
Breaker and budgets use the time of the run, the rate limiter uses the real clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey.messages.outbox.rules import Rules
from survey.models.message import ProviderHealth
from survey.period import Month
from survey.province.workdays import local_day

BREAKER_AFTER = 10
BREAKER_PAUSE = timedelta(minutes=5)
FAULT_PAUSE = timedelta(minutes=15)
# Half-open breaker: one message at a time tests whether the provider is back, the others wait.
PROBE_PAUSE = timedelta(minutes=1)
# After the provider reports overload, no call is begun for so long.
LOAD_PAUSE = timedelta(seconds=1)
# The token bucket holds a quarter of a second's rate, so that no second much exceeds the rate.
BURST_SHARE = 4
# The operator is warned from this share of a budget on.
WARN_PERCENT = 80


def locked_health(session: Session, name: str) -> ProviderHealth:
    """The health row of a provider, created if missing and locked until the transaction ends."""
    query = select(ProviderHealth).where(ProviderHealth.name == name).with_for_update()
    query = query.execution_options(populate_existing=True)
    if known := session.scalars(query).first():
        return known
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    fresh = dialect.insert(ProviderHealth).values(
        name=name, bad_calls=0, tokens=1, day_segments=0, month_segments=0
    )
    session.execute(fresh.on_conflict_do_nothing())
    return session.scalars(query).one()


def is_open(health: ProviderHealth, now: datetime) -> bool:
    """Whether the circuit breaker is open: no call to the provider may begin now."""
    return health.open_until is not None and now < health.open_until


def is_probing(health: ProviderHealth) -> bool:
    """Whether only one message at a time may be sent (half-open circuit breaker)."""
    return health.bad_calls >= BREAKER_AFTER or health.paused_reason is not None


def refill(health: ProviderHealth, rules: Rules, clock: datetime) -> int:
    """Refill the token bucket for the time since the last refill; how many calls may begin."""
    since = health.refilled_at or clock
    earned = max((clock - since).total_seconds(), 0) * rules.rate
    health.tokens = min(health.tokens + earned, max(rules.rate / BURST_SHARE, 1))
    health.refilled_at = max(clock, since)
    return int(health.tokens)


def wait_for_pace(health: ProviderHealth, rules: Rules, clock: datetime) -> float:
    """Seconds until the rate limiter allows one more call."""
    missing = max(1 - health.tokens, 0) / rules.rate
    held = (health.refilled_at - clock).total_seconds() if health.refilled_at else 0
    return max(missing + max(held, 0), 0.001)


@dataclass(frozen=True, slots=True)
class Budget:
    """Segments allowed in a period (`day`, `month`) and booked in it so far, over all providers."""

    period: str
    limit: int
    used: int

    @property
    def is_near(self) -> bool:
        """Whether the warning level is reached."""
        return self.used * 100 >= self.limit * WARN_PERCENT

    @property
    def is_spent(self) -> bool:
        """Whether no further segment is allowed."""
        return self.used >= self.limit


def budgets(session: Session, rules: Rules, now: datetime) -> list[Budget]:
    """The budgets of the day and month of `now`; empty where none is set."""
    today = local_day(now)
    of_day, of_month = ProviderHealth.day == today, ProviderHealth.month == Month.of(today)
    found = []
    if rules.daily_budget is not None:
        used = session.scalar(select(func.sum(ProviderHealth.day_segments)).where(of_day))
        found.append(Budget("day", rules.daily_budget, used or 0))
    if rules.monthly_budget is not None:
        used = session.scalar(select(func.sum(ProviderHealth.month_segments)).where(of_month))
        found.append(Budget("month", rules.monthly_budget, used or 0))
    return found


def book(health: ProviderHealth, segments: int, now: datetime) -> None:
    """Book the segments of a call on the local day and its month."""
    today = local_day(now)
    if health.day != today:
        health.day, health.day_segments = today, 0
    if health.month != Month.of(today):
        health.month, health.month_segments = Month.of(today), 0
    health.day_segments += segments
    health.month_segments += segments


def note_good(health: ProviderHealth) -> None:
    """Record a successful call: close the circuit breaker and end a pause."""
    health.bad_calls, health.open_until, health.paused_reason = 0, None, None


def note_bad(health: ProviderHealth, now: datetime) -> None:
    """Record a failed or unknown call; the circuit breaker opens after BREAKER_AFTER in a row."""
    health.bad_calls += 1
    if health.bad_calls >= BREAKER_AFTER:
        health.open_until = now + BREAKER_PAUSE


def note_load(health: ProviderHealth, clock: datetime) -> None:
    """Record an overload: empty the token bucket and refill it only after a pause."""
    health.tokens, health.refilled_at = 0, clock + LOAD_PAUSE


def note_fault(health: ProviderHealth, reason: str, now: datetime) -> None:
    """Record a fault of our configuration: pause all calls for a while and show people why."""
    health.paused_reason = reason[:60]
    health.open_until = now + FAULT_PAUSE


def give_back(health: ProviderHealth, segments: int, begun: datetime) -> None:
    """Unbook the segments of a call, begun at that instant, that certainly created no message."""
    day = local_day(begun)
    if health.day == day:
        health.day_segments -= segments
    if health.month == Month.of(day):
        health.month_segments -= segments
