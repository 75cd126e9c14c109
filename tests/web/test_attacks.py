"""What somebody tries who is no citizen with a link and no member of staff."""

import pytest
from sqlalchemy import select, update

from survey import answers as answering
from survey.answers import Submission
from survey.models.case import Case
from survey.models.organisation import Agency
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.web.citizens import invite
from tests.web.staff_accounts import form_token, signed_in
from tests.web.test_public_answers import answers, dump

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def token(transact):
    with transact() as session:
        return invite(session)


def test_other_methods_write_nothing(app, client, token):
    """Only POST writes; no other method, and no header that names one, does."""
    before = dump(app)
    for path in (f"/s/{token}", f"/s/{token}/stop", f"/s/{token}/not-mine", f"/s/{token}/reopen"):
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            answer = client.open(path, method=method, data={"overall": "1"})
            assert answer.status_code == 405, (path, method)
        assert client.options(path).status_code == 200
        override = {"X-HTTP-Method-Override": "POST"}
        client.get(f"{path}?_method=POST&overall=1", headers=override)
        client.head(f"{path}?overall=1")
    assert dump(app) == before


def test_a_stranger_learns_and_writes_nothing(app, client, token):
    """A guessed link is the same 404 for every method, length and spelling, and writes nothing."""
    before = dump(app)
    near = token[:-1] + ("A" if token[-1] != "A" else "B")
    pages = set()
    for guess in (near, token[:-1], token + "A", "%00", "..%2f" + token, "A" * 1500, "%0d%0aX:1"):
        for action in ("", "/stop", "/not-mine", "/reopen"):
            answer = client.post(f"/s/{guess}{action}", data={"overall": "1"})
            assert answer.status_code == 404
            pages.add(answer.text.replace(guess, "").count("</p>"))
        assert client.get(f"/s/{guess}").status_code == 404
    assert dump(app) == before
    assert len(pages) <= 2  # the page for links, and the one for addresses that are none


def test_nothing_sent_becomes_a_header_or_an_address(client, token):
    """Host, language and step never lead elsewhere, and line ends never end a header."""
    evil = "evil.example"
    for lang in ("//" + evil, "en\r\nX-Evil: 1", "../..", SCRIPT):
        answer = client.post(
            f"/s/{token}",
            query_string={"lang": lang, "page": f"https://{evil}"},
            data={"overall": "4"},
            headers={"Host": evil, "X-Forwarded-Host": evil},
        )
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/s/{token}?page=reasons"
        assert "X-Evil" not in answer.headers
        page = client.get(f"/s/{token}", query_string={"lang": lang, "page": SCRIPT})
        assert "<script" not in page.text
        assert "onerror=alert" not in page.text.replace("onerror%3Dalert", "")


def test_odd_forms_are_no_fault(app, client, token):
    """Blanks, zero bytes, huge numbers and repeated fields get 400 or are read as nothing."""
    too_long = "a" * 2001
    for form in (
        {"overall": "   ", "comment": too_long},
        {"comment": too_long},
        {"contact": "perhaps"},
        {"overall": "9" * 5000},
        {"overall": "\0", "reasons": ["\0", "access"]},
        {"overall": "1", "contact": "yes", "contact_phone": "0912\x00345678" * 9},
        {"overall": ["6", "5"]},
    ):
        assert client.post(f"/s/{token}", data=form).status_code == 400, form
    assert answers(app) == []
    assert too_long in client.post(f"/s/{token}", data={"comment": too_long}).text
    assert client.post(f"/s/{token}", data={"overall": "1", "comment": "a\0b"}).status_code == 303
    assert [comment for *_, comment in answers(app)] == ["ab"]
    form = {"csrf_token": form_token(client, "/login"), "email": "a\0b@x.vn", "password": "\0"}
    assert client.post("/login", data=form).status_code in {400, 401}


def test_strangers_cannot_send_files(sqlite_app):
    """Before sign-in a large body is refused; on a staff page the answer is still to sign in."""
    client = sqlite_app.test_client()
    for path, status in (("/login", 413), ("/login/code", 413), ("/staff/reports/x", 401)):
        kind = "multipart/form-data; boundary=x"
        assert client.post(path, data=b"x" * 2_000_000, content_type=kind).status_code == status


def test_what_citizens_write_is_text_for_staff(app, client, token):
    """A comment and an agency's name with tags are shown as they were typed, and run nothing."""
    with unit_of_work(app) as session:
        session.execute(update(Agency).values(name=SCRIPT))
        said = Submission(overall=1, comment=SCRIPT, contact=True)
        answering.submit(session, token, said, NOW)
    with unit_of_work(app) as session:
        code = session.scalars(select(Case.code)).one()
    staff = signed_in(app, "handler")
    for page in ("/staff/cases", f"/staff/cases/{code}", "/staff/alerts", "/staff/dashboard"):
        text = staff.get(page, follow_redirects=True).text
        assert "<script>alert" not in text, page
        assert "<img src=x" not in text, page
    assert "&lt;script&gt;alert(1)" in staff.get(f"/staff/cases/{code}").text
    shown = client.get(f"/s/{token}?page=reasons").text
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script" not in shown


@pytest.mark.parametrize("size", [2**31, 2**63, 10**30])
def test_numbers_beyond_every_column_are_no_fault(app, size):
    """A row's number that no table can hold is an unknown page; elsewhere it is a bad request."""
    assert signed_in(app, "admin").get(f"/staff/accounts/{size}").status_code == 404
    queue = signed_in(app, "leader").get(f"/staff/cases?page={size}")
    assert queue.status_code < 500
