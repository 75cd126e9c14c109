"""Which figures may be published together, for any kind of figure."""

import itertools
import random

import pytest

from analysis import disclosure
from survey.disclosure import (
    LEAST_SHOWN,
    Breakdown,
    Counts,
    at_agency,
    is_small,
    safe_to_publish,
    suppressed_over,
)
from survey.period import Month, period_of


@pytest.mark.parametrize(
    ("rated", "published"),
    [
        ([40, 12, 3], [40]),
        ([40, 12, 3, 4], [40, 12]),
        ([40, 12, 1, 1], [40]),
        ([40, 12, 30], [40, 12, 30]),
        ([3, 0], []),
        ([2, 2], []),
    ],
)
def test_a_suppressed_line_is_no_remainder_of_the_total(rated, published):
    """Beside a line of fewer than five ratings, the smallest other lines are suppressed until the
    remainder of the total is wide enough; empty lines are not.
    """
    safe = safe_to_publish(rated)
    assert [number for number, one in zip(rated, safe, strict=True) if number and one] == published
    assert safe_to_publish(rated, [not one for one in safe]) == safe


def test_published_lists_are_proven_by_the_audit():
    """On random lists an audit by integer programming finds no suppressed line that the total
    narrows, except where all lines are suppressed in vain.
    """
    draw = random.Random(3)
    for _ in range(60):
        rated = [draw.choice((0, 1, 2, 4, 5, 9, 40)) for _ in range(draw.randint(1, 5))]
        safe = safe_to_publish(rated)
        suppressed = [number > 0 and not one for number, one in zip(rated, safe, strict=True)]
        assert all(hold for number, hold in zip(rated, suppressed, strict=True) if 0 < number < 5)
        if not disclosure.audit(rated, suppressed, LEAST_SHOWN).safe:
            assert suppressed == [number > 0 for number in rated]


def test_a_line_is_suppressed_where_one_of_its_months_suppresses_it():
    """A period suppresses each line that one of its months suppresses, whether periods nest or
    overlap.
    """
    small, other = (Breakdown.AGENCY, "A"), (Breakdown.SECTOR, "S")
    suppressed = dict.fromkeys(period_of("2026-H1").months, frozenset())
    suppressed |= {Month("2026-04"): frozenset({small}), Month("2026-06"): frozenset({other})}
    assert suppressed_over(suppressed, period_of("2026-Q1")) == frozenset()
    assert suppressed_over(suppressed, period_of("2026-03..2026-05")) == {small}
    assert suppressed_over(suppressed, period_of("2026-Q2")) == {small, other}
    assert suppressed_over(suppressed, period_of("2026-H1")) == {small, other}


def parts_of(total, parts):
    """Every way to split a whole number into a number of parts."""
    for separators in itertools.combinations(range(total + parts - 1), parts - 1):
        edges = (-1, *separators, total + parts - 1)
        yield tuple(right - left - 1 for left, right in itertools.pairwise(edges))


def sums_of(places, ratings):
    """The ratings of every line, sectors at agencies included, of cells with these ratings."""
    found = {}
    for (agency, sector, channel), number in zip(places, ratings, strict=True):
        for line in (
            (Breakdown.OVERALL, "overall"),
            (Breakdown.AGENCY, agency),
            (Breakdown.SECTOR, sector),
            (Breakdown.CHANNEL, channel),
            at_agency(agency, sector),
        ):
            found[line] = found.get(line, 0) + number
    return found


def worked_out(places, ratings, published):
    """The lines of 1 to 4 ratings whose range over all tables that fit the published lines is below
    5.
    """
    true = sums_of(places, ratings)
    tables = [sums_of(places, one) for one in parts_of(sum(ratings), len(places))]
    fits = [one for one in tables if all(one[line] == true[line] for line in published)]
    return {
        line
        for line in true
        if is_small(true[line])
        and max(one[line] for one in fits) - min(one[line] for one in fits) < LEAST_SHOWN
    }


@pytest.mark.parametrize("seed", range(40))
def test_no_small_line_is_worked_out_from_all_that_is_published(seed):
    """Tables of a small province that fit the published lines differ by 5 or more in each small
    line, and sectors at agencies are published beside them only where that still holds.
    """
    draw = random.Random(seed)
    everywhere = [*itertools.product("ABC", ("land", "health"), ("counter", "online"))]
    places = sorted(draw.sample(everywhere, draw.randint(2, 5)))
    ratings = [draw.choice((0, 1, 2, 3, 5, 7)) for _ in places]
    ratings[0] = max(ratings[0], LEAST_SHOWN)  # else the whole is suppressed
    counts = Counts.added_up(dict(zip(places, ratings, strict=True)), {})
    lines = {line for line, _ in counts.lines}
    tables = lines - counts.suppressed([])
    assert not worked_out(places, ratings, tables) & lines
    beside = {line for line in sums_of(places, ratings) if line not in lines}
    finer = (lines | beside) - counts.suppressed([], at_agencies=True)
    assert finer & lines <= tables
    if finer & beside:
        assert not worked_out(places, ratings, finer)
