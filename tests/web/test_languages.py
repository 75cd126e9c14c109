"""Staff read in Vietnamese or in English: whoever chooses English meets no Vietnamese but data.

Data are marked with `lang="vi"`: names, comments, what somebody wrote.
"""

import re
from html.parser import HTMLParser
from urllib.parse import urldefrag

import pytest
from sqlalchemy import select

from survey.catalogues import speaking
from survey.models.organisation import Agency, Sector
from survey.models.staff import RoleName
from survey.period import Month
from survey.reports import report_index
from tests import clocks
from tests.conftest import FIXED, files_in, run_command, running, unit_of_work
from tests.web.staff_accounts import add_account, post, sign_in, signed_in

NOW = "2026-07-20T10:00:00+07:00"
VIETNAMESE = re.compile("[ĂăĐđĨĩŨũƠơƯưÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýẠ-ỹ]")
# Names that are the same in every language: ours, of a holiday, of provinces, of a document.
NAMES = ("Lắng Nghe", "Tết", "Khánh Hòa", "Sóc Trăng", "QĐ-BNV", "QĐ")
READ_ALOUD = frozenset({"alt", "aria-label", "data-label", "placeholder", "title"})
EMPTY = frozenset({"br", "hr", "img", "input", "link", "meta"})


class Reader(HTMLParser):
    """What a page says outside of data, and where its links lead."""

    def __init__(self, html):
        super().__init__()
        self.said, self.links, self.open = [], set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Note what is read aloud, and whether data begin."""
        values = dict(attrs)
        if tag not in EMPTY:
            is_data = values.get("lang") == "vi" or (self.open and self.open[-1])
            self.open.append(bool(is_data))
        elif values.get("lang") == "vi":
            return
        if tag == "a" and values.get("href", "").startswith(("/staff", "/demo")):
            self.links.add(urldefrag(values["href"]).url)
        if not (self.open and self.open[-1]):
            self.said += [value for name, value in attrs if name in READ_ALOUD and value]

    def handle_startendtag(self, tag, attrs):
        """An element of a drawing that holds nothing."""

    def handle_endtag(self, tag):
        """Leave the element."""
        if tag not in EMPTY:
            self.open.pop()

    def handle_data(self, data):
        """Note a text."""
        if not self.open or not self.open[-1]:
            self.said.append(data.strip())

    def vietnamese(self, names=()):
        """What is left in Vietnamese besides names, which may stand within a label read aloud."""
        known = re.compile(
            "|".join(map(re.escape, sorted((*NAMES, *names), key=len, reverse=True)))
        )
        return [text for text in self.said if VIETNAMESE.search(known.sub("", text))]


@pytest.fixture(scope="module")
def app(sqlite_copies, tmp_path_factory):
    """A demo of three months with a report, filled once for this file."""
    folder = tmp_path_factory.mktemp("languages")
    environment = {
        **FIXED,
        "DEMO": "1",
        "DATABASE_URL": sqlite_copies.copy(folder),
        **files_in(folder),
    }
    with running(environment) as application:
        size = ("--dossiers", "1500", "--months", "3")
        assert run_command(application, "demo", "load", *size, "--now", NOW).code == 0
        with unit_of_work(application) as session:
            report_index.store(session, Month("2026-06"), "bao-cao-2026-06.html", b"-", clocks.NOW)
        yield application


def in_english(client):
    """Choose English, as a person does."""
    assert post(client, "/language", page="/demo", language="en").status_code == 303
    return client


def crawl(client):
    """Every page that can be reached by links: address → what it says."""
    seen, waiting = {}, ["/staff/", "/demo"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        with client.get(path, follow_redirects=True) as answer:
            assert answer.status_code == 200, path
            seen[path] = Reader(answer.text if answer.mimetype == "text/html" else "")
        waiting += sorted(seen[path].links - set(seen))
    return seen


@pytest.mark.parametrize("role", list(RoleName))
def test_pages_in_english_hold_no_vietnamese_but_data(app, report, role):
    """Each page that a role reaches by links says nothing in Vietnamese outside of data."""
    client = in_english(app.test_client())
    assert post(client, f"/demo/enter/{role}", page="/demo").status_code == 303
    pages = crawl(client)
    report(f"{role}: {len(pages)} pages")
    with unit_of_work(app) as session:
        names = [*session.scalars(select(Agency.name)), *session.scalars(select(Sector.name))]
    left = {path: found for path, page in pages.items() if (found := page.vietnamese(names))}
    assert left == {}
    assert len(pages) > len(RoleName)


def test_the_reader_finds_vietnamese_outside_of_data():
    """Texts and labels count; what stands in an element marked as Vietnamese does not."""
    page = '<p title="Chỉ số">Kỳ <b lang="vi">Sở <i>Nội vụ</i></b> này<br></p><p lang="vi">Đất</p>'
    assert Reader(page).vietnamese() == ["Chỉ số", "Kỳ", "này"]


def test_the_language_stays_after_signing_in(sqlite_app):
    """English chosen before the sign-in is spoken after it, and Vietnamese again when chosen."""
    client = sqlite_app.test_client()
    assert "Đăng nhập" in client.get("/login").text
    assert post(client, "/language", page="/login", language="en").status_code == 303
    assert "Sign in" in client.get("/login").text
    assert sign_in(client, *add_account(sqlite_app, "admin")).status_code == 303
    page = client.get("/staff/accounts").text
    assert '<html lang="en">' in page
    assert "Accounts" in page
    assert post(client, "/language", page="/staff/accounts", language="vi").status_code == 303
    assert "Tài khoản" in client.get("/staff/accounts").text


def test_choosing_a_language_leads_back_to_the_page(sqlite_app):
    """Who turns to English goes on with the page, and never to somebody else's."""
    client = signed_in(sqlite_app, "admin")
    fields = {"page": "/staff/accounts", "language": "en"}
    assert (
        post(client, "/language", next="/staff/rules?a=1", **fields).location == "/staff/rules?a=1"
    )
    assert post(client, "/language", next="//evil.example/", **fields).location == "/staff/"


def test_an_unknown_language_is_vietnamese(sqlite_app):
    """A cookie that names no language of ours changes nothing."""
    client = sqlite_app.test_client()
    client.set_cookie("language", "xx")
    assert "Đăng nhập" in client.get("/login").text


def test_pages_do_not_follow_the_language_of_commands(make_app):
    """LANGUAGE is for commands: a page is Vietnamese where nobody chose otherwise."""
    client = make_app(LANGUAGE="en").test_client()
    for path in ("/privacy", "/login"):
        assert '<html lang="vi"' in client.get(path).text


def test_numbers_follow_the_language(app):
    """English pages write the share of satisfied answers with a point, Vietnamese ones a comma."""
    client = app.test_client()
    assert post(client, "/demo/enter/analyst", page="/demo").status_code == 303
    page = "/staff/dashboard?period=2026-06"
    figure = r'<span class="figure"><b>\d+{}\d</b>'
    assert re.search(figure.format(","), client.get(page).text)
    in_english(client)
    assert re.search(figure.format("[.]"), client.get(page).text)


def test_a_command_speaks_the_language_of_its_settings(make_app):
    """LANGUAGE turns a command's words, never its JSON; an unknown one leaves Vietnamese."""
    told, documents = {}, set()
    for code in ("", "xx", "en_GB:en", "vi"):
        other = make_app(LANGUAGE=code)
        assert run_command(other, "reference", "load").code == 0
        told[code] = run_command(other, "cases", "list").out
        documents.add(
            run_command(
                other, "index", "show", "--period", "2026-06", "--by", "channel", "--json"
            ).out
        )
    assert told == {
        "": "Không có phản ánh nào đang mở.\n",
        "xx": "Không có phản ánh nào đang mở.\n",
        "en_GB:en": "There are no open cases.\n",
        "vi": "Không có phản ánh nào đang mở.\n",
    }
    assert len(documents) == 1


def test_a_report_is_vietnamese_whoever_has_it_made(app, tmp_path):
    """A document of the state does not follow the language of the command that builds it."""
    built = []
    for code in ("vi", "en"):
        with speaking(code):
            folder = tmp_path / code
            words = (
                "report",
                "build",
                "--period",
                "2026-06",
                "--formats",
                "html",
                "--out",
                str(folder),
            )
            assert run_command(app, *words, "--now", NOW).code == 0
        built.append(next(folder.glob("*.html")).read_text(encoding="utf-8"))
    assert built[0] == built[1]
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in built[0]
