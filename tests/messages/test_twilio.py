import contextlib
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from survey.db import transaction
from survey.messages import outbox
from survey.messages.providers import (
    Callback,
    OutgoingSms,
    SmsConfigFault,
    SmsLoad,
    SmsNotSent,
    SmsRefused,
    build_provider,
)
from survey.messages.providers.twilio import TwilioProvider
from survey.models.message import Message
from survey.models.recipient import Recipient
from survey.settings import TwilioSettings
from tests.clocks import PATIENCE
from tests.kannel.gateway import until
from tests.messages.fake_twilio import ACCOUNT, FakeTwilio, Trouble, on_line
from tests.messages.gateway import NOW, queue

PUBLIC = "https://danhgia.example.vn"
SMS = OutgoingSms("a" * 32, Recipient.by_sms("+84900000001"), "Xin chao", "gsm7", 1, 600, NOW)
NO_WAIT = timedelta()


@pytest.fixture
def fake():
    """A Twilio on this machine; its contract must not have been broken when the test ends."""
    twilio = FakeTwilio()
    with on_line(twilio):
        yield twilio
    assert twilio.broken == []


def account(url, **changes):
    """An account whose API is at `url`."""
    given = {"account_sid": ACCOUNT, "auth_token": "t" * 32, "sender": "+15005550006"}
    return TwilioSettings(api_base=url, **{**given, **changes})


@pytest.fixture
def provider(fake):
    """The official client against the fake."""
    made = TwilioProvider(account(fake.url), PUBLIC)
    yield made
    made.client.http_client.session.close()


def test_create(fake, provider):
    """A message is created with our attempt in its callback and the validity of the window."""
    accepted = provider.send(SMS)
    assert accepted.provider_id == fake.messages[0]["sid"]
    assert fake.forms == [
        {
            "To": "+84900000001",
            "From": "+15005550006",
            "Body": "Xin chao",
            "StatusCallback": f"{PUBLIC}/webhooks/twilio/status/{'a' * 32}",
            "ValidityPeriod": "600",
        }
    ]
    (listed,) = provider.list_sent(SMS.recipient)
    assert (listed.provider_id, listed.text) == (accepted.provider_id, "Xin chao")


@pytest.mark.parametrize(("seconds", "sent"), [(1, "10"), (99_999, "36000")])
def test_validity_bounds(fake, provider, seconds, sent):
    """The validity stays within what Twilio takes."""
    provider.send(replace(SMS, valid_seconds=seconds))
    assert fake.forms[0]["ValidityPeriod"] == sent


def test_messaging_service(fake):
    """With a messaging service no sender is named."""
    service = "MG" + "0" * 32
    provider = TwilioProvider(account(fake.url, messaging_service_sid=service), PUBLIC)
    provider.send(SMS)
    provider.client.http_client.session.close()
    assert fake.forms[0]["MessagingServiceSid"] == service
    assert "From" not in fake.forms[0]


REFUSED = [21211, 21217, 21614, 21635, 21610, 21602, 21617]
CONFIG = [20003, 21212, 21408, 21603, 21606, 21608, 21612, 21657, 21659, 21703, 21705, 90010]


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        *((Trouble(400, code), SmsRefused) for code in REFUSED),
        *((Trouble(400, code), SmsConfigFault) for code in CONFIG),
        (Trouble(401, 20003), SmsConfigFault),
        (Trouble(403, None), SmsConfigFault),
        (Trouble(429, 20429), SmsLoad),
        (Trouble(429, None), SmsLoad),
        (Trouble(400, 21611), SmsLoad),
        (Trouble(400, 29999), SmsNotSent),
        (Trouble(400, 21211, problem=True), SmsRefused),
    ],
)
def test_answers_that_created_nothing(fake, provider, trouble, error):
    """Each listed refusal of Twilio is told apart, in both shapes of its errors."""
    fake.troubles = [trouble]
    with pytest.raises(error) as raised:
        provider.send(SMS)
    assert raised.type is error


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(500, 20500, made=True),
        Trouble(502, None, made=True),
        Trouble(503, 20503),
        Trouble(302, None, body=""),
        Trouble(408, 20408),
        Trouble(400, None),
        Trouble(201, body="<html>", made=True),
        Trouble(201, body='{"sid": "SM", "date_created": 5}', made=True),
        Trouble(drop=True, made=True),
        Trouble(drop=True),
        Trouble(201, silent=True, made=True),
    ],
)
def test_answers_that_leave_doubt(fake, provider, trouble):
    """Whatever is not surely nothing is unclear, and is asked for once only."""
    provider.client.http_client.timeout = (PATIENCE, 0.3 if trouble.silent else PATIENCE)
    fake.troubles = [trouble]
    with pytest.raises(Exception) as raised:  # noqa: PT011, any kind is unclear
        provider.send(SMS)
    assert not isinstance(raised.value, SmsNotSent | SmsRefused)
    until("Twilio heard it", lambda: fake.forms)
    assert len(fake.forms) == 1


def test_nobody_there(fake):
    """A refused connection sent nothing."""
    provider = TwilioProvider(account("http://127.0.0.1:9"), PUBLIC)
    with pytest.raises(SmsNotSent):
        provider.send(SMS)


def test_nobody_answers_the_door(fake):
    """A connection that never came about sent nothing."""
    with socket.socket() as door, contextlib.ExitStack() as stack:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(door.getsockname())
        provider = TwilioProvider(account(f"http://127.0.0.1:{door.getsockname()[1]}"), PUBLIC)
        provider.client.http_client.timeout = 0.3
        with pytest.raises(SmsNotSent, match="timeout"):
            provider.send(SMS)


@pytest.fixture
def twilio_app(make_app, fake):
    """The application with the fake as its provider, logging all that is worth telling."""
    return make_app(
        SMS_PROVIDER="twilio",
        TWILIO_ACCOUNT_SID=ACCOUNT,
        TWILIO_AUTH_TOKEN="t" * 32,
        TWILIO_FROM="+15005550006",
        TWILIO_API_BASE=fake.url,
        LOG_LEVEL="INFO",
    )


def test_unclear_is_found_by_listing(twilio_app, fake):
    """Accepted behind a 502: found in Twilio's list, sent once; dropped: sent again once."""
    fake.troubles = [Trouble(502, made=True), Trouble(drop=True)]
    with twilio_app.app_context():
        provider = build_provider(twilio_app.extensions["settings"])
        assert provider.abilities.is_loopback
        with transaction() as session:
            queue(session, 1, "Mot")
            queue(session, 2, "Hai")
        assert outbox.send_due(provider, NOW).unknown == 2
        later = NOW + timedelta(minutes=11)
        assert outbox.reconcile(provider, later, NO_WAIT) == outbox.ReconcileSummary(1, 1, 0)
        assert outbox.send_due(provider, later).sent == 1
        provider.client.http_client.session.close()
        with transaction() as session:
            assert set(session.scalars(select(Message.state))) == {"sent"}
    assert sorted(str(message["body"]) for message in fake.messages) == ["Hai", "Mot"]


def test_sending_is_no_news(capfd, twilio_app):
    """A message that leaves writes nothing into the log: neither the account nor a request."""
    capfd.readouterr()
    with twilio_app.app_context():
        provider = build_provider(twilio_app.extensions["settings"])
        provider.send(SMS)
        provider.list_sent(SMS.recipient)
        provider.client.http_client.session.close()
    assert capfd.readouterr().err == ""


def signed(token, path, form, algorithm=None):
    """Headers that Twilio would send."""
    signature = RequestValidator(token).compute_signature(PUBLIC + path, form, algorithm)
    headers = {"X-Twilio-Signature": signature}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=x,algorithm={algorithm}"
    return headers


@pytest.mark.parametrize("algorithm", [None, "HMAC_SHA256"])
@pytest.mark.parametrize("token", ["t" * 32, "o" * 32])
def test_signature(token, algorithm):
    """Both algorithms and, while a token is rotated, both tokens are accepted."""
    provider = TwilioProvider(account("", auth_token_old="o" * 32), PUBLIC)
    form = MultiDict([("Body", " 5 "), ("From", "+84900000001")])
    path = "/webhooks/twilio/inbound?a=%2F"
    assert provider.is_genuine(Callback(path, form, signed(token, path, form, algorithm)))
    assert not provider.is_genuine(Callback(path + "x", form, signed(token, path, form, algorithm)))


def test_forged_signatures():
    """No signature, a wrong one, another key's or an unknown algorithm are not accepted."""
    provider = TwilioProvider(account(""), PUBLIC)
    form = MultiDict([("Body", "5")])
    assert not provider.is_genuine(Callback("/x", form, {}))
    assert not provider.is_genuine(Callback("/x", form, {"X-Twilio-Signature": "AAAA"}))
    assert not provider.is_genuine(Callback("/x", form, signed("o" * 32, "/x", form)))
    odd = signed("t" * 32, "/x", form)
    odd["X-Twilio-Webhooks-Signature-Settings"] = "algorithm=MD5"
    assert not provider.is_genuine(Callback("/x", form, odd))


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        ("queued", "", "in_progress"),
        ("sent", "", "in_progress"),
        ("delivered", "", "delivered"),
        ("undelivered", "30005", "undelivered"),
        ("failed", "30036", "expired"),
        ("failed", "30001", "expired"),
        ("something_new", "", "in_progress"),
    ],
)
def test_status_callback(status, error, outcome):
    """Twilio's words are read into ours; unknown ones conclude nothing."""
    provider = TwilioProvider(account(""), PUBLIC)
    form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": error, "New": "x"}
    receipt = provider.read_receipt(Callback("/", form, {}, attempt_id="a" * 32))
    assert (receipt.provider_id, receipt.attempt_id) == ("SM1", "a" * 32)
    assert (receipt.status, receipt.error_code, receipt.outcome) == (status, error, outcome)


def test_inbound():
    """An inbound text keeps its sender, its words and Twilio's name for it."""
    form = {"MessageSid": "SM2", "From": "+84900000001", "Body": " 5 "}
    inbound = TwilioProvider(account(""), PUBLIC).read_inbound(Callback("/", form, {}))
    assert (inbound.event_id, inbound.from_number, inbound.text) == ("SM2", "+84900000001", " 5 ")
