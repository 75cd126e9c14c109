"""Signs of manipulation stand beside each score and take nothing away."""

import secrets
from collections import Counter

import pytest
from sqlalchemy import select

from survey.models.count import Cell, count_answers, count_finished
from survey.models.response import Answer, Form, Mode, Response, seal_closing, seal_form
from survey.monitoring.integrity import signs
from tests.conftest import unit_of_work
from tests.features.answering import agencies, questionnaire_id
from tests.web.staff_accounts import signed_in

MONTH = "2026-05"
PROCEDURE = "1.012784"


def fill(session, agency, late, on_time):
    """Finished dossiers of an agency: (asked, finished) of late ones and of those on time."""
    for lateness, (asked, finished) in (("late", late), ("on_time", on_time)):
        cell = Cell(agency.id, "land", MONTH, "counter", lateness)
        count_finished(session, {(cell, PROCEDURE): finished}, {cell: asked})


def answer(session, agency, ratings, flags="", lateness="on_time"):
    """Answers with these ratings (versions of one answer in a tuple) and flags."""
    cell = Cell(agency.id, "land", MONTH, "counter", lateness)
    for versions in ratings:
        said = versions if isinstance(versions, tuple) else (versions,)
        response_id, form = secrets.token_hex(16), Form(Mode.WEB, questionnaire_id(session))
        row = Response(
            id=response_id,
            key=secrets.token_bytes(16),
            agency_id=agency.id,
            sector_code="land",
            month=MONTH,
            channel="counter",
            lateness=lateness,
            form_sealed=seal_form(session, response_id, form),
            flags=flags,
        )
        session.add(row)
        for number, overall in enumerate(said, start=1):
            sealed = seal_closing(session, row.id, number, 0)
            row.answers.append(Answer(version=number, closing_sealed=sealed, overall=overall))
        count_answers(session, Counter({(cell, PROCEDURE, "overall", said[-1]): 1}))
    session.flush()


@pytest.fixture
def filled(app):
    """One agency that asks about late dossiers less and gets a burst, and one that does not."""
    with unit_of_work(app) as session:
        here, there = agencies(session)[:2]
        fill(session, here, late=(10, 40), on_time=(80, 100))
        fill(session, there, late=(31, 40), on_time=(80, 100))
        answer(session, here, [5] * 6, flags="burst")
        answer(session, here, [(5, 2)], flags="too_fast;burst")
        answer(session, here, [2] * 6)
        answer(session, there, [4] * 5)
        answer(session, there, [5], flags="same_everywhere")
    return app


def test_late_dossiers_asked_less_and_flags_stand_beside_the_score(filled):
    """The share with flagged answers and without, by the last version; nothing is deleted."""
    with unit_of_work(filled) as session:
        here, there = signs(session, MONTH)
        assert here.is_asked_less
        assert here.asked_less < 0.001
        assert here.flagged == {"burst": 7, "too_fast": 1}
        assert (here.rated, here.flagged_rated) == (13, 7)
        assert here.index == pytest.approx(6 / 13)
        assert here.index_without == 0
        assert not there.is_asked_less
        assert not there.is_notable
        assert (there.index, there.index_without) == (1, 1)
        assert len(session.scalars(select(Response.id)).all()) == 19
        assert signs(session, "2026-06") == []


def test_the_index_without_flagged_answers_weighs_dossiers(transact):
    """Late dossiers weigh by their number, not by their answers, with flagged ones and without."""
    with transact() as session:
        here = agencies(session)[0]
        fill(session, here, late=(60, 60), on_time=(40, 40))
        answer(session, here, [5] * 8 + [1] * 2)
        answer(session, here, [5] * 10, flags="burst")
        answer(session, here, [5] * 3 + [2] * 7, lateness="late")
        (one,) = signs(session, MONTH)
    assert one.index == pytest.approx(0.6 * 0.3 + 0.4 * 0.9)
    assert one.index_without == pytest.approx(0.6 * 0.3 + 0.4 * 0.8)


def test_the_page_tells_signs_apart_from_proof(filled):
    """Analysts read signs, both shares and the caution; heads of agencies may not."""
    page = signed_in(filled, "analyst").get(f"/staff/analysis/integrity?period={MONTH}").text
    for words in ("1 trong 2 cơ quan", "ít hơn hẳn", "7 dồn dập", "1 quá nhanh", "46,2", "0,0"):
        assert words in page
    assert "chưa phải bằng chứng" in page
    head = signed_in(filled, "agency_head", "LOC-KH-W22366")
    assert head.get("/staff/analysis/integrity").status_code == 403
