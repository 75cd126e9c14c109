"""With missing answers, a fall is reported only if it would remain with all of them satisfied."""

import random
from datetime import date, timedelta

import pytest

from analysis.phase_one import batch_step
from survey.models.control_chart import BaselineLimits, ChartState
from survey.monitoring import quality
from survey.monitoring.cumulative_counts import CumulativeCounts

FIRST = date(2026, 4, 1)
DEN, NUM, BATCH = 8, 1, 20
# Ratings that came and how many of them were dissatisfied, night after night.
Nights = list[tuple[int, int]]


def chart(batch, alarm_at):
    """The limits of a chart that expects an answer to every other message."""
    steps = {"batch": batch, "den": DEN, "num": NUM, "alarm_at": alarm_at}
    return BaselineLimits(
        usual=0.1, careful=0.1, answer_rate=0.5, false_alarms=0.1, rated=100, **steps
    )


def read(found: BaselineLimits, nights: Nights, delivered: int) -> tuple[ChartState, date]:
    """The state of a chart after nights with `delivered` messages each, and the last night."""
    progress, day, rated, bad = ChartState(), FIRST, 0, 0
    for number, (came, not_satisfied) in enumerate(nights):
        day, rated, bad = FIRST + timedelta(days=number), rated + came, bad + not_satisfied
        reached = delivered * (number + 1)
        now = CumulativeCounts(invited=reached, delivered=reached, rated=rated, not_satisfied=bad)
        quality.move(found, progress, now, day, is_tet=False)
    return progress, day


def with_the_silent(batch: int, nights: Nights, missing: int) -> float:
    """The score, night by night from 0, with the missing answers satisfied and spread over the
    nights.
    """
    rated, score = sum(came for came, _ in nights), 0.0
    for came, not_satisfied in nights:
        more = came * missing // rated
        score = max(0.0, score + batch_step((DEN, NUM), batch, came + more, not_satisfied))
    return score


@pytest.mark.parametrize("batch", [1, BATCH])
def test_a_fall_stands_only_if_the_silent_could_not_undo_it(batch):
    """On random nights, each fall that is said to remain reaches its limit again when every missing
    answer is added as satisfied, and some falls do remain.
    """
    draw, stood = random.Random(2), 0
    for _ in range(400):
        size = draw.choice((20, 40, 60, 100))
        nights = [(size, draw.randint(size // 4, size)) for _ in range(draw.randint(1, 6))]
        delivered = 2 * size + draw.choice((0, 1, 2, 4)) * size
        found = chart(batch, draw.choice((50, 100, 200, 400)))
        stand = read(found, nights, delivered)
        missing = len(nights) * delivered // 2 - size * len(nights)
        stands = quality.stands_without_the_silent(found, *stand)
        # Each night's step is rounded down.
        least = found.alarm_at - len(nights)
        assert not stands or with_the_silent(batch, nights, missing) >= least
        stood += stands
    assert 40 < stood < 360


def test_a_busy_night_is_thinned_by_the_answers_that_are_missing():
    """A batch of 20 for 300 answers (240 dissatisfied) scores 108; with 300 missing ones as
    satisfied it scores 44, below the limit, and with none missing the fall remains.
    """
    nights = [(300, 240)]
    found = chart(BATCH, 60)
    progress, day = read(found, nights, 1200)
    assert (progress.score, with_the_silent(BATCH, nights, 300)) == (108, 44)
    assert not quality.stands_without_the_silent(found, progress, day)
    lower = chart(BATCH, 44)
    assert quality.stands_without_the_silent(lower, *read(lower, nights, 1200))
    complete = chart(BATCH, 60)
    assert quality.stands_without_the_silent(complete, *read(complete, nights, 600))
