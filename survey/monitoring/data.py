"""Data quality checks: dips of the delivery rate and of the response rate.

Each check compares one batch with the phase I baseline: the probability that so many or more are
missing, given the correlation within a batch. All checks together raise one false alarm a month.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from analysis.phase_one import rarity
from survey.models.control_chart import Measure, RateChart, Sums
from survey.models.invitation import CoverageEntry, Invitation
from survey.models.message import Message, MessageKind, MessageState
from survey.monitoring.baselines import FALSE_ALARMS_A_MONTH, LEAST_DELIVERED
from survey.monitoring.cumulative_counts import ChartKey, CumulativeCounts, by_agency
from survey.province.workdays import LOCAL, Calendar

# Delivery receipts get one day to arrive; in a week of answers their delay does not matter.
RECEIPT_DAYS = 1
WEEK = timedelta(days=7)
# A batch that is still too small after so long is dropped, because it would describe the past.
LONGEST = timedelta(days=27)
LOOKS_A_MONTH = {"day": 30.4, "week": 4.35}
# States of messages that the provider accepted.
LEFT = (
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.DELIVERY_UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Dip:
    """A batch with its usual share missing, and the probability of so many missing by chance."""

    rate: RateChart
    usual: float
    since: date
    until: date
    seen: int
    out_of: int
    chance: float


def dips(
    session: Session,
    rates: Sequence[RateChart],
    found: Mapping[ChartKey, CumulativeCounts],
    day: date,
    calendar: Calendar,
) -> list[Dip]:
    """Check every batch that is complete by the end of `day`, and begin the next batches.

    Returns those too rare for chance.
    """
    limit = FALSE_ALARMS_A_MONTH / max(1.0, sum(_looks(rate) for rate in rates))
    batches = [*_delivered(session, rates, day), *_answered(rates, by_agency(found), day)]
    dips = []
    for rate, since, until, seen, out_of in batches:
        if rate.measure == Measure.DELIVERY or not _is_of_tet(calendar, since, until):
            baseline = rate.limits
            chance = rarity(seen, out_of, baseline.careful, baseline.rho)
            dips.append(Dip(rate, baseline.usual, since, until, seen, out_of, chance))
    return [dip for dip in dips if dip.chance < limit]


Batch = tuple[RateChart, date, date, int, int]


def _looks(rate: RateChart) -> float:
    return LOOKS_A_MONTH["day" if _is_daily(rate) else "week"]


def _is_daily(rate: RateChart) -> bool:
    return rate.measure == Measure.DELIVERY and rate.agency_id is None


def _is_due(rate: RateChart, days: int) -> bool:
    """Whether a batch of so many days is checked: every day, or at the end of a week."""
    return days > 0 and (_is_daily(rate) or days % WEEK.days == 0)


def _delivered(session: Session, rates: Sequence[RateChart], day: date) -> Iterator[Batch]:
    """Batches of sent invitations: daily for the province, weekly for an agency."""
    until = day - timedelta(days=RECEIPT_DAYS)
    due: dict[date, list[RateChart]] = defaultdict(list)
    for rate in rates:
        days = (until - rate.batch_from).days + 1
        if rate.measure == Measure.DELIVERY and _is_due(rate, days):
            due[rate.batch_from].append(rate)
    for since, waiting in due.items():
        sums = _sent(session, since, until)
        for rate in waiting:
            out_of, arrived = sums.get(rate.agency_id, (0, 0))
            is_enough = out_of >= LEAST_DELIVERED
            if is_enough or until - since >= LONGEST:
                rate.batch_from = until + timedelta(days=1)
            if is_enough:
                yield rate, since, until, out_of - arrived, out_of


def _sent(session: Session, since: date, until: date) -> dict[int | None, tuple[int, int]]:
    """Agency id (None: the province) → invitations sent on these days, and delivered ones."""
    moments = [datetime.combine(day, time(), LOCAL) for day in (since, until + timedelta(days=1))]
    arrived = func.sum(case((Message.state == MessageState.DELIVERED, 1), else_=0))
    query = (
        select(CoverageEntry.agency_id, func.count(), arrived)
        .join(Invitation, Invitation.id == Message.invitation_id)
        .join(CoverageEntry, CoverageEntry.dossier_id == Invitation.dossier_id)
        .where(
            Message.kind == MessageKind.INVITATION,
            Message.state.in_(LEFT),
            Message.due_at >= moments[0],
            Message.due_at < moments[1],
        )
        .group_by(CoverageEntry.agency_id)
    )
    sums: dict[int | None, tuple[int, int]] = {
        agency_id: (number, int(reached)) for agency_id, number, reached in session.execute(query)
    }
    whole = [sum(column) for column in zip(*sums.values(), strict=True)] or [0, 0]
    sums[None] = (whole[0], whole[1])
    return sums


def _answered(
    rates: Sequence[RateChart], added: Mapping[int | None, CumulativeCounts], day: date
) -> Iterator[Batch]:
    """Weekly batches of delivered invitations, and the number of missing answers."""
    for rate in rates:
        now = added.get(rate.agency_id)
        is_due = rate.batch_from + WEEK <= day + timedelta(days=1)
        if rate.measure != Measure.RESPONSE or now is None or not is_due:
            continue
        read = rate.sums
        out_of = now.delivered - read.delivered
        if out_of < LEAST_DELIVERED:
            continue
        missing = min(max(0, out_of - (now.rated - read.answered)), out_of)
        since, rate.batch_from = rate.batch_from, day + timedelta(days=1)
        rate.sums = Sums(now.delivered, now.rated)
        yield rate, since, day, missing, out_of


def _is_of_tet(calendar: Calendar, since: date, until: date) -> bool:
    """Whether a batch begins or ends in Tết weeks; response rates are always low then."""
    return calendar.in_tet_weeks(since) or calendar.in_tet_weeks(until)
