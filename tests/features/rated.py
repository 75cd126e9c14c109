"""Ballots and complete questionnaires, stored and counted, for comparisons of months and units."""

from survey.models.count import Cell, count_finished, move_frame
from tests import ballots

PROCEDURES = {"land": "1.012784", "justice": "2.000815"}
OTHERS = ("access", "procedure", "officials", "feedback")


def fill(session, agency, month, good, bad, **place):
    """Add satisfied and dissatisfied ratings of one cell, and as many dossiers again without an
    answer.
    """
    sector, lateness = place.get("sector", "land"), place.get("lateness", "on_time")
    cell, procedure = Cell(agency.id, sector, month, "counter", lateness), PROCEDURES[sector]
    finished = 2 * (good + bad)
    count_finished(session, {(cell, procedure): finished}, {cell: finished})
    move_frame(session, cell, delivered=finished)
    ballots.rate(session, cell, {4: good, 2: bad}, procedure=procedure)


def say_all(session, agency, month, *, times):
    """Add complete questionnaires in which the factor `result` follows the overall rating, nine in
    ten satisfied, and as many dossiers again without an answer; all are counted, so that in a
    closed month they come after the closing.
    """
    cell, procedure = Cell(agency.id, "land", month, "counter", "on_time"), PROCEDURES["land"]
    count_finished(session, {(cell, procedure): 2 * times}, {cell: 2 * times})
    move_frame(session, cell, delivered=2 * times)
    for number in range(times):
        overall, other = (2, 4, 5, 4, 5, 4, 5, 4, 5, 4)[number % 10], 1 + number * 7 // 5 % 5
        given = {"overall": overall, "result": overall, **dict.fromkeys(OTHERS, other)}
        ballots.put(session, cell, given, procedure=procedure)
    ballots.count(session)
