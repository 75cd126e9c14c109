"""Delivery rates per carrier, prefix and day, with control charts that mark unusually low days.

A day is marked when its rate is below the lower control limit of its p-chart (Laney's p' chart for
thousands of messages a day) and, to avoid false alarms from few messages, its exact
(Clopper-Pearson) interval lies wholly below that of the days before. Numbers can be ported: a
prefix only says which carrier issued the number.

Only invitations and messages about cases are counted. Reminders and messages of a dialogue store
no prefix: with their timestamps it would narrow down whose they are, and so who answered.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.intervals import clopper_pearson_many
from analysis.monitor import control_limits
from survey.cases.deadlines import day_of
from survey.catalogues import _
from survey.messages.phone import carrier_of
from survey.models.message import Message, MessageState
from survey.province.workdays import local_day

SHOWN_DAYS = 14
BASE_DAYS = 28
# With fewer days or messages before it, or fewer messages on it, a day is not tested.
FEWEST_DAYS, FEWEST_BEFORE, FEWEST_ON_IT = 10, 100, 10
# From so many messages a day (median) on, the limits of a plain p-chart are too narrow.
LANEY_FROM = 1000
SIGMAS = 3.0
CONFIDENCE = 0.9973
# A phone that was switched off may still receive its message within this time.
STILL_COMING = timedelta(hours=24)
OTHERS = _("Mạng khác")


@dataclass(frozen=True, slots=True)
class Day:
    """One series on one day: messages whose result is due, how many arrived, and the test.

    `usual`: the share over the days before, None where there were too few; `is_low`: marked.
    """

    handed_over: int
    arrived: int
    usual: float | None = None
    is_low: bool = False

    @property
    def share(self) -> float | None:
        """Share that arrived; None if no message was handed over."""
        return self.arrived / self.handed_over if self.handed_over else None


@dataclass(frozen=True, slots=True)
class Line:
    """Time series of a carrier (`prefix` empty) or one of its prefixes: a Day per day shown."""

    carrier: str
    prefix: str
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """Days, oldest first; series, each carrier before its prefixes; whether any receipt came."""

    days: tuple[date, ...]
    lines: tuple[Line, ...]
    has_receipts: bool

    def low_on(self, day: date) -> list[Line]:
        """Series marked on a day: carriers, and prefixes of carriers not marked as a whole."""
        place = self.days.index(day)
        low = [line for line in self.lines if line.days[place].is_low]
        whole = {line.carrier for line in low if not line.prefix}
        return [line for line in low if not line.prefix or line.carrier not in whole]

    def low_lately(self) -> list[str]:
        """Carriers marked today or the day before, as a whole or in a part, each once."""
        lines = [line for day in self.days[-2:] for line in self.low_on(day)]
        return list(dict.fromkeys(line.carrier for line in lines))


RateCount = tuple[int, int]
Series = list[RateCount]


def board(session: Session, now: datetime) -> Board:
    """Delivery rates of the last 14 days, today included, each tested against the 28 before it."""
    last = local_day(now)
    count = SHOWN_DAYS + BASE_DAYS
    days = [last - timedelta(days=back) for back in reversed(range(count))]
    by_prefix = _series(session, now, days)
    lines = []
    for carrier, prefixes in sorted(_by_carrier(by_prefix).items()):
        whole = [_sum(by_prefix[prefix][place] for prefix in prefixes) for place in range(count)]
        lines.append(Line(carrier, "", _with_limits(whole)))
        lines += [Line(carrier, one, _with_limits(by_prefix[one])) for one in prefixes]
    has_receipts = any(arrived for one in by_prefix.values() for _, arrived in one)
    return Board(tuple(days[-SHOWN_DAYS:]), tuple(lines), has_receipts)


def yesterday(session: Session, now: datetime) -> dict[str, RateCount]:
    """Carrier → (handed over, arrived) of the previous local day."""
    totals: dict[str, RateCount] = {}
    for prefix, count in _counts(session, day_of(now) - timedelta(days=1), now).items():
        carrier = carrier_of(prefix) or OTHERS
        totals[carrier] = _sum([totals.get(carrier, (0, 0)), count])
    return totals


def _series(session: Session, now: datetime, days: Sequence[date]) -> dict[str, Series]:
    """Prefix → (handed over, arrived) of every day."""
    series: defaultdict[str, Series] = defaultdict(lambda: [(0, 0)] * len(days))
    begin = day_of(now) - timedelta(days=len(days) - 1)
    for place in range(len(days)):
        start = begin + timedelta(days=place)
        for prefix, count in _counts(session, start, now).items():
            series[prefix][place] = count
    return series


def _counts(session: Session, start: datetime, now: datetime) -> dict[str, RateCount]:
    """Prefix → (handed over, arrived) of one local day, without messages that may still arrive."""
    rows = session.execute(
        select(Message.prefix, Message.state, func.count())
        .where(Message.sent_at >= start, Message.sent_at < start + timedelta(days=1))
        .where(Message.prefix.is_not(None))
        .where((Message.state != MessageState.SENT) | (Message.sent_at <= now - STILL_COMING))
        .group_by(Message.prefix, Message.state)
    )
    handed: Counter[str] = Counter()
    arrived: Counter[str] = Counter()
    for prefix, state, number in rows:
        handed[prefix or ""] += number
        arrived[prefix or ""] += number if state == MessageState.DELIVERED else 0
    return {prefix: (number, arrived[prefix]) for prefix, number in handed.items()}


def _by_carrier(prefixes: Mapping[str, Series]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for prefix in sorted(prefixes):
        found[carrier_of(prefix) or OTHERS].append(prefix)
    return found


def _sum(counts: Iterable[RateCount]) -> RateCount:
    pairs = list(counts)
    return sum(n for n, _ in pairs), sum(y for _, y in pairs)


def _with_limits(series: Series) -> tuple[Day, ...]:
    """The days shown of a series, each tested against the unmarked days before it."""
    sound: Series = []
    days = []
    for place, (n, y) in enumerate(series):
        base = [one for one in sound[-BASE_DAYS:] if one[0]]
        known = len(base) >= FEWEST_DAYS and _sum(base)[0] >= FEWEST_BEFORE
        is_low = known and n >= FEWEST_ON_IT and _is_low((n, y), base)
        if not is_low:
            sound.append((n, y))
        if place >= len(series) - SHOWN_DAYS:
            before, came = _sum(base)
            days.append(Day(n, y, came / before if known else None, is_low))
    return tuple(days)


def _is_low(day: RateCount, base: Series) -> bool:
    """Whether a day is below the lower control limit and its interval below that of `base`."""
    n, y = day
    before, came = _sum(base)
    if y * before >= came * n:
        return False
    spans = clopper_pearson_many([y, came], [n, before], CONFIDENCE)
    if spans.high[0] >= spans.low[1]:
        return False
    if came == before:  # control limits have no width where nothing ever failed
        return True
    ns = np.array([one[0] for one in base] + [n])
    ys = np.array([one[1] for one in base] + [y])
    method: Literal["p", "laney"] = "laney" if np.median(ns) >= LANEY_FROM else "p"
    limits = control_limits(ys, ns, method, SIGMAS, came / before)
    return len(base) in limits.below
