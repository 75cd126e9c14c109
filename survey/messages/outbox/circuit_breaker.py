"""A provider's health, shared by all processes.
Breaker and budget follow the given time, the pace follows the real clock.
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
# While one message tries whether the provider is back, the others wait.
PROBE_PAUSE = timedelta(minutes=1)
# After "too much at once" nothing is begun for so long.
LOAD_PAUSE = timedelta(seconds=1)
# The bucket holds a quarter of a second, so that no second sees much more than the rate.
BURST_SHARE = 4
# From so much of a budget on the operator is warned.
WARN_PERCENT = 80


def locked_health(session: Session, name: str) -> ProviderHealth:
    """The row of a provider, made when missing and held until the transaction ends."""
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


@dataclass(frozen=True, slots=True)
class Budget:
    """Segments allowed in a period (`day`, `month`) and booked in it so far, by all providers."""

    period: str
    limit: int
    used: int

    @property
    def is_near(self) -> bool:
        """Whether the warning level is reached."""
        return self.used * 100 >= self.limit * WARN_PERCENT

    @property
    def is_spent(self) -> bool:
        """Whether not one more segment fits."""
        return self.used >= self.limit


def budgets(session: Session, rules: Rules, now: datetime) -> list[Budget]:
    """The province's budgets at `now`; none where none is set."""
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


def give_back(health: ProviderHealth, segments: int, begun: datetime) -> None:
    """Segments of a call, begun at that instant, that surely created nothing."""
    day = local_day(begun)
    if health.day == day:
        health.day_segments -= segments
    if health.month == Month.of(day):
        health.month_segments -= segments
