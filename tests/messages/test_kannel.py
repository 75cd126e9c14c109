from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit

import pytest

from survey.messages.providers import (
    Callback,
    OutgoingSms,
    SmsConfigFault,
    SmsLoad,
    SmsNotSent,
    SmsRefused,
    build_provider,
)
from survey.messages.providers.kannel import KannelProvider
from survey.models.recipient import Recipient
from survey.settings import KannelSettings, from_env
from tests.messages.gateway import NOW
from tests.serving import served

SMS = OutgoingSms("a" * 32, Recipient.by_sms("+84900000001"), "Xin chào", "ucs2", 1, 600, NOW)


class _Handler(BaseHTTPRequestHandler):
    """A gateway that answers as it is told."""

    def do_GET(self):
        """Take one call."""
        parts = urlsplit(self.path)
        self.server.calls.append({k: v[0] for k, v in parse_qs(parts.query).items()})
        if self.server.status:
            self.send_response(self.server.status)
            self.end_headers()
            self.wfile.write(b"0: Accepted for delivery")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    """A gateway on this machine."""
    made = HTTPServer(("127.0.0.1", 0), _Handler)
    made.calls, made.status = [], 202
    with served(made):
        yield made


def gateway(port):
    """The provider for a gateway on `port`."""
    settings = KannelSettings(
        send_url=f"http://127.0.0.1:{port}/cgi-bin/sendsms",
        username="u",
        password="p",
        webhook_secret="s3",
    )
    return KannelProvider(settings, "https://danhgia.example.vn", "8099")


def test_send(server):
    """A message carries its coding, its validity and our attempt in the receipt's address."""
    provider = gateway(server.server_port)
    assert provider.send(SMS).provider_id == "a" * 32
    (call,) = server.calls
    assert (call["from"], call["to"], call["text"]) == ("8099", "+84900000001", "Xin chào")
    assert (call["coding"], call["charset"], call["validity"]) == ("2", "UTF-8", "10")
    assert f"/webhooks/kannel/s3/status?attempt={'a' * 32}&status=%d" in call["dlr-url"]
    provider.send(replace(SMS, text="Xin chao", encoding="gsm7"))
    assert server.calls[1]["coding"] == "0"


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, SmsConfigFault), (404, SmsConfigFault), (503, SmsLoad), (400, SmsRefused)],
)
def test_answers_that_created_nothing(server, status, error):
    """Refusals of the gateway are told apart."""
    server.status = status
    with pytest.raises(error):
        gateway(server.server_port).send(SMS)


@pytest.mark.parametrize("status", [500, 502, 200, 0])
def test_answers_that_leave_doubt(server, status):
    """An answer that is not Kannel's word, or none at all, is unclear."""
    server.status = status
    with pytest.raises(Exception) as raised:  # noqa: PT011, any kind is unclear
        gateway(server.server_port).send(SMS)
    assert not isinstance(raised.value, SmsNotSent | SmsRefused)


def test_nobody_there():
    """A refused connection sent nothing; an address that nothing can open leaves doubt."""
    with pytest.raises(SmsNotSent):
        gateway(9).send(SMS)
    lost = KannelProvider(KannelSettings(send_url="gopher://127.0.0.1/x"), "", "")
    with pytest.raises(URLError):
        lost.send(SMS)


def heard(secret="", **fields):
    """A request of the gateway."""
    return Callback("/", fields, {}, secret)


def test_receipts_and_inbound():
    """Numbers of Kannel and carrier are read into our words; it cannot be asked what it sent."""
    provider = gateway(1)
    outcomes = {
        status: provider.read_receipt(heard(attempt="b" * 32, status=status)).outcome
        for status in ("1", "2", "4", "8", "16", "")
    }
    assert outcomes == {
        "1": "delivered", "2": "undelivered", "4": "in_progress", "8": "in_progress",
        "16": "undelivered", "": "in_progress",
    }  # fmt: skip
    reasons = {
        words: provider.read_receipt(heard(attempt="b" * 32, status="2", error=words)).error_code
        for words in (
            "id:7 sub:001 dlvrd:000 submit date:1 done date:2 stat:UNDELIV err:011 text:Xin",
            "NACK/0x0000000b/Invalid Destination Address",
            "ACK/",
        )
    }
    assert list(reasons.values()) == ["011", "0x0000000b", ""]
    inbound = provider.read_inbound(heard(id="7", **{"from": "+84900000001"}, text="5"))
    assert (inbound.event_id, inbound.from_number, inbound.text) == ("7", "+84900000001", "5")
    assert not provider.abilities.can_list
    with pytest.raises(LookupError):
        provider.list_sent(SMS.recipient)


def test_secret_of_the_webhooks():
    """Only who knows the secret of the path is heard; without one nobody is."""
    assert gateway(1).is_genuine(heard("s3"))
    assert not gateway(1).is_genuine(heard("s4"))
    assert not KannelProvider(KannelSettings(), "", "").is_genuine(heard(""))


def test_the_settings_name_it():
    """The settings build the gateway with the reply number as sender."""
    provider = build_provider(from_env({"SMS_PROVIDER": "kannel", "SMS_REPLY_NUMBER": "8099"}))
    assert (provider.name, provider.sender) == ("kannel", "8099")
    assert not provider.abilities.is_loopback
