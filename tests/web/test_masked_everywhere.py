"""Truth 9 of the demo: no role reads a citizen's phone, id number or name on any page it can reach.

Every link of every role is followed, from the first page on, until there is none left.
"""

import re
from html import unescape
from urllib.parse import urldefrag

import pytest
from sqlalchemy import select

from survey.demo.comments import REVEALING
from survey.models.case import Case, CaseState
from survey.models.dossier import Dossier
from survey.models.staff import RoleName, Staff
from survey.period import Month
from survey.reports import report_index
from tests import ballots, clocks
from tests.conftest import FIXED, files_in, run_command, running, unit_of_work
from tests.opened import opened_cases
from tests.web.staff_accounts import post

NOW = "2026-07-20T10:00:00+07:00"
LINK = re.compile(r'href="(/staff[^"]*)"')
NUMBER = re.compile(r"(?<!\d)(?:\+?84|0)(?:[ .]?\d){9}(?!\d)|(?<!\d)0\d{11}(?!\d)")
TAG = re.compile(r"<[^>]+>")
# Bodies of messages and files are not pages; everything else is read as text.
TEXT = ("text/html", "text/csv", "text/plain")


@pytest.fixture(scope="module")
def app(sqlite_copies, tmp_path_factory):
    """A demo of three months, filled once for this file, with its newest report built."""
    folder = tmp_path_factory.mktemp("masked")
    environment = {
        **FIXED,
        "DEMO": "1",
        "DATABASE_URL": sqlite_copies.copy(folder),
        **files_in(folder),
    }
    with running(environment) as application:
        size = ("--dossiers", "1500", "--months", "3")
        assert run_command(application, "demo", "load", *size, "--now", NOW).code == 0
        made = ("report", "build", "--period", "2026-06", "--formats", "html", "--out", str(folder))
        assert run_command(application, *made, "--now", NOW).code == 0
        with unit_of_work(application) as session:
            for file in folder.glob("*.html"):
                report_index.store(
                    session, Month("2026-06"), file.name, file.read_bytes(), clocks.NOW
                )
        yield application


@pytest.fixture(scope="module")
def planted(app):
    """Digits of all phones and id numbers, and all names, that no page may show."""
    with unit_of_work(app) as session:
        numbers, names = set(), set()
        for dossier in session.scalars(select(Dossier)):
            if dossier.phone:
                numbers.add(dossier.phone[-9:])
            if dossier.name:
                names.add(dossier.name)
        # People who work here may share a name with somebody who was invented.
        names -= set(session.scalars(select(Staff.name)))
    for comment in REVEALING:
        numbers |= {_digits(found)[-9:] for found in NUMBER.findall(comment)}
    assert len(numbers) > 1000
    assert len(names) > 500
    return numbers, names


def _digits(text):
    return re.sub(r"\D", "", text)


def crawl(client):
    """Every page that can be reached by links: address → text without tags."""
    seen, waiting = {}, ["/staff/", "/staff/dashboard?period=2026-06"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        with client.get(path, follow_redirects=True) as answer:
            assert answer.status_code == 200, path
            html = answer.text if answer.mimetype in TEXT else ""
        seen[path] = unescape(TAG.sub(" ", html))
        found = {urldefrag(unescape(link)).url for link in LINK.findall(html)}
        waiting += sorted(found - set(seen))
    return seen


def leaks(text, planted):
    """What of the planted data stands in a text."""
    numbers, names = planted
    told = {_digits(found)[-9:] for found in NUMBER.findall(text)} & numbers
    return told | {name for name in names if name in text}


@pytest.mark.parametrize("role", list(RoleName))
def test_no_page_of_a_role_shows_who_a_citizen_is(app, planted, report, role):
    """Each page that a role reaches by links holds no planted phone, id number or name."""
    client = app.test_client()
    assert post(client, f"/demo/enter/{role}", page="/demo").status_code == 303
    pages = crawl(client)
    report(f"{role}: {len(pages)} pages")
    assert {path: found for path, text in pages.items() if (found := leaks(text, planted))} == {}
    with unit_of_work(app) as session:
        codes = {one.code for one in opened_cases(session) if one.state != CaseState.CLOSED}
    if role == RoleName.HANDLER:
        assert codes <= {path.rpartition("/")[2] for path in pages}


def test_the_crawler_would_find_a_leak(app, planted):
    """Numbers in any usual writing and names are found, and comments with numbers were there."""
    number, name = min(planted[0]), min(planted[1])
    spaced = f"0{number[:3]} {number[3:6]} {number[6:]}"
    for text in (f"gọi 0{number} nhé", f"+84{number}", spaced, f"anh {name} gọi"):
        assert leaks(text, planted)
    assert not leaks("09••••678, mã PA123456, 1.234.567.890 đồng", planted)
    with unit_of_work(app) as session:
        said = {one.comment for one in ballots.all_said(session)}
        contacts = select(Case.code).where(Case.contact_sealed.is_not(None))
        assert len(said & set(REVEALING)) >= 2
        assert session.scalars(contacts).first()
