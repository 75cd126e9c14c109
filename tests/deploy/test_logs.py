"""What the servers write down: never a link's token, a webhook's secret or who called."""

import logging
import re
import socket
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import delete

from survey.logs import RedactingFilter, redact
from survey.models.questionnaire import OVERALL, QuestionnaireItem
from tests.clocks import PATIENCE
from tests.conftest import unit_of_work
from tests.web.citizens import NAME, invite

ROOT = Path(__file__).resolve().parents[2]
CANARY = "C4N4RYT0KEN7"
CALLS = [
    ("GET", f"/s/{CANARY}"),
    ("POST", f"/s/{CANARY}"),
    ("POST", f"/s/{CANARY}/stop"),
    ("GET", f"/s/{CANARY}?lang=en"),
    ("GET", f"//s/{CANARY}"),
    ("GET", f"/S/{CANARY}/"),
    ("GET", f"/{CANARY}"),
    ("GET", f"/privacy?from=/s/{CANARY}"),
    ("GET", f"/%73/{CANARY}"),
    ("GET", f"/webhooks/kannel/{CANARY}/inbound"),
    ("BREW", f"/s/{CANARY}"),
    ("GET", f"/staff/{CANARY}"),
    ("GET", f"/staff/../s/{CANARY}/"),
    ("GET", f"/static/s%2f{CANARY}"),
]


def test_gunicorn_never_logs_a_token_nor_a_caller(gunicorn):
    """Whatever is called, whole or broken, the log holds neither the token nor an address."""
    port, log = gunicorn.port, gunicorn.log
    for method, path in CALLS:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request(method, path, headers={"Referer": f"http://x/s/{CANARY}"})
        assert connection.getresponse().read() is not None
        connection.close()
    for line in (f"GET /s/{CANARY} HTTP/9.9", f"GET /s/{CANARY}", f"\x01GET /s/{CANARY} HTTP/1.1"):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw:
            raw.sendall(line.encode() + b"\r\n\r\n")
            while raw.recv(4096):
                pass
    written = log.read_text(encoding="utf-8")
    assert CANARY not in written
    access = [line for line in written.splitlines() if re.search(r"\] [A-Z]+ /.* \d+ms$", line)]
    assert len(access) >= len(CALLS)
    assert not [line for line in access if "127.0.0.1" in line]


COMMENT = "Canary Vàng Anh"
PHONE = "0987654321"


def _call(port, method, path, **form):
    """Status and body of one call to the running server."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, urlencode(form), headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_a_whole_answer_leaves_no_trace_in_the_logs(gunicorn, sqlite_app, clock):
    """From the first tap to a page of fault 500, no log holds token, number, name or comment."""
    port, log = gunicorn.port, gunicorn.log
    with unit_of_work(sqlite_app) as session:
        token = invite(session, now=clock(), kind="full")
    link = f"/s/{token}"
    said = {"overall": "1", "comment": COMMENT, "contact": "yes", "contact_phone": PHONE}
    assert _call(port, "GET", link)[0] == 200
    assert _call(port, "POST", link, overall="1")[0] == 303
    assert _call(port, "POST", link, **said)[0] == 303
    assert _call(port, "POST", link, **{**said, "contact_phone": f"{PHONE}99999"})[0] == 400
    assert COMMENT in _call(port, "GET", f"{link}?page=reasons")[1]
    assert _call(port, "POST", f"{link}/reopen")[0] == 409
    assert _call(port, "PUT", link, **said)[0] == 405
    assert _call(port, "POST", f"{link}/stop")[0] == 303
    with unit_of_work(sqlite_app) as session:
        overall = QuestionnaireItem.question == OVERALL
        session.execute(delete(QuestionnaireItem).where(overall))
    failures = [_call(port, "GET", link), _call(port, "POST", link, **{**said, "overall": "9"})]
    assert [status for status, _ in failures] == [500, 500]
    written = log.read_text(encoding="utf-8")
    assert written.count("event='incident'") == 2
    for text in (written, *(body for _, body in failures)):
        assert not [one for one in (token, "Canary", PHONE[1:], NAME, "91230") if one in text]


def test_a_traceback_is_redacted_too():
    """What an exception says about a value is cut out like the message of a line."""
    error = ValueError("/s/C4N4RYT0KEN7 0987654321")
    fault = (ValueError, error, None)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "at /s/%s", ("C4N4RYT0KEN7",), fault)
    assert RedactingFilter().filter(record)
    line = logging.Formatter().format(record)
    assert "ValueError: /s/[token] [phone]" in line
    assert "C4N4RY" not in line


NAME_OF_AN_ATTEMPT = "ab09876543210c0d84912345678ef0ab"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (f"attempt='{NAME_OF_AN_ATTEMPT}'", f"attempt='{NAME_OF_AN_ATTEMPT}'"),
        (f"SM{NAME_OF_AN_ATTEMPT} 0987654321", f"SM{NAME_OF_AN_ATTEMPT} [phone]"),
        ("to +84987654321, 84987654321.", "to [phone], [phone]."),
        ("a0987654321b", "a[phone]b"),
        (f"{NAME_OF_AN_ATTEMPT}0987654321", "ab[phone]c0d[phone]ef0ab[phone]"),
        (f"{NAME_OF_AN_ATTEMPT}x0987654321", "ab[phone]c0d[phone]ef0abx[phone]"),
        ("CCCD 056123456789", "CCCD [id]"),
        (f"/s/{NAME_OF_AN_ATTEMPT}", "/s/[token]"),
    ],
)
def test_names_of_messages_stay_readable_and_numbers_do_not(said, written):
    """A drawn name is kept whole; numbers of people are cut out wherever else they stand."""
    assert redact(said) == written


def test_the_nginx_file_logs_no_path_as_it_came():
    """Nginx's own format names the shortened path only, and no error file holds request lines."""
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    (shape,) = re.findall(r"log_format langnghe '([^']*)'", text)
    names = set(re.findall(r"\$(\w+)", shape))
    assert not names & {"request", "uri", "request_uri", "args", "http_referer", "remote_addr"}
    assert set(re.findall(r"access_log\s+([^;]+);", text)) == {
        "off",
        "/var/log/nginx/langnghe.log langnghe",
    }
    assert set(re.findall(r"error_log\s+([^;]+);", text)) == {"/dev/null"}
