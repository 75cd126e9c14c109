"""Figures of quarters, half-years, years and spans: sums of their months, and their suppression."""

import json
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from survey import indices
from survey.errors import Refused
from survey.indices import Breakdown
from survey.models.count import Cell, count_finished
from survey.models.organisation import Agency
from survey.models.snapshot import Snapshot
from survey.period import Month, period_of
from survey.reports.phrases import period_name
from tests import ballots
from tests.features.answering import agencies
from tests.features.rated import PROCEDURES, fill
from tests.web.staff_accounts import signed_in

CASES = {
    case["id"]: case
    for case in json.loads(
        (Path(__file__).parents[1] / "analysis/refcases/k_period.json").read_text("utf-8")
    )
}
APRIL, MAY, JUNE = MONTHS = period_of("2026-Q2").months
# April and May may be closed, June may not; all may; and long after.
SUMMER = datetime(2026, 6, 20, 2, tzinfo=UTC)
AUTUMN = datetime(2026, 9, 1, 2, tzinfo=UTC)


def count_case(session, cells):
    """Count the cells of a reference case as dossiers and ratings of one agency."""
    agency = agencies(session)[0]
    for one in cells:
        lateness = "late" if one["late"] else "on_time"
        cell = Cell(agency.id, one["sector"], Month(one["month"]), one["channel"], lateness)
        count_finished(session, {(cell, PROCEDURES[one["sector"]]): one["N"]}, {cell: one["N"]})
        ballots.rate(session, cell, {5: one["y"], 1: one["n"] - one["y"]})


def line(runner, period, *words, by="overall"):
    """The first line of `index show`."""
    found = runner("index", "show", "--period", period, "--by", by, "--json", *words)
    assert found.code == 0, found.err
    return found.json[0]


@pytest.mark.parametrize("name", ["pub-k_period-002", "pub-k_period-003"])
def test_a_closed_quarter_is_judged_over_the_cells_of_its_months(transact, runner, name):
    """The command prints what R computes with months as strata, neither the mean of the months nor
    the raw share.
    """
    case = CASES[name]
    period = period_of(case["inputs"]["period"])
    with transact() as session:
        count_case(session, case["inputs"]["cells"])
        for month in period.months:
            indices.close(session, month, AUTUMN)
    found = line(runner, period, "--now", AUTUMN.isoformat())
    expected = case["expected"]
    assert (found["finished"], found["rated"], found["satisfied"]) == tuple(
        expected[name] for name in ("N", "n", "y")
    )
    limits = [expected[name] for name in ("raw", "estimate", "ci_low", "ci_high")]
    assert [found[name] for name in ("raw", "index", "low", "high")] == pytest.approx(limits)
    assert not found["provisional"]
    assert found["verdict"] in {"met", "not_met", "uncertain"}


def test_a_span_is_provisional_while_one_of_its_months_is_open(transact, runner):
    """A span has no verdict before its last month is closed or if it begins before the first data,
    and a future one is refused.
    """
    with transact() as session:
        for month in MONTHS:
            fill(session, agencies(session)[0], month, 80, 20)
        for month in MONTHS[:2]:
            indices.close(session, month, SUMMER)
    now = ("--now", SUMMER.isoformat())
    for period in ("2026-Q2", "2026", "2026-03..2026-04"):
        found = line(runner, period, *now)
        assert (found["provisional"], found["verdict"]) == (True, None), period
    assert line(runner, "2026-Q2", *now)["rated"] == 300
    assert line(runner, "2026-04..2026-05", *now)["verdict"] == "not_met"
    ahead = runner("index", "show", "--period", "2026-Q3", "--by", "overall", *now)
    assert (ahead.code, "chưa đến" in ahead.err) == (2, True)


def test_late_answers_change_no_closed_quarter(transact, runner):
    """A closed span keeps the figures of its closings; `--revised` adds later answers."""
    given = {"overall": 5, "access": 4}
    with transact() as session:
        agency = agencies(session)[0]
        cells = [Cell(agency.id, "land", month, "counter", "on_time") for month in MONTHS]
        for cell in cells:
            count_finished(session, {(cell, PROCEDURES["land"]): 90}, {cell: 90})
            for _ in range(6):
                ballots.put(session, cell, given, procedure=PROCEDURES["land"])
        ballots.count(session)
        for month in MONTHS:
            indices.close(session, month, AUTUMN)
        ballots.put(session, cells[0], {"overall": 1, "access": 1}, procedure=PROCEDURES["land"])
    for by in ("overall", "procedure"):
        for question in given:
            words = ("--question", question, "--now", AUTUMN.isoformat())
            assert line(runner, "2026-Q2", *words, by=by)["rated"] == 18
            assert line(runner, "2026-Q2", "--revised", *words, by=by)["rated"] == 19


def test_a_ledger_of_a_quarter_adds_up_its_months(transact, runner):
    """`coverage` takes the same periods as `index show`."""
    found = runner("coverage", "show", "--period", "2026-Q2", "--json")
    assert found.json == {"finished": 0, "invited": 0, "not_invited": {}}
    assert runner("coverage", "verify", "--period", "2026-H1", "--json").code == 0
    wrong = runner("coverage", "show", "--period", "2026-Q5")
    assert (wrong.code, "2026-Q3, 2026-H1, 2026" in wrong.err) == (2, True)


@pytest.fixture
def few_in_june(transact):
    """A closed quarter of two agencies with forty ratings a month, but the first has 3 in June."""
    with transact() as session:
        few, many = agencies(session)[:2]
        for month in MONTHS:
            for agency, rated in ((few, 3 if month == JUNE else 40), (many, 40)):
                cell = Cell(agency.id, "land", month, "counter", "on_time")
                count_finished(session, {(cell, PROCEDURES["land"]): 60}, {cell: 60})
                ballots.rate(session, cell, Counter({4: rated}), procedure=PROCEDURES["land"])
            indices.close(session, month, AUTUMN)
        return few.code, many.code


def agency_lines(found):
    """Agency → ratings, of the lines that are printed."""
    return {one.key: one.rated for one in found[Breakdown.AGENCY] if not one.is_suppressed}


def test_a_quarter_less_two_months_tells_no_small_month(transact, few_in_june):
    """A line whose quarter less two months would give the third month's three ratings is suppressed
    in every period that contains that month.
    """
    few, many = few_in_june
    with transact() as session:
        whole = indices.show(session, period_of("2026-Q2"), "agency", AUTUMN)
        known = [agency_lines(indices.published_tables(session, month, AUTUMN)) for month in MONTHS]
        # The attack works on what nobody protected.
        (leak,) = [one.rated - known[0][few] - known[1][few] for one in whole if one.key == few]
        assert leak == 3
        assert known[2] == {}
        for code in ("2026-Q2", "2026-H1", "2026", "2026-05..2026-06"):
            assert agency_lines(indices.published_tables(session, period_of(code), AUTUMN)) == {}, (
                code
            )
        early = agency_lines(
            indices.published_tables(session, period_of("2026-04..2026-05"), AUTUMN)
        )
        assert early == {few: 80, many: 80}


def test_the_dashboard_shows_a_quarter_as_it_may_be_printed(app, transact, few_in_june):
    """The page takes the code of a quarter, offers quarters, and suppresses what their months
    suppress.
    """
    client = signed_in(app, "leader")
    page = client.get("/staff/dashboard?period=2026-Q2").get_data(as_text=True)
    assert "Chỉ số hài lòng quý II/2026" in page
    assert '<option value="2026-Q2" selected>Quý II/2026</option>' in page
    assert '<option value="2026-H1">6 tháng đầu năm 2026</option>' in page
    with transact() as session:
        names = session.scalars(select(Agency.name).where(Agency.code.in_(few_in_june))).all()
    assert all(name in page for name in names)
    assert "n ẩn" in page
    assert client.get("/staff/dashboard?period=2026-Q5").status_code == 400
    assert client.get("/staff/analysis?period=2026-Q2").status_code == 400


@contextmanager
def texts_opened():
    """A list that gets an entry for each stored text decrypted and unpacked in the block."""
    opened = []

    def look(_frame, event, called):
        if event == "c_call" and called.__name__ == "decompress":
            opened.append(called)

    sys.setprofile(look)
    try:
        yield opened
    finally:
        sys.setprofile(None)


def test_a_closed_quarter_is_opened_once(transact, few_in_june):
    """The closings of a quarter are decrypted when it is first read, and then its tables come from
    a cache unchanged.
    """
    assert few_in_june
    quarter = period_of("2026-Q2")
    with transact() as session, texts_opened() as opened:
        first = indices.published_tables(session, quarter, AUTUMN)
    assert len(opened) >= len(MONTHS)
    with transact() as session, texts_opened() as opened:
        assert indices.published_tables(session, quarter, AUTUMN) == first
        for by in Breakdown:
            assert indices.show(session, quarter, by, AUTUMN)
    assert opened == []


def test_exchanged_closings_are_refused_though_they_were_read(transact, few_in_june):
    """A month and a quarter are refused after two closings were exchanged in the database, even if
    they were read before.
    """
    assert few_in_june
    with transact() as session:
        for period in (*MONTHS, period_of("2026-Q2"), period_of("2026-04..2026-05")):
            indices.published_tables(session, period, AUTUMN)
        columns = (Snapshot.month, Snapshot.digest, Snapshot.payload_sealed)
        kept = {month: whole for month, *whole in session.execute(select(*columns))}
        for month, other in ((MAY, JUNE), (JUNE, MAY)):
            digest, sealed = kept[other]
            row = update(Snapshot).where(Snapshot.month == month)
            session.execute(row.values(digest=digest, payload_sealed=sealed))
    for period in (MAY, period_of("2026-Q2")):
        with transact() as session, pytest.raises(Refused, match="snapshot_broken"):
            indices.published_tables(session, period, AUTUMN)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("2026-01", "tháng 01/2026"),
        ("2026-Q3", "quý III/2026"),
        ("2026-H1", "6 tháng đầu năm 2026"),
        ("2026-H2", "6 tháng cuối năm 2026"),
        ("2026", "năm 2026"),
        ("2026-01..2026-10", "từ tháng 1 đến tháng 10/2026"),
        ("2025-11..2026-01", "từ tháng 11/2025 đến tháng 1/2026"),
    ],
)
def test_periods_are_named_as_offices_name_them(code, name):
    """Quarters have Roman numerals, half-years are six months, spans have first and last month."""
    assert period_name(period_of(code)) == name
