"""What every public page promises: weight, headers, words, two languages, and how it fails."""

import re
import sqlite3
import zlib
from html import unescape

import pytest
from sqlalchemy import select

from survey.models.province import Province
from survey.web.rendering import CITIZEN_POLICY
from tests.conftest import unit_of_work
from tests.web.citizens import NAME, invite

STEPS = ("rate", "reasons", "contact", "thanks", "not-mine", "stop", "stopped")
# When the form was drawn: the one thing in which two looks at a page differ.
SHOWN = re.compile(rb'name="shown" value="[0-9a-f.]+"')


@pytest.fixture
def client(sqlite_app):
    return sqlite_app.test_client()


def given(app, **options):
    """A token of a fresh invitation."""
    with unit_of_work(app) as session:
        return invite(session, **options)


@pytest.mark.parametrize("kind", ["short", "full"])
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_pages_are_light(sqlite_app, client, kind, lang):
    """Every step with the longest names is at most 14 KB, 5 KB packed, and needs nothing else."""
    token = given(sqlite_app, kind=kind, longest=True)
    client.post(f"/s/{token}", data={"overall": "1"})
    for step in STEPS:
        path = f"/s/{token}?page={step}&lang={lang}"
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert packed.headers["Content-Encoding"] == "gzip"
        unpacked = zlib.decompress(packed.data, 31)
        assert SHOWN.sub(b"", unpacked) == SHOWN.sub(b"", plain.data)
        assert len(plain.data) <= 14_000
        assert len(packed.data) <= 5_000
        text = plain.text.replace('<link rel="icon" href="data:,">', "")
        assert not re.search(r"<(script|link|img|iframe)|url\(|@import|style=", text)


def test_headers_of_a_link(sqlite_app, client):
    """Nothing is stored, referred, framed, run or loaded; and there is no cookie."""
    token = given(sqlite_app)
    answers = [
        client.get(f"/s/{token}"),
        client.post(f"/s/{token}", data={"overall": "9"}),
        client.get("/s/unknown"),
    ]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == CITIZEN_POLICY
        assert "unsafe-inline" not in CITIZEN_POLICY
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Permissions-Policy" in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("OPTIONS", "", None, 200),
        ("OPTIONS", "/stop", None, 200),
        ("PUT", "", None, 405),
        ("GET", "/elsewhere", None, 404),
        ("POST", "", {"overall": "4"}, 303),
        ("POST", "/reopen", None, 404),
        ("POST", "", {"comment": "x" * 300_000}, 413),
    ],
)
def test_no_answer_lets_a_browser_tell_the_link(sqlite_app, client, method, path, sent, status):
    """Whatever is asked under a link, and however it ends, the address is referred nowhere."""
    answer = client.open(f"/s/{given(sqlite_app)}{path}", method=method, data=sent)
    assert answer.status_code == status
    assert answer.headers.getlist("Referrer-Policy") == ["no-referrer"]


def test_the_page_names_nobody(sqlite_app, client):
    """No name, no full phone, no dossier code on any step of a link."""
    token = given(sqlite_app)
    client.post(f"/s/{token}", data={"overall": "1", "contact": "yes"})
    for step in STEPS:
        page = client.get(f"/s/{token}?page={step}").text
        for secret in (NAME, "0912300001", "84912300001", "H32.12", "261118"):
            assert secret not in page


def test_links_that_open_nothing_look_alike(sqlite_app, client):
    """Unknown, expired, mistyped and overlong links get the same 404 with a way to be heard."""
    expired = given(sqlite_app, days_left=-1)
    pages = [client.get(f"/s/{one}") for one in (expired, "0" * 12, "x", "9" * 300, "%C4%83")]
    assert {page.status_code for page in pages} == {404}
    texts = {re.sub(r'href="/s/[^"]*"', "", page.text) for page in pages}
    assert len(texts) == 1
    assert 'href="tel:1022"' in texts.pop()
    posted = client.post(f"/s/{expired}", data={"overall": "1"})
    assert posted.status_code == 404
    assert "tel:1022" in posted.text


def test_a_refusal_shows_what_was_written(sqlite_app, client):
    """A comment that came too late, or to no link at all, stands on the page of the refusal to be
    copied; nothing else does, and what is too large for a page does not.
    """
    expired, foreign = given(sqlite_app, days_left=-1), given(sqlite_app)
    client.post(f"/s/{foreign}/not-mine")
    written = "Chờ ba buổi & chưa xong"
    for token, status in ((expired, 404), ("ZZZZZZZZZZZZ", 404), (foreign, 409)):
        answer = client.post(f"/s/{token}", data={"overall": "2", "comment": written})
        assert (answer.status_code, written in unescape(answer.text)) == (status, True)
        assert "chưa được lưu" in answer.text
        assert "chưa được lưu" not in client.post(f"/s/{token}", data={"overall": "2"}).text
    assert client.post(f"/s/{expired}", data={"comment": "x" * 300_000}).status_code == 413


def test_a_refusal_speaks_the_language_of_the_page(sqlite_app, client):
    """Who answers a closed survey in English is refused in English."""
    token = given(sqlite_app)
    client.post(f"/s/{token}/not-mine")
    refused = client.post(f"/s/{token}?lang=en", data={"overall": "2"})
    assert refused.status_code == 409
    assert "time to answer" in refused.text
    assert "thời hạn" not in refused.text


def test_english_pages_are_english(sqlite_app, client):
    """Apart from names of agencies and procedures, nothing on an English page is Vietnamese."""
    vietnamese = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)
    token = given(sqlite_app, kind="full")
    client.post(f"/s/{token}", data={"overall": "1", "access": "2"})
    paths = [f"/s/{token}?page={step}&lang=en" for step in STEPS]
    for path in [*paths, "/s/none?lang=en", "/privacy?lang=en", "/?lang=en", "/none?lang=en"]:
        page = client.get(path).text
        assert '<html lang="en">' in page
        rest = re.sub(r'<(\w+)[^>]* lang="vi"[^>]*>.*?</\1>', "", page, flags=re.DOTALL)
        rest = re.sub(r"<style>.*?</style>", "", rest, flags=re.DOTALL).replace("Lắng Nghe", "")
        assert not vietnamese.search(rest)


def test_a_busy_database_loses_nothing(sqlite_app, client):
    """Locked for ten seconds, the answer is 503 'not sent', and one more tap sends it all."""
    token = given(sqlite_app)
    client.post(f"/s/{token}", data={"overall": "5"})
    url = sqlite_app.config["SQLALCHEMY_DATABASE_URI"]
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sent = {"overall": "2", "comment": "Dòng một\nDòng hai", "reasons": ["access", "result"]}
    page = client.post(f"/s/{token}", data=sent)
    assert page.status_code == 503
    assert int(page.headers["Retry-After"]) > 0
    assert "Câu trả lời chưa được gửi" in page.text
    assert "Ông/Bà đã chọn: Không hài lòng." in page.text
    assert client.get(f"/s/{token}").status_code == 200
    other.execute("ROLLBACK")
    other.close()
    again = _filled(page.text)
    assert again == {**sent, "overall": ["2"], "comment": ["Dòng một\nDòng hai"]}
    assert client.post(f"/s/{token}", data=again).status_code == 303
    assert "Dòng một\nDòng hai" in client.get(f"/s/{token}?page=thanks").text


def _filled(text):
    """What a browser would send from the form of a page: field → values."""
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text)
    fields += re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL)
    names = dict.fromkeys(name for name, _ in fields)
    return {one: [value for name, value in fields if name == one] for one in names}


def test_a_database_that_is_gone(make_app):
    """Without a database every page says so with 503, and so do the two for balancers."""
    client = make_app(DATABASE_URL="sqlite:////nowhere/at/all.db").test_client()
    for path in ("/s/0123456789AB", "/privacy", "/"):
        page = client.get(path)
        assert page.status_code == 503
        assert "đang bận" in page.text
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert client.get("/healthz").status_code == 503
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["database"] == "does not answer"
    assert "cannot be written" in ready.json["disk"]


def test_the_promise_follows_the_rules(sqlite_app, client):
    """The privacy page names the terms in force and the number to call."""
    with unit_of_work(sqlite_app) as session:
        session.scalars(select(Province)).one().link_days = 21
    page = client.get("/privacy").text
    assert "21 ngày; nếu có phản ánh, đọc được đến 30 ngày" in page
    assert "xóa 90 ngày sau khi hồ sơ có kết quả" in page
    assert "không hứa ẩn danh tuyệt đối" in page
    assert "tel:1022" in page


@pytest.mark.parametrize("demo", ["0", "1"])
def test_the_start_page_says_what_this_is(make_app, demo):
    """It shows how to know a true message, and leads to the demo only where there is one."""
    page = make_app(DEMO=demo).test_client().get("/").text
    assert "http://localhost/s/" in page
    assert "1022" in page
    assert ('href="/demo"' in page) == (demo == "1")


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nothing-here", 404, "Không tìm thấy trang này"),
        ("PUT", "/privacy", 405, "Không thực hiện được"),
        ("PUT", "/s/0123456789AB/stop", 405, "Không thực hiện được"),
    ],
)
def test_errors_have_a_page(client, method, path, status, words):
    """An address or a method that does not exist is answered in words, with its status."""
    page = client.open(path, method=method)
    assert page.status_code == status
    assert words in page.text
    assert page.headers["Content-Security-Policy"] == CITIZEN_POLICY


def test_a_file_is_no_answer(sqlite_app, client):
    """More than any form can hold is refused with 413 and a sentence."""
    token = given(sqlite_app)
    page = client.post(f"/s/{token}", data={"comment": "x" * 300_000})
    assert page.status_code == 413
    assert "quá lớn" in page.text
