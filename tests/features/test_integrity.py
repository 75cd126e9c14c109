"""Signs of manipulation are shown beside each score and change no score."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from survey import surveys
from survey.ballots import storage
from survey.ballots.contents import replacing
from survey.models.count import Cell, count_finished
from survey.monitoring.integrity import signs
from survey.period import Month
from tests import ballots
from tests.conftest import unit_of_work
from tests.features.answering import agencies
from tests.seeding import NOW
from tests.web.staff_accounts import signed_in

MONTH = Month("2026-05")
PROCEDURE = "1.012784"


def fill(session, agency, late, on_time):
    """Add finished dossiers of an agency: (asked, finished) of late ones and of those on time."""
    for lateness, (asked, finished) in (("late", late), ("on_time", on_time)):
        cell = Cell(agency.id, "land", MONTH, "counter", lateness)
        count_finished(session, {(cell, PROCEDURE): finished}, {cell: asked})


# Each answer comes in ten minutes of its own, so that only what a test says is flagged.
SLOTS = count(1)


def answer(session, agency, ratings, flags=(), lateness="on_time", questions=("overall",)):
    """Add answers with these ratings to the questions (a tuple: its versions) and with flags."""
    cell = Cell(agency.id, "land", MONTH, "counter", lateness)
    for said in ratings:
        first, *later = said if isinstance(said, tuple) else (said,)
        given = dict.fromkeys(questions, first)
        at = NOW + timedelta(minutes=10) * next(SLOTS)
        key = ballots.put(session, cell, given, at, flags=flags, procedure=PROCEDURE)
        for rating in later:
            found = storage.find(session, key)
            current = replacing(found.pooled.current, dict.fromkeys(questions, rating), ())
            storage.put(session, replace(found.pooled, current=current), "", found)


@pytest.fixture(params=[False, True], ids=["waiting", "counted"])
def filled(app, request):
    """An agency that asks about late dossiers less often and has a burst, and one without."""
    with unit_of_work(app) as session:
        here, there = agencies(session)[:2]
        fill(session, here, late=(10, 40), on_time=(80, 100))
        fill(session, there, late=(31, 40), on_time=(80, 100))
        answer(session, here, [5] * 6, flags={"burst"})
        answer(session, here, [(5, 2)], flags={"too_fast", "burst"})
        answer(session, here, [2] * 6)
        answer(session, there, [4] * 5)
        answer(session, there, [5], questions=("overall", *surveys.factors(session)))
        if request.param:
            ballots.count(session)
    return app


def test_late_dossiers_asked_less_and_flags_stand_beside_the_score(filled):
    """The score is shown with and without flagged answers, by the last version, and no answer is
    deleted.
    """
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
        assert there.flagged == {"same_everywhere": 1}
        assert (there.index, there.index_without) == (1, 1)
        assert len(ballots.keys(session)) == 19
        assert signs(session, Month("2026-06")) == []


@pytest.mark.parametrize("is_counted", [False, True])
def test_the_index_without_flagged_answers_weighs_dossiers(transact, *, is_counted):
    """The index weights late dossiers by their number, with and without flagged answers."""
    with transact() as session:
        here = agencies(session)[0]
        fill(session, here, late=(60, 60), on_time=(40, 40))
        answer(session, here, [5] * 8 + [1] * 2)
        answer(session, here, [5] * 10, flags={"burst"})
        answer(session, here, [5] * 3 + [2] * 7, lateness="late")
        if is_counted:
            ballots.count(session)
        (one,) = signs(session, MONTH)
    assert one.index == pytest.approx(0.6 * 0.3 + 0.4 * 0.9)
    assert one.index_without == pytest.approx(0.6 * 0.3 + 0.4 * 0.8)


def test_the_page_tells_signs_apart_from_proof(filled):
    """Analysts read signs, both indices and a caution that they are no proof; agency heads have no
    access.
    """
    page = signed_in(filled, "analyst").get(f"/staff/analysis/integrity?period={MONTH}").text
    for words in ("1 trong 2 cơ quan", "ít hơn hẳn", "7 dồn dập", "1 quá nhanh", "46,2", "0,0"):
        assert words in page
    assert "chưa phải bằng chứng" in page
    head = signed_in(filled, "agency_head", "LOC-KH-W22366")
    assert head.get("/staff/analysis/integrity").status_code == 403
