"""Detection of bursts: unusually many answers for one agency within one ten-minute slot.

A burst is a sign of manipulation. Its top ratings are flagged; nothing is deleted. Bursts are
sought in the pool, because a ballot loses its ten-minute slot when it is counted.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.ballots.contents import Pooled
from survey.models.ballot import Flag
from survey.models.count import RATED, Count
from survey.models.questionnaire import HIGHEST_RATING, OVERALL
from survey.period import Month
from survey.province.workdays import LOCAL

SLOT_MINUTES = 10
# Fewer answers than this in one slot are never a burst.
LEAST_BURST = 6
# A month's answers are assumed to arrive within this number of slots: links are sent in bulk, so
# the answers arrive close together.
BUSY_SLOTS = 60
MONTHS_LOOKED_AT = 12
# Standard normal quantile of a one-sided limit with probability 0.001.
DEVIATIONS = 3.1
# Agency, local day, slot of the day.
Slot = tuple[int, date, int]


def slot_of(now: datetime) -> int:
    """Number of the ten-minute slot within the local day, 0 to 143."""
    local = now.astimezone(LOCAL)
    return (local.hour * 60 + local.minute) // SLOT_MINUTES


def with_bursts(session: Session, ballots: Sequence[Pooled]) -> list[Pooled]:
    """The same ballots; the top ratings of bursts carry `Flag.BURST`.

    A slot of an agency is a burst if it holds at least LEAST_BURST first answers and more than
    LEAST_BURST / 2 + m + DEVIATIONS · √m, an approximate one-sided upper limit of a Poisson count
    with mean m: the answers of the agency's fullest of the last twelve months, over BUSY_SLOTS.
    """
    fresh = [one for one in ballots if not one.ballot.versions and one.current]
    came: Counter[Slot] = Counter(map(_slot, fresh))
    many = {slot: number for slot, number in came.items() if number >= LEAST_BURST}
    if not many:
        return list(ballots)
    months = {one.ballot.cell.month for one in fresh}
    usual = {month: _busiest(session, {slot[0] for slot in many}, month) for month in months}

    def is_burst(one: Pooled) -> bool:
        if one.ballot.versions or one.ratings.get(OVERALL) != HIGHEST_RATING:
            return False
        cell = one.ballot.cell
        a_slot = usual[cell.month].get(cell.agency_id, 0) / BUSY_SLOTS
        limit = LEAST_BURST / 2 + a_slot + DEVIATIONS * math.sqrt(a_slot)
        return many.get(_slot(one), 0) > limit

    return [_flagged(one) if is_burst(one) else one for one in ballots]


def _slot(one: Pooled) -> Slot:
    return one.ballot.cell.agency_id, one.day, one.slot


def _flagged(one: Pooled) -> Pooled:
    return replace(one, ballot=replace(one.ballot, flags=one.ballot.flags | {Flag.BURST}))


def _busiest(session: Session, agencies: Iterable[int], month: Month) -> Mapping[int, int]:
    """Agency → number of answers in its fullest of the twelve months before `month` (YYYY-MM)."""
    months = [month.plus(-before) for before in range(1, MONTHS_LOOKED_AT + 1)]
    sums = (
        select(Count.agency_id, func.sum(RATED).label("answers"))
        .where(Count.agency_id.in_(agencies), Count.month.in_(months))
        .where(Count.question == OVERALL)
        .group_by(Count.agency_id, Count.month)
        .subquery()
    )
    query = select(sums.c.agency_id, func.max(sums.c.answers)).group_by(sums.c.agency_id)
    return {agency_id: int(answers) for agency_id, answers in session.execute(query)}
