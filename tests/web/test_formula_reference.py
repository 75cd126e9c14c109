"""Index cards: every formula that a figure bears has a page, reachable from where the figure is."""

import re
from html import unescape

import pytest

from survey.catalogues import gettext, speaking
from survey.indices import FORMULA, LIVE_FORMULA
from survey.period import Month
from survey.reports.formula_reference import FORMULAS
from tests.conftest import unit_of_work
from tests.web.figures import fill_month
from tests.web.staff_accounts import signed_in

ROOM = "/staff/formulas"
MONTH = Month("2026-05")


@pytest.fixture
def client(sqlite_app):
    """A handler: everybody may read how a figure is made."""
    with unit_of_work(sqlite_app) as session:
        fill_month(session, MONTH)
    return signed_in(sqlite_app, "handler")


def test_every_formula_has_a_page_with_an_example(client):
    """The list leads to every card; each says question, steps, example, limits and formula, this
    also in English; both formulas of figures have one.
    """
    listed = client.get(ROOM).text
    assert {FORMULA, LIVE_FORMULA} <= {f"{one.name}/{one.version}" for one in FORMULAS}
    for one in FORMULAS:
        address = f"{ROOM}/{one.name}"
        assert f'href="{address}"' in listed
        page = unescape(client.get(address).text)
        for words in (one.title, one.asks, *one.steps, *one.limits, one.formula, one.source):
            assert words in page
        with speaking("en"):
            english = gettext(one.formula)
        assert english != one.formula
        assert f'lang="en">{english}</p>' in page
        for words in (cell for row in one.example().rows for cell in row):
            assert words in page
    assert client.get(f"{ROOM}/x").status_code == 404


def test_the_dashboard_leads_to_the_card_of_its_formula(client, sqlite_app):
    """An open month leads to the provisional formula, a closed one to the one it was closed by."""
    page = f"/staff/dashboard?period={MONTH}"
    assert f"{ROOM}/post-stratified-anytime" in client.get(page).text
    runner = sqlite_app.test_cli_runner()
    assert runner.invoke(args=["index", "close", "--period", MONTH]).exit_code == 0
    links = re.findall(rf'href="({ROOM}/[a-z-]+)"', client.get(page).text)
    assert f"{ROOM}/post-stratified-guarded" in links
    assert all(client.get(link).status_code == 200 for link in links)
