"""Counts and complete questionnaires put in at once, for what compares months and units."""

import secrets

from survey.models.count import Cell, count_answers, count_finished, move_counts, move_frame
from survey.models.response import Answer, Form, Mode, Response, seal_closing, seal_form
from tests.features.answering import questionnaire_id

PROCEDURES = {"land": "1.012784", "justice": "2.000815"}
OTHERS = ("access", "procedure", "officials", "feedback")


def fill(session, agency, month, good, bad, **place):
    """Satisfied and dissatisfied ratings of one cell, as many dossiers again without an answer."""
    sector, lateness = place.get("sector", "land"), place.get("lateness", "on_time")
    cell, procedure = Cell(agency.id, sector, month, "counter", lateness), PROCEDURES[sector]
    finished = 2 * (good + bad)
    count_finished(session, {(cell, procedure): finished}, {cell: finished})
    move_frame(session, cell, delivered=finished)
    rated = {(cell, procedure, "overall", level): n for level, n in ((4, good), (2, bad)) if n}
    count_answers(session, rated)


def say_all(session, agency, month, *, times, closing=0):
    """Complete questionnaires in which the result moves along with the overall rating; counted."""
    form = Form(Mode.WEB, questionnaire_id(session))
    for number in range(times):
        overall, other = 1 + number % 5, 1 + number * 7 // 5 % 5
        response_id = secrets.token_hex(16)
        row = Response(
            id=response_id,
            key=secrets.token_bytes(16),
            agency_id=agency.id,
            sector_code="land",
            month=month,
            channel="counter",
            lateness="on_time",
            form_sealed=seal_form(session, response_id, form),
        )
        given = {"overall": overall, "result": overall, **dict.fromkeys(OTHERS, other)}
        sealed = seal_closing(session, row.id, 1, closing)
        row.answers.append(Answer(version=1, closing_sealed=sealed, **given))
        session.add(row)
        if closing:
            move_counts(session, row.cell, PROCEDURES["land"], {}, given)
    session.flush()
