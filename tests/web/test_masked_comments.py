"""The accused agency's head reads a complaint, and no number by which to find who complained."""

import re
from html import unescape

from sqlalchemy import select

from survey.models.dossier import Dossier
from survey.models.organisation import Agency
from tests.conftest import unit_of_work
from tests.features.exports import DATA
from tests.opened import opened_cases
from tests.web.citizens import invite
from tests.web.staff_accounts import signed_in

QUOTED = re.compile(
    r'<p class="queue-words"[^>]*>.*?</p>|<blockquote[^>]*>.*?</blockquote>', re.DOTALL
)
LINES = (DATA / "masking_cases.txt").read_text(encoding="utf-8").splitlines()


def quotes(page):
    """What a page quotes of comments."""
    return [re.sub("<[^>]+>", "", unescape(quote)) for quote in QUOTED.findall(page)]


def complain(app, client, comment):
    """A citizen rates a dossier as bad and writes why."""
    with unit_of_work(app) as session:
        token = invite(session)
    said = {"overall": "1", "reasons": "officials", "comment": comment}
    assert client.post(f"/s/{token}", data=said).status_code == 303


def test_the_head_of_the_agency_reads_no_number_of_the_citizen(app, client):
    """In the queue, in each case and among the alerts no digit of a phone or identity number is
    left, however the citizen wrote it.
    """
    for line in LINES:
        complain(app, client, f"Chờ rất lâu. {line}")
    with unit_of_work(app) as session:
        codes = [case.code for case in opened_cases(session)]
        agency = session.scalars(
            select(Agency.code).join(Dossier, Dossier.agency_id == Agency.id).distinct()
        ).one()
    assert len(codes) == len(LINES)
    head = signed_in(app, "agency_head", agency)
    paths = ("/staff/cases?view=all", *(f"/staff/cases/{code}" for code in codes))
    shown = [quote for path in paths for quote in quotes(head.get(path).text)]
    assert len(shown) == 2 * len(LINES)
    assert all("Chờ rất lâu. " in quote for quote in shown)
    assert not [quote for quote in shown if re.search(r"\d", quote)]
    alerts = head.get("/staff/alerts").text
    assert "vòi tiền" not in alerts
