"""A stateful Twilio on this machine, held against Twilio's own contract at each call."""

import json
import os
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tests.messages.gateway import NOW
from tests.serving import served

ACCOUNT = "AC" + "0" * 32
CONTRACT = OpenAPI.from_dict(
    json.loads((Path(__file__).parent / "data" / "twilio_api_v2010.messages.json").read_text())
)


@dataclass(frozen=True)
class Trouble:
    """What happens to one create, and whether the message is made all the same.

    `late`: made so many seconds after the connection ended. `reset`: it ends with RST, not FIN.
    `cut`: it ends in the middle of the answer. `silent`: no answer before the caller hangs up.
    """

    status: int = 0
    code: int | None = None
    body: str | None = None
    made: bool = False
    late: float = 0
    drop: bool = False
    reset: bool = False
    silent: bool = False
    problem: bool = False
    cut: bool = False


FINE = Trouble(201, made=True)


@dataclass
class FakeTwilio:
    """Its messages, what is to go wrong with the next creates, and which contract was broken."""

    messages: list[dict[str, object]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    url: str = ""

    def next_trouble(self) -> Trouble:
        """What the next create meets."""
        return self.troubles.pop(0) if self.troubles else FINE

    def create(self, form: dict[str, str]) -> dict[str, object]:
        """Make one message."""
        sid = "SM" + secrets.token_hex(16)
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json"
        message: dict[str, object] = {
            "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": form["Body"],
            "date_created": format_datetime(NOW), "date_sent": None,
            "date_updated": format_datetime(NOW), "direction": "outbound-api",
            "error_code": None, "error_message": None, "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"), "num_media": "0",
            "num_segments": "1", "price": None, "price_unit": "USD", "sid": sid,
            "status": "queued", "subresource_uris": {}, "to": form["To"], "uri": uri,
        }  # fmt: skip
        self.messages.append(message)
        return message

    def is_listing_down(self) -> bool:
        """Whether it cannot be asked now."""
        return False

    def listed(self, to: str) -> dict[str, object]:
        """The list of messages to a number, newest first."""
        found = [message for message in self.messages if message["to"] == to][::-1]
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        return {
            "messages": found, "end": len(found), "page": 0, "page_size": 50, "start": 0,
            "first_page_uri": uri, "next_page_uri": None, "previous_page_uri": None, "uri": uri,
        }  # fmt: skip

    def check(self, check: Callable[[], object], what: str) -> None:
        """Remember a breach of the contract. Relative addresses are its known false alarm."""
        try:
            check()
        except Exception as breach:  # noqa: BLE001, whatever the checker finds
            reasons = [str(one.message) for one in getattr(breach.__cause__, "schema_errors", ())]
            if not reasons or any("is not a 'uri'" not in reason for reason in reasons):
                self.broken.append(f"{what}: {breach} {reasons}")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    fake: FakeTwilio

    def do_GET(self) -> None:
        """List messages."""
        query = parse_qs(urlsplit(self.path).query)
        self._check_request(b"")
        if self.fake.is_listing_down():
            self._fail(Trouble(503))
        else:
            self._answer(200, self.fake.listed(query["To"][0]))

    def do_POST(self) -> None:
        """Create a message, or let it go wrong."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._check_request(body)
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.fake.forms.append(form)
        trouble = self.fake.next_trouble()
        if trouble.silent:
            self.connection.recv(1, socket.MSG_PEEK)
        message = self.fake.create(form) if trouble.made else {}
        if trouble.late:
            threading.Timer(trouble.late, self.fake.create, [form]).start()
        if trouble.drop or trouble.reset:
            self._hang_up(trouble)
        elif trouble.cut:
            self.send_response(trouble.status)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"sid": "SM')
            self.close_connection = True
        elif trouble.body is not None:
            self._write(trouble.status, trouble.body.encode())
        elif trouble.status in {200, 201}:
            self._answer(trouble.status, message)
        else:
            self._fail(trouble)

    def _hang_up(self, trouble: Trouble) -> None:
        """End the connection without an answer."""
        self.close_connection = True
        if trouble.reset:
            at_once = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            os.close(self.connection.detach())
        else:
            self.connection.close()

    def _fail(self, trouble: Trouble) -> None:
        error = {"status": trouble.status, "message": "no", "code": trouble.code, "more_info": ""}
        kind = "application/json"
        if trouble.problem:
            error |= {"type": "https://example.vn/x", "title": "no"}
            kind = "application/problem+json"
        self._write(trouble.status, json.dumps(error).encode(), kind)

    def _check_request(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        kind = self.headers.get("Content-Type", "").partition(";")[0]
        self.request_seen = MockRequest(
            "https://api.twilio.com",
            self.command.lower(),
            parts.path,
            args={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={"Authorization": self.headers.get("Authorization", "")},
            data=body,
            content_type=kind or "application/x-www-form-urlencoded",
        )
        self.fake.check(lambda: CONTRACT.validate_request(self.request_seen), "request")

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        answer = MockResponse(body, status_code=status, content_type="application/json")
        self.fake.check(lambda: CONTRACT.validate_response(self.request_seen, answer), "answer")
        self._write(status, body)

    def _write(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Ends with its test even if a client holds a line open."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that hung up early is part of the play."""


@contextmanager
def on_line(fake: FakeTwilio) -> Iterator[None]:
    """The fake answers on a free port, its `url`, until the block ends."""
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = _Server(("127.0.0.1", 0), handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    with served(server):
        yield
