"""Periods: their codes, their months, their first and last instants."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.errors import Invalid
from survey.period import (
    LOCAL,
    LONGEST_SPAN,
    HalfYear,
    Month,
    Quarter,
    Span,
    Year,
    period_of,
    spanning,
)

months = st.builds(Month.numbered, st.integers(2000, 2100), st.integers(1, 12))
spans = st.builds(
    lambda first, length: spanning(first, first.plus(length)),
    months,
    st.integers(0, LONGEST_SPAN - 1),
)


@pytest.mark.parametrize(
    ("code", "kind", "first", "last"),
    [
        ("2026-10", Month, "2026-10", "2026-10"),
        ("2026-Q3", Quarter, "2026-07", "2026-09"),
        ("2026-H1", HalfYear, "2026-01", "2026-06"),
        ("2026-H2", HalfYear, "2026-07", "2026-12"),
        ("2026", Year, "2026-01", "2026-12"),
        ("2026-01..2026-10", Span, "2026-01", "2026-10"),
        ("2025-11..2026-01", Span, "2025-11", "2026-01"),
    ],
)
def test_a_code_is_read_as_the_months_it_names(code, kind, first, last):
    """Month, quarter, half-year, year and span are read from their codes."""
    period = period_of(code)
    assert (type(period), str(period)) == (kind, code)
    assert (period.first, period.last) == (first, last)


@pytest.mark.parametrize(
    ("span", "code"),
    [
        ("2026-10..2026-10", "2026-10"),
        ("2026-07..2026-09", "2026-Q3"),
        ("2026-01..2026-06", "2026-H1"),
        ("2026-01..2026-12", "2026"),
        ("2026-02..2026-04", "2026-02..2026-04"),
        ("2025-07..2026-06", "2025-07..2026-06"),
    ],
)
def test_equal_months_have_one_code(span, code):
    """A span that is a quarter, a half-year or a year has that one's code, so that equal periods
    are equal texts.
    """
    assert period_of(span) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "bad_period") for text in ("", "may", "2026-1", "2026-13", "2026-Q5", "2026-q1")),
        *((text, "bad_period") for text in ("2026-H3", "1899-12", "9000", "2026-01…2026-02")),
        *((text, "bad_period") for text in ("2026-10\n", "٢٠٢٦-10", "2026-01..2026-02..2026-03")),
        ("2026-03..2026-01", "backward_months"),
        ("2000-01..2010-01", "span_too_long"),
    ],
)
def test_what_is_no_period_is_refused(text, code):
    """A text that is no code is refused with an error code that has a sentence."""
    with pytest.raises(Invalid) as refused:
        period_of(text)
    assert refused.value.code == code


@given(spans)
def test_codes_and_months_make_a_round_trip(period):
    """A period is equal to that of its code, and to that of its first and last month."""
    assert period_of(str(period)) == period
    assert spanning(period.first, period.last) == period
    assert type(period_of(str(period))) is type(period)
    assert period.months[0] == period.first
    assert period.months[-1] == period.last
    assert all(one.following == other for one, other in pairwise(period.months))


@given(spans)
def test_periods_follow_one_another_without_a_gap(period):
    """The following period begins at the instant in which a period ends, and has as many months."""
    after = period.following
    assert period.ends == after.begins
    assert len(after.months) == len(period.months)
    assert after.previous == period == period.previous.following
    assert period.previous < period < after
    assert after > period >= period.previous
    assert period <= after


@given(spans, st.floats(0, 0.999))
def test_every_instant_of_a_period_is_in_one_of_its_months(period, share):
    """The local month of any instant of a period is one of the period's months."""
    instant = period.begins + share * (period.ends - period.begins)
    assert Month.at(instant) in set(period.months)
    assert period.covers(Month.at(instant))
    assert not period.covers(Month.at(period.ends))
    assert not period.covers(Month.at(period.begins - timedelta(seconds=1)))


@given(months, st.integers(-600, 600))
def test_months_are_added_as_numbers_are(month, steps):
    """The month `n` months later is `n` months away."""
    assert month.until(month.plus(steps)) == steps
    assert month.plus(steps).plus(-steps) == month


@given(st.lists(spans, max_size=6))
def test_periods_are_in_the_order_of_their_months(periods):
    """Periods sort by first month, then by last month, whatever letters their codes have."""
    keys = [(one.first.first_day, one.last.first_day) for one in sorted(periods)]
    assert keys == sorted(keys)


def test_days_are_local_and_instants_utc():
    """A quarter begins at local midnight and may be closed from day 15 of the following month."""
    quarter = period_of("2026-Q3")
    assert (quarter.first_day, quarter.day_after) == (date(2026, 7, 1), date(2026, 10, 1))
    assert quarter.begins == datetime(2026, 6, 30, 17, tzinfo=UTC)
    assert quarter.begins.tzinfo is UTC
    assert quarter.ends == datetime(2026, 10, 1, tzinfo=LOCAL)
    assert quarter.closable_from == datetime(2026, 10, 15, tzinfo=LOCAL)


def test_a_period_covers_what_lies_within_it():
    """A half-year covers its quarters and months, and no quarter covers it."""
    half, quarter = period_of("2026-H1"), period_of("2026-Q2")
    assert half.covers(quarter)
    assert half.covers(half)
    assert not quarter.covers(half)
    assert not half.covers(period_of("2026-06..2026-07"))


@given(months)
def test_a_month_lies_in_its_quarter_half_year_and_year(month):
    """Quarter, half-year and year of a month contain the month, and each the shorter one."""
    quarter, half, year = month.around
    assert quarter.covers(month)
    assert half.covers(quarter)
    assert year.covers(half)
    assert {type(quarter), type(half), type(year)} == {Quarter, HalfYear, Year}
