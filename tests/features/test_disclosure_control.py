"""All tables of a month together reveal no small group's ratings."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from survey import indices, insights
from survey.indices import Breakdown
from survey.models.count import Cell, count_finished
from survey.models.organisation import Procedure
from survey.monitoring.integrity import signs
from survey.period import Month
from survey.reports import gather
from tests import ballots
from tests.features.answering import agencies
from tests.web.staff_accounts import signed_in

MONTH = Month("2026-05")
OPEN = datetime(2026, 6, 2, 2, tzinfo=UTC)
LATER = datetime(2026, 6, 20, 2, tzinfo=UTC)
LAND = "1.012784"


@pytest.fixture
def told_by_sector(transact):
    """Codes of three agencies with 3, 7 and 40 ratings, the last not counted yet; only the second
    has a sector to itself.
    """
    with transact() as session:
        query = select(Procedure).where(Procedure.sector_code != "land").order_by(Procedure.code)
        other = session.scalars(query).first()
        few, own, many = agencies(session)[:3]
        for agency, sector, procedure, ratings in (
            (few, "land", LAND, 3),
            (own, other.sector_code, other.code, 7),
            (many, "land", LAND, 40),
        ):
            cell = Cell(agency.id, sector, MONTH, "counter", "on_time")
            count_finished(session, {(cell, procedure): 60}, {cell: 60})
            levels = Counter(1 + number % 5 for number in range(ratings))
            ballots.put_many(session, cell, levels, procedure=procedure)
            if agency is own:
                ballots.count(session)
        return few.code, own.code, many.code


def hidden(lines):
    """Keys of the lines that are not printed."""
    return {one.key for one in lines if one.is_suppressed}


def test_a_sector_of_one_agency_does_not_tell_another_agency(transact, told_by_sector):
    """The total of 50, less a sector's 7 at one agency and 40 at another, gives the third one's 3,
    so one more line is suppressed, in drafts and in closed months.
    """
    with transact() as session:
        draft = gather.gather(session, MONTH, OPEN)
        assert hidden(draft.agencies) == set(told_by_sector)
        assert not hidden(draft.sectors)
        ballots.count(session)
        indices.close(session, MONTH, LATER)
        closed = gather.gather(session, MONTH, LATER)
        assert hidden(closed.agencies) == set(told_by_sector)
        assert hidden(closed.procedures) == set()


def test_pages_hide_what_reports_hide(app, transact, told_by_sector):
    """Pages suppress the lines that the month's report suppresses, and `show` keeps the figures as
    counted.
    """
    with transact() as session:
        found = indices.published_tables(session, MONTH, OPEN)
        assert hidden(found[Breakdown.AGENCY]) == set(told_by_sector)
        raw = indices.show(session, MONTH, "agency", OPEN)
        assert sorted(one.rated for one in raw) == [3, 7, 40]
    page = signed_in(app, "analyst").get(f"/staff/dashboard?period={MONTH}").text
    assert "n = 40" not in page


def test_late_answers_tell_no_line_that_the_closing_hid(transact, told_by_sector):
    """A line the closing suppressed stays suppressed when late answers make it large enough, since
    5 now less 2 late ones would be 3.
    """
    few, *_ = told_by_sector
    with transact() as session:
        ballots.count(session)
        indices.close(session, MONTH, LATER)
        (agency,) = (one for one in agencies(session) if one.code == few)
        cell = Cell(agency.id, "land", MONTH, "counter", "on_time")
        ballots.put_many(session, cell, {4: 1, 5: 1}, procedure=LAND)
        series = indices.time_series(session, MONTH, MONTH, LATER)
        assert not indices.suppressed(session, series).any()
        found = insights.live(session, MONTH)
        assert {one.rated for one in found.changes[Breakdown.AGENCY]} == {None}
        assert found.funnel is None
        assert not any(one.is_published for one in signs(session, MONTH))
