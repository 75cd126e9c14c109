"""The shipped nginx file, run by a real nginx before the shipped gunicorn."""

import re
import socket
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import select

from survey.messages.segments import measure
from survey.models.message import InboundEvent
from tests.clocks import PATIENCE
from tests.conftest import unit_of_work
from tests.deploy.conftest import gunicorn_of
from tests.deploy.front import HOST, find_nginx, nginx_before
from tests.deploy.test_logs import CALLS, CANARY
from tests.web.citizens import invite
from tests.web.staff_accounts import FORM_TOKEN, add_account

SECRET = "s3cretOfKannel"
KANNEL = {
    "SMS_PROVIDER": "kannel",
    "KANNEL_SEND_URL": "http://127.0.0.1:9/",
    "KANNEL_USERNAME": "u",
    "KANNEL_PASSWORD": "p",
    "KANNEL_WEBHOOK_SECRET": SECRET,
    "KANNEL_TWO_WAY": "0",
    "PUBLIC_URL": f"https://{HOST}",
}


@pytest.fixture(autouse=True)
def _nginx():
    if find_nginx() is None:
        pytest.skip("nginx is not installed: the shipped file was not run")


@pytest.fixture
def front(sqlite_environment, tmp_path):
    """Nginx and both pools as shipped, for a province that sends through Kannel."""
    sqlite_environment.update(KANNEL)
    with (
        gunicorn_of(sqlite_environment, tmp_path, "citizen") as citizens,
        gunicorn_of(sqlite_environment, tmp_path, "staff") as staff,
        nginx_before(citizens, staff, tmp_path) as site,
    ):
        yield site


def test_a_citizen_answers_through_nginx(front, sqlite_app, clock):
    """Plain HTTP leads to HTTPS, a page comes packed and strict, and a tap is stored."""
    with unit_of_work(sqlite_app) as session:
        link = f"/s/{invite(session, now=clock())}"
    with closing(HTTPConnection("127.0.0.1", front.plain_port, timeout=PATIENCE)) as plain:
        plain.request("GET", f"{link}?lang=en", headers={"Host": HOST})
        moved = plain.getresponse()
        assert (moved.status, moved.headers["Location"]) == (301, f"https://{HOST}{link}?lang=en")
    with front.visitor() as visitor:
        page = visitor.call("GET", link, **{"Accept-Encoding": "gzip"})
        assert (page.status, page.headers["content-encoding"]) == (200, "gzip")
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        assert page.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["server"] == "nginx"
        assert visitor.post(link, overall="5").headers["location"].startswith(link)
        assert "Ông/Bà đã chọn" in visitor.call("GET", f"{link}?page=thanks").text
        assert visitor.call("GET", "/healthz").status == 200
        assert visitor.call("GET", "/readyz").status == 403
        style = visitor.call("GET", "/static/staff.css", **{"Accept-Encoding": "gzip"})
        assert style.headers["content-encoding"] == "gzip"
        seen = {"If-None-Match": style.headers["etag"]}
        assert visitor.call("GET", "/static/staff.css", **seen).status == 304
    with front.visitor("127.0.0.1") as machine:
        assert machine.call("GET", "/readyz").status == 503


def test_neither_log_holds_a_token_or_a_caller(front):
    """Whatever is called through nginx, no log of it or of gunicorn tells link, secret, address."""
    with front.visitor("127.0.0.9") as visitor:
        for method, path in CALLS:
            visitor.call(method, path, Referer=f"https://{HOST}/s/{CANARY}")
        visitor.call("GET", "/staff/cases/ABC?q=Binh")
    with socket.create_connection(("127.0.0.1", front.plain_port), timeout=PATIENCE) as raw:
        raw.sendall(f"GET /s/{CANARY} HTTP/9.9\r\n\r\n".encode())
        while raw.recv(4096):
            pass
    access = (front.folder / "access.log").read_text(encoding="utf-8")
    assert len(access.splitlines()) == len(CALLS) + 1
    assert " GET /s/... 404 " in access
    assert " GET /webhooks/... 403 " in access
    assert " GET /staff/cases/ABC 302 " in access
    for log in (access, *(p.read_text(encoding="utf-8") for p in front.folder.glob("*.log"))):
        assert not re.search(rf"{CANARY}|127\.0\.0\.9|Binh", log)


def test_wrong_sign_ins_count_against_the_caller_not_against_nginx(front, sqlite_app):
    """Ten wrong tries close the caller's address, whatever it claims; its neighbour signs in."""
    email, password = add_account(sqlite_app, "leader")

    def tries(visitor, count, **form):
        token = FORM_TOKEN.search(visitor.call("GET", "/login").text)[1]
        for number in range(count):
            fields = {"email": f"ai{number}@tinh.vn", "password": "sai", **form}
            head = {"X-Forwarded-For": f"203.0.113.{number}"}
            kind = {"Content-Type": "application/x-www-form-urlencoded", **head}
            sent = urlencode({"csrf_token": token, **fields})
            yield visitor.call("POST", "/login", sent, **kind)

    with front.visitor("127.0.0.3") as guesser:
        answers = list(tries(guesser, 11))
        assert [one.status for one in answers] == [401] * 10 + [429]
        assert "đợi 5 phút" in answers[-1].text
        # Thirty do where the machine is fast.
        flood = (guesser.call("GET", "/login") for _ in range(200))
        refused = next(one for one in flood if one.status == 429)
        assert "Có quá nhiều lần thử" in refused.text
    with front.visitor("127.0.0.4") as neighbour:
        (entered,) = tries(neighbour, 1, email=email, password=password)
        assert entered.status == 303
        assert "Secure" in entered.headers["set-cookie"]


def test_many_answers_pass_a_flood_does_not_and_a_stopped_server_says_so(
    sqlite_environment, sqlite_app, clock, tmp_path
):
    """Two hundred answers a minute pass; a flood and a stopped server get a page in Vietnamese."""
    with unit_of_work(sqlite_app) as session:
        link = f"/s/{invite(session, now=clock())}"
    with gunicorn_of(sqlite_environment, tmp_path, "citizen") as citizens:
        running = nginx_before(citizens, citizens, tmp_path)
        front = running.__enter__()
        with front.visitor("127.0.0.5") as office:
            sent = {office.post(link, overall="4").status for _ in range(200)}
        assert sent == {303}
        with ExitStack() as stack:
            # All lines are open before the first asks: they come at once, however slow this is.
            flood = [stack.enter_context(front.visitor("127.0.0.6")) for _ in range(320)]
            for number, one in enumerate(flood):
                one.ask("GET", f"/s/{number:012}")
            assert flood[0].hear().status == 404
            answers = (one.hear() for one in reversed(flood))
            refused = next(one for one in answers if one.status == 503)
        assert "Hệ thống đang bận" in refused.text
        assert refused.headers["retry-after"] == "30"
        assert refused.headers["referrer-policy"] == "no-referrer"
    try:
        with front.visitor("127.0.0.7") as late:
            stopped = late.post(link, overall="1")
        assert stopped.status == 503
        assert "chưa được ghi nhận" in stopped.text
        assert stopped.headers["strict-transport-security"]
    finally:
        running.__exit__(None, None, None)


def test_what_is_large_reaches_the_application(front, sqlite_app):
    """A file of 59 MB, ten SMS parts in Kannel's GET, a long comment pass; more is refused."""
    email, password = add_account(sqlite_app, "analyst")
    with front.visitor() as clerk:
        token = FORM_TOKEN.search(clerk.call("GET", "/login").text)[1]
        assert clerk.post("/login", csrf_token=token, email=email, password=password).status == 303
        token = FORM_TOKEN.search(clerk.call("GET", "/staff/intake").text)[1]
        head = (
            '--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + token + "\r\n"
            '--b\r\nContent-Disposition: form-data; name="export_day"\r\n\r\n2026-06-30\r\n'
            '--b\r\nContent-Disposition: form-data; name="file"; filename="x.xlsx"\r\n\r\n'
        )
        body = head.encode() + b"PK" + bytes(59 * 1024 * 1024) + b"\r\n--b--\r\n"
        form = {"Content-Type": "multipart/form-data; boundary=b"}
        taken = clerk.call("POST", "/staff/intake", body, **form)
        assert taken.status == 400
        assert "notice-wrong" in taken.text
    long_sms = "TC " + "ề" * 660
    assert measure(long_sms).segments == 10
    query = f"from=%2B84905000111&id=1&text={quote(long_sms)}"
    with front.visitor() as kannel:
        heard = kannel.call("GET", f"/webhooks/kannel/{SECRET}/inbound?{query}")
        assert (heard.status, heard.body) == (200, b"")
        assert kannel.post("/webhooks/twilio/status", MessageSid="SM1").status == 403
        assert kannel.post("/s/000000000000", comment="x" * 200_000).status == 404
        too_large = kannel.post("/s/000000000000", comment="x" * 2_000_000)
        assert too_large.status == 413
        assert "Nội dung gửi lên quá lớn" in too_large.text
    with unit_of_work(sqlite_app) as session:
        assert len(session.scalars(select(InboundEvent.event_hash)).all()) == 1
