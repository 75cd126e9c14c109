"""A province asks what its reference files say: its own factors, from a given day on."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import openpyxl
import pytest

from survey import insights
from survey.db import db
from survey.models.count import Cell, count_finished, move_frame
from survey.period import Month
from tests import ballots
from tests.clocks import NOW
from tests.conftest import run_command, unit_of_work
from tests.features.answering import agencies
from tests.features.questionnaires import NAMES, folder_with, names_of, words_of
from tests.web.citizens import invite
from tests.web.staff_accounts import signed_in

MONTH = Month.at(NOW - timedelta(days=1))
CLOSING = (MONTH.closable_from + timedelta(hours=2)).isoformat()
CITIZENS = 6
LEVELS = (5, 4, 2)


@pytest.fixture
def province(make_app, tmp_path):
    """`province(factors)`: an application whose reference files ask these factors."""

    def load(factors, **more):
        app = make_app(PROVINCE=str(folder_with(tmp_path, factors, **more)))
        loaded = run_command(app, "reference", "load", "--json")
        assert loaded.code == 0, loaded.err
        return app

    return load


def invited(app, now=NOW, kind="full"):
    with unit_of_work(app) as session:
        return invite(session, now=now, kind=kind)


def asked_on(client, token):
    """The questions that the page of a link asks beside the overall one."""
    page = client.get(f"/s/{token}?page=reasons").text
    return [unescape(words) for words in re.findall(r"<legend>\d/\d\. (.*)</legend>", page)]


def run(app, *words):
    """The JSON output of a command, which must succeed."""
    ran = run_command(app, *words, "--json")
    assert ran.code == 0, ran.err
    return ran.json


@pytest.mark.parametrize("number", [3, 7])
def test_a_questionnaire_of_other_factors_goes_all_the_way(province, tmp_path, number):
    """A province's own factors, more or fewer than shipped, are asked, rated, counted, shown,
    closed, verified and printed under their names.
    """
    factors = list(NAMES)[:number]
    app = province(factors)
    client = app.test_client()
    given = {one: str(LEVELS[place % len(LEVELS)]) for place, one in enumerate(factors)}
    for token in [invited(app) for _ in range(CITIZENS)]:
        assert client.post(f"/s/{token}", data={"overall": "4"}).status_code == 303
        assert asked_on(client, token) == [words_of(one)[0] for one in factors]
        assert client.post(f"/s/{token}", data={**given, "comment": ""}).status_code == 303
    page = client.get(f"/s/{token}?page=reasons").text
    assert given == dict(re.findall(r'name="(\w+)" value="(\d)" checked', page))
    assert run(app, "ballots", "count") == {"counted": CITIZENS}
    assert run(app, "index", "rebuild", "--check") == {"differences": []}
    show = ("index", "show", "--period", MONTH, "--by", "overall", "--question")
    for one in factors:
        (line,) = run(app, *show, one)
        assert (line["rated"], line["mean"]) == (CITIZENS, int(given[one]))
    closed = run(app, "index", "close", "--period", MONTH, "--now", CLOSING)
    assert run(app, "index", "recompute", "--snapshot", closed["snapshot"])["ok"]
    assert run(app, *show, factors[0])[0]["rated"] == CITIZENS
    out = str(tmp_path / "out")
    wanted = ("--formats", "html,xlsx", "--out", out, "--now", CLOSING)
    page, book = run(app, "report", "build", "--period", MONTH, *wanted)["files"]
    rows = openpyxl.load_workbook(book)["Yếu tố"].iter_rows(min_row=4, max_col=2, values_only=True)
    assert list(rows) == [(name, CITIZENS) for name in names_of(factors)]
    printed = unescape(Path(page).read_text("utf-8"))
    assert [name for name in names_of(factors) if name not in printed] == []
    assert "Tiếp nhận góp ý" not in printed


def test_reasons_to_choose_from_are_the_factors_of_the_questionnaire(province):
    """A short link offers and accepts only the province's factors as reasons, and the last page
    shows those chosen.
    """
    app = province(["speed", "fees"])
    client, token = app.test_client(), invited(app, kind="short")
    client.post(f"/s/{token}", data={"overall": "4"})
    page = client.get(f"/s/{token}?page=reasons").text
    assert re.findall(r'type="checkbox" name="reasons" value="(\w+)"', page) == ["speed", "fees"]
    other = client.post(f"/s/{token}", data={"reasons": "feedback", "comment": "Nhanh"})
    assert (other.status_code, "Nhanh" in other.text) == (400, True)
    sent = {"reasons": ["fees"], "comment": ""}
    assert client.post(f"/s/{token}", data=sent).status_code == 303
    assert NAMES["fees"] in unescape(client.get(f"/s/{token}?page=thanks").text)
    with app.app_context():
        (said,) = ballots.all_said(db.session())
    assert said.reasons == ("fees",)


def test_a_wrong_rating_of_a_factor_is_refused_and_a_foreign_field_is_not(province):
    """A factor outside 1–5 returns the whole form, and a field that is no question of this
    questionnaire is ignored.
    """
    app = province(["speed", "fees"])
    client, token = app.test_client(), invited(app)
    wrong = client.post(f"/s/{token}", data={"overall": "4", "speed": "6", "comment": "Chậm"})
    assert (wrong.status_code, "Chậm" in wrong.text) == (400, True)
    assert 'id="wrong-speed"' in wrong.text
    with app.app_context():
        assert ballots.all_said(db.session()) == []
    sent = {"overall": "4", "speed": "2", "feedback": "9", "weather": "fine"}
    assert client.post(f"/s/{token}", data=sent).status_code == 303
    with app.app_context():
        (said,) = ballots.all_said(db.session())
    assert said.ratings == {"overall": 4, "speed": 2}


def test_an_invitation_asks_the_questionnaire_of_its_day(province):
    """A new version applies to links from its first day on, older links keep the old one, and the
    month shows the factors of both.
    """
    first_day = (NOW + timedelta(days=1)).date().isoformat()
    app = province(["speed", "fees"], valid_from=first_day)
    client = app.test_client()
    earlier, later = invited(app), invited(app, NOW + timedelta(days=1))
    short = invited(app, NOW + timedelta(days=1), kind="short")
    for token in (earlier, later, short):
        client.post(f"/s/{token}", data={"overall": "4"})
    assert asked_on(client, later) == [words_of(one)[0] for one in ("speed", "fees")]
    assert len(asked_on(client, earlier)) == len(ballots.FACTORS)
    client.post(f"/s/{earlier}", data=dict.fromkeys(ballots.FACTORS, "5"))
    with app.app_context():
        found = ballots.all_found(db.session()).values()
        asked = {one.ballot.questions.factors for one in found}
        ids = {one.ballot.questions.questionnaire_id for one in found}
    assert (asked, len(ids)) == ({ballots.FACTORS, ("speed", "fees"), ()}, 3)
    closed = run(app, "index", "close", "--period", MONTH, "--now", CLOSING)
    assert run(app, "index", "recompute", "--snapshot", closed["snapshot"])["ok"]
    show = ("index", "show", "--period", MONTH, "--by", "overall", "--question")
    assert [run(app, *show, one)[0]["rated"] for one in ("feedback", "fees")] == [1, 0]


def test_the_drivers_are_those_of_the_questionnaire_that_most_answered(province):
    """Drivers are computed over the factors of the questionnaire with most complete answers,
    without those of others.
    """
    factors = ["speed", "fees", "outcome"]
    app = province(factors)
    with unit_of_work(app) as session:
        cell = Cell(agencies(session)[0].id, "land", MONTH, "counter", "on_time")
        count_finished(session, {(cell, "1.012784"): 250}, {cell: 250})
        move_frame(session, cell, delivered=250)
        for number in range(220):
            overall, other = 1 + number % 5, 1 + number * 7 // 5 % 5
            ratings = {"overall": overall, "speed": other, "fees": other, "outcome": overall}
            ballots.put(session, cell, ratings)
        ballots.count(session)
        found = insights.live(session, MONTH).drivers
    assert found.complete == 220
    assert found.factors[0].factor == NAMES["outcome"]
    assert {one.factor for one in found.factors} == set(names_of(factors))


def test_what_goes_with_satisfaction_is_not_computed_for_a_long_questionnaire(province):
    """Above ten factors no drivers are computed, which would take minutes, and the page says so."""
    factors = [f"part_{number}" for number in range(11)]
    app = province(factors)
    with unit_of_work(app) as session:
        cell = Cell(agencies(session)[0].id, "land", MONTH, "counter", "on_time")
        count_finished(session, {(cell, "1.012784"): 250}, {cell: 250})
        for number in range(200):
            ratings = {one: 1 + (number + place) % 5 for place, one in enumerate(factors)}
            ballots.put(session, cell, {"overall": 1 + number % 5, **ratings})
    client = signed_in(app, "analyst")
    assert "hỏi hơn 10 yếu tố" in client.get(f"/staff/analysis?period={MONTH}").text


def test_an_unknown_question_is_refused_in_words(runner):
    """`index show` takes any question that was asked, and refuses another by name."""
    show = ("index", "show", "--period", "2026-10", "--by", "overall", "--question")
    assert runner(*show, "feedback").code == 0
    ran = runner(*show, "weather")
    assert (ran.code, ran.out) == (2, "")
    assert "Không có câu hỏi “weather”" in ran.err
