from datetime import UTC, date, datetime, time, timedelta

import pytest

from survey.province.workdays import Calendar, finish_instant, local_day, state_holidays

OPEN, SHUT = time(8), time(20)
CALENDAR = Calendar()


def at(day, clock):
    """An instant from local wall time."""
    return datetime.fromisoformat(f"{day}T{clock}:00+07:00")


@pytest.mark.parametrize(
    ("day", "is_workday", "is_holiday"),
    [
        ("2026-02-17", False, True),  # first day of Tet
        ("2026-04-30", False, True),
        ("2026-09-02", False, True),
        ("2026-11-21", False, False),  # a Saturday
        ("2026-11-23", True, False),
        ("2026-11-24", False, True),  # Culture Day, since 2026
        ("2025-11-24", True, False),
        ("2025-05-02", False, True),  # given free
        ("2025-04-26", True, False),  # the Saturday worked instead
    ],
)
def test_state_calendar(day, is_workday, is_holiday):
    """Public holidays, weekends and the state's swapped days are known."""
    day = date.fromisoformat(day)
    assert CALENDAR.is_workday(day) is is_workday
    assert CALENDAR.is_holiday(day) is is_holiday


def test_a_province_may_work_on_a_day_the_list_calls_free():
    """Where a day off was decided otherwise, the swap makes it a workday that SMS may leave on."""
    day = date(2026, 11, 24)
    assert Calendar(swap_work=frozenset({day})).is_workday(day)
    assert not Calendar(swap_work=frozenset({day})).is_holiday(day)


def test_days_off_have_names_over_the_turn_of_the_year():
    """The days off of a span of time are listed in order with their Vietnamese names."""
    listed = state_holidays(date(2026, 11, 24), date(2027, 1, 1))
    assert listed == [
        (date(2026, 11, 24), "Ngày Văn hóa Việt Nam"),
        (date(2027, 1, 1), "Tết Dương lịch"),
    ]


def test_province_adds_and_swaps():
    """A province's own day off is kept, and a day it works instead is a workday."""
    off, swap = date(2026, 11, 23), date(2026, 11, 21)
    calendar = Calendar(frozenset({off}), frozenset({swap}))
    assert not calendar.is_workday(off)
    assert calendar.is_holiday(off)
    assert calendar.is_workday(swap)
    assert not calendar.is_holiday(swap)


@pytest.mark.parametrize(
    ("start", "sent"),
    [
        (("2026-11-21", "10:15"), ("2026-11-21", "10:15")),
        (("2026-11-21", "06:00"), ("2026-11-21", "08:00")),
        (("2026-11-21", "20:00"), ("2026-11-22", "08:00")),
        (("2026-02-15", "21:00"), ("2026-02-21", "08:00")),  # over the whole of Tet
        (("2026-04-30", "09:00"), ("2026-05-02", "08:00")),
    ],
)
def test_next_send_time(start, sent):
    """Texts leave between eight and eight, weekends too, never on a public holiday."""
    instant = CALENDAR.next_send_time(at(*start), OPEN, SHUT)
    assert instant == at(*sent)
    assert instant.utcoffset() == timedelta(0)


def test_seconds_left_in_window():
    """The provider is told how long a text may still be delivered today."""
    assert CALENDAR.seconds_left_in_window(at("2026-11-21", "19:59"), OPEN, SHUT) == 60
    assert CALENDAR.seconds_left_in_window(at("2026-11-21", "20:00"), OPEN, SHUT) == 0
    assert CALENDAR.seconds_left_in_window(at("2026-11-21", "07:59"), OPEN, SHUT) == 0
    assert CALENDAR.seconds_left_in_window(at("2026-02-17", "10:00"), OPEN, SHUT) == 0


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (("2026-11-23", "08:00"), 2, ("2026-11-23", "10:00")),
        (("2026-11-23", "11:00"), 1, ("2026-11-23", "14:00")),
        (("2026-11-20", "16:00"), 2, ("2026-11-23", "08:30")),
        (("2026-11-21", "10:00"), 0, ("2026-11-23", "07:30")),
        (("2026-11-23", "07:30"), 7.5, ("2026-11-23", "17:00")),
        (("2026-02-13", "16:00"), 2, ("2026-02-23", "08:30")),
    ],
)
def test_working_hours(start, hours, end):
    """A case's clock runs only while the offices are open, and both ways agree."""
    start, end = at(*start), at(*end)
    assert CALENDAR.add_working_hours(start, hours) == end
    assert CALENDAR.working_hours_between(start, end) == pytest.approx(hours)


def test_no_hours_backwards():
    """From later to earlier no working time passes."""
    assert CALENDAR.working_hours_between(at("2026-11-23", "10:00"), at("2026-11-20", "10:00")) == 0


def test_finish_instant():
    """A finish without a time is five in the afternoon; a time without a zone is local."""
    assert finish_instant(date(2026, 11, 20)) == datetime(2026, 11, 20, 10, tzinfo=UTC)
    without_zone = datetime(2026, 11, 20, 9, 30)  # noqa: DTZ001
    assert finish_instant(without_zone) == datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
    assert finish_instant(at("2026-11-20", "23:30")).tzinfo is UTC
    assert local_day(datetime(2026, 11, 20, 18, tzinfo=UTC)) == date(2026, 11, 21)
