"""Comparison, drivers, funnel plot and outlook show only what the data support."""

from datetime import UTC, datetime

import pytest

from survey import insights
from survey.indices import Breakdown, show
from survey.models.count import Cell, count_finished
from survey.period import Month
from tests.conftest import unit_of_work
from tests.features.answering import agencies
from tests.features.rated import PROCEDURES, fill, say_all
from tests.web.staff_accounts import signed_in

NOW = datetime(2026, 6, 20, tzinfo=UTC)


def test_a_change_of_mix_is_no_change_of_quality(sqlite_app):
    """More late dossiers lower the raw share but not the adjusted comparison; a real fall is
    reported.
    """
    with unit_of_work(sqlite_app) as session:
        here, there, small = agencies(session)[:3]
        for month, late in (("2026-04", 1), ("2026-05", 9)):
            fill(session, here, month, 180, 20)
            fill(session, here, month, 10 * late, 10 * late, lateness="late")
        fill(session, there, Month("2026-04"), 180, 20)
        fill(session, there, Month("2026-05"), 100, 100)
        fill(session, small, Month("2026-04"), 8, 0)
        fill(session, small, Month("2026-05"), 0, 8)
        found = insights.live(session, Month("2026-05")).changes[Breakdown.AGENCY]
        by_key = {one.key: one for one in found}
        assert not by_key[here.code].is_sure
        assert by_key[here.code].difference == pytest.approx(0)
        fall = by_key[there.code]
        assert fall.is_sure
        assert fall.difference == pytest.approx(-0.4)
        assert fall.low < -0.4 < fall.high < 0
        assert by_key[small.code].difference is None
        assert found[0].key == there.code


def test_the_funnel_names_who_is_outside(sqlite_app):
    """The funnel plot marks a unit far below its limits, not a small one with the same share, and
    omits one below five ratings and the one that would reveal it.
    """
    with unit_of_work(sqlite_app) as session:
        units = agencies(session)[:12]
        for agency in units[:9]:
            fill(session, agency, Month("2026-05"), 90, 10)
        fill(session, units[9], Month("2026-05"), 60, 60)
        fill(session, units[10], Month("2026-05"), 3, 3)
        fill(session, units[11], Month("2026-05"), 0, 4)
        found = insights.live(session, Month("2026-05")).funnel
        outside = {dot.key: dot for dot in found.dots if dot.outside}
        assert set(outside) == {units[9].code}
        assert outside[units[9].code].is_below
        assert {dot.rated for dot in found.dots} == {100, 120}
        assert insights.live(session, Month("2026-06")).funnel is None


def test_drivers_need_two_hundred_and_find_the_planted_one(sqlite_app):
    """Below 200 complete answers there are no drivers; above, the factor that follows the overall
    rating is first.
    """
    with unit_of_work(sqlite_app) as session:
        agency = agencies(session)[0]
        assert insights.live(session, Month("2026-05")).drivers.factors == ()
        say_all(session, agency, Month("2026-03"), times=260)
        found = insights.live(session, Month("2026-05")).drivers
        assert found.complete == 260
        first = found.factors[0]
        assert (first.factor, first.quadrant != "") == ("Kết quả giải quyết", True)
        assert first.low > 0.2
        assert insights.live(session, Month("2027-05")).drivers.complete == 0


def test_the_year_is_arithmetic_first_and_words_last(sqlite_app):
    """A target out of reach is shown by arithmetic, and only a long series gets a forecast."""
    with unit_of_work(sqlite_app) as session:
        here = agencies(session)[0]
        for number in range(1, 6):
            fill(session, here, Month(f"2026-{number:02d}"), 60, 40)
        (overall, land) = insights.live(session, Month("2026-05")).outlooks
        assert (overall.words, overall.forecast) == ("too_short", None)
        assert land.needed == pytest.approx((0.9 * 1200 - 300) / 700)
        assert land.needed > 1
        for number in range(1, 13):
            fill(session, here, Month(f"2025-{number:02d}"), 99, 1)
        (overall, _) = insights.live(session, Month("2026-05")).outlooks
        assert overall.words == "unlikely"
        assert overall.forecast < overall.target


def test_uneven_answering_is_measured_and_read(sqlite_app):
    """When late dossiers answer a fifth as often, R-indicator, greatest weight and shift of the
    index show it.
    """
    with unit_of_work(sqlite_app) as session:
        here = agencies(session)[0]
        fill(session, here, Month("2026-05"), 180, 20)
        fill(session, here, Month("2026-05"), 10, 20, lateness="late")
        late = Cell(here.id, "land", Month("2026-05"), "counter", "late")
        count_finished(session, {(late, PROCEDURES["land"]): 240}, {late: 240})
        found = insights.live(session, Month("2026-05")).nonresponse
        (whole,) = show(session, Month("2026-05"), "overall", NOW)
        fill(session, here, Month("2026-06"), 3, 1)
        assert insights.live(session, Month("2026-06")).nonresponse is None
    assert found.r_indicator == pytest.approx(0.6038, abs=1e-4)
    assert found.worst_weight_ratio == pytest.approx(230 / 70)
    assert found.adjusted_index == pytest.approx(whole.index)
    assert found.shift == pytest.approx(whole.index - 190 / 230)
    analyst = signed_in(sqlite_app, "analyst")
    page = analyst.get("/staff/analysis?period=2026-05").text
    for words in ("0,60", "3,29", "−16,9", "tỷ lệ thô 82,6%", "Quá 3 lần"):
        assert words in page
    assert "cả tỉnh chưa có 5 phiếu" in analyst.get("/staff/analysis?period=2026-06").text


def test_the_page_says_what_is_not_known(app):
    """Analysts read changes with their grounds, an empty month says that it is empty, and agency
    heads have no access.
    """
    with unit_of_work(app) as session:
        units = agencies(session)[:3]
        for agency in units:
            fill(session, agency, Month("2026-04"), 180, 20)
            fill(session, agency, Month("2026-05"), 178, 22)
        fill(session, units[0], Month("2026-03"), 10, 0)
        code = units[0].code
    analyst = signed_in(app, "analyst")
    page = analyst.get("/staff/analysis?period=2026-05").text
    for words in ("Chưa đủ căn cứ", "89,0", "không phải bảng xếp hạng"):
        assert words in page
    assert "mới có 0 phiếu đầy đủ" in page
    assert "Có kỳ Tết" not in page
    assert "Có kỳ Tết" in analyst.get("/staff/analysis?period=2026-03").text
    assert "Chưa có hồ sơ nào" in analyst.get("/staff/analysis?period=2026-01").text
    assert signed_in(app, "agency_head", code).get("/staff/analysis").status_code == 403


def compared(client, first, second, month="2026-05"):
    """The page with two agencies chosen."""
    query = {"period": month, "first": first, "second": second}
    found = client.get("/staff/analysis", query_string=query)
    assert found.status_code == 200
    return found.text


def test_two_agencies_are_compared_on_a_common_mix(app):
    """Agencies that differ only in their mix of dossiers have no clear difference; a real one is
    shown with its interval and the part of each sector, and the form keeps month and choice.
    """
    with unit_of_work(app) as session:
        one, other, worse = agencies(session)[:3]
        for agency, late in ((one, 10), (other, 1)):
            fill(session, agency, Month("2026-05"), 180, 20)
            fill(session, agency, Month("2026-05"), 9 * late, 9 * late, lateness="late")
        fill(session, worse, Month("2026-05"), 100, 100)
        fill(session, worse, Month("2026-05"), 90, 10, sector="justice")
        fill(session, one, Month("2026-05"), 90, 10, sector="justice")
        codes, names = [a.code for a in (one, other, worse)], [a.name for a in (one, other, worse)]
    analyst = signed_in(app, "analyst")
    same = compared(analyst, codes[0], codes[1])
    assert "Chưa thể nói cơ quan nào cao hơn" in same
    assert f'value="{codes[1]}" selected>' in same
    assert '<input type="hidden" name="period" value="2026-05">' in same
    clear = compared(analyst, codes[2], codes[0])
    assert f"{names[0]} cao hơn {names[2]}" in clear
    assert "Khác biệt rõ" in clear
    assert "Chênh lệch không nói lên nguyên nhân" in clear
    sectors = clear.partition("góp vào chênh lệch")[2].partition("</p>")[0]
    assert sectors.index("Đất đai") < sectors.index("Tư pháp")
    assert '<b class="nowrap">0,0</b>' in sectors


def test_a_pair_that_cannot_be_compared_says_why(app):
    """An equal, unknown or suppressed agency, too few ratings or no dossiers in common give a
    sentence and no figure.
    """
    with unit_of_work(app) as session:
        large, few, apart, covers, tiny = agencies(session)[:5]
        fill(session, large, Month("2026-05"), 180, 20)
        fill(session, few, Month("2026-05"), 20, 2)
        fill(session, apart, Month("2026-05"), 80, 2, sector="justice")
        fill(session, large, Month("2026-06"), 40, 2)
        fill(session, covers, Month("2026-06"), 30, 2)
        fill(session, tiny, Month("2026-06"), 3, 0)
        codes = [agency.code for agency in (large, few, apart, covers)]
    analyst = signed_in(app, "analyst")
    for first, second, month, words in (
        (codes[0], codes[0], "2026-05", "cùng một cơ quan ở cả hai ô"),
        (codes[0], "LOC-X", "2026-05", "Hãy chọn hai cơ quan có hồ sơ"),
        (codes[0], "", "2026-05", "Hãy chọn hai cơ quan có hồ sơ"),
        (codes[1], codes[0], "2026-05", "dưới 30 phiếu trong phần hồ sơ so được"),
        (codes[2], codes[0], "2026-05", "không có loại hồ sơ chung"),
        (codes[3], codes[0], "2026-06", "được ẩn để bảo vệ người dân, nên không so sánh"),
    ):
        page = compared(analyst, first, second, month)
        assert words in page
        assert "khoảng tin cậy 95 %" not in page
