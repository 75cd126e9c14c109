"""Months with figures, for tests of pages that show them: counts as answers leave them."""

from sqlalchemy import select

from survey.models.count import Cell, count_finished, move_frame
from survey.models.organisation import Agency, Procedure
from tests import ballots

HEALTH_OFFICE, JUSTICE_OFFICE, LAND_OFFICE = "LOC-KH-SYT", "LOC-KH-STP", "LOC-KH-VPDKDD"


def fill(session, month, agency, sector, *, finished, ratings):
    """Let dossiers finish in a cell, invite nine of ten, and rate: `ratings` is level → times."""
    agency_id = session.scalar(select(Agency.id).where(Agency.code == agency))
    procedure = session.scalar(select(Procedure.code).where(Procedure.sector_code == sector))
    cell = Cell(agency_id, sector, month, "counter", "on_time")
    invited = finished * 9 // 10
    count_finished(session, {(cell, procedure): finished}, {cell: invited})
    move_frame(session, cell, delivered=invited)
    ballots.rate(session, cell, ratings, procedure=procedure)


def fill_month(session, month):
    """One agency far below its target, one above, one with so few that nothing may be shown."""
    fill(session, month, LAND_OFFICE, "land", finished=400, ratings={1: 30, 3: 20, 4: 60, 5: 40})
    fill(session, month, HEALTH_OFFICE, "health", finished=300, ratings={4: 110, 5: 90})
    fill(session, month, JUSTICE_OFFICE, "justice", finished=4, ratings={1: 2})
