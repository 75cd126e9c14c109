from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, update
from twilio.request_validator import RequestValidator

from survey.db import transaction
from survey.messages import outbox
from survey.messages.providers import build_provider
from survey.models.invitation import OptOut
from survey.models.message import Inbound, InboundEvent, Message, Receipt
from tests import ballots
from tests.clocks import NOW
from tests.messages.gateway import queue
from tests.seeding import Wanted, ask_everybody, finish

TOKEN = "t" * 32


@pytest.fixture
def twilio(make_app, database_url):
    """The application of a province that sends through Twilio."""
    return make_app(
        SMS_PROVIDER="twilio",
        TWILIO_ACCOUNT_SID="AC" + "0" * 32,
        TWILIO_AUTH_TOKEN=TOKEN,
        TWILIO_FROM="+15005550006",
        PUBLIC_URL="https://danhgia.example.vn",
    )


@pytest.fixture
def kannel(make_app, database_url):
    """The application of a province that sends through Kannel."""
    return make_app(
        SMS_PROVIDER="kannel",
        KANNEL_SEND_URL="http://127.0.0.1:9/",
        KANNEL_USERNAME="u",
        KANNEL_PASSWORD="p",
        KANNEL_WEBHOOK_SECRET="s3",
    )


def post(app, path, form, token=TOKEN):
    """A request signed like Twilio's."""
    signature = RequestValidator(token).compute_signature("https://danhgia.example.vn" + path, form)
    headers = {"X-Twilio-Signature": signature}
    return app.test_client().post(path, data=form, headers=headers)


def rows(app, column):
    """Every value of a column."""
    with app.app_context(), transaction() as session:
        return list(session.scalars(select(column)))


def test_twilio_inbound(twilio):
    """A signed text is acted on once and answered with an empty document."""
    form = {"MessageSid": "SM1", "From": "+84905000111", "Body": " TC "}
    for _ in range(2):
        answer = post(twilio, "/webhooks/twilio/inbound", form)
        assert (answer.status_code, answer.data) == (200, b"<Response/>")
    assert len(rows(twilio, OptOut.phone_index)) == 1
    assert len(rows(twilio, InboundEvent.event_hash)) == 1


def test_twilio_status(twilio):
    """A signed status moves the message of the attempt in its path."""
    with twilio.app_context(), transaction() as session:
        message = session.get(Message, queue(session, 1))
        message.state, message.attempt, message.attempt_id = "sent", 1, "a" * 32
        message.sent_at = NOW
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert post(twilio, f"/webhooks/twilio/status/{'a' * 32}", form).status_code == 204
    assert post(twilio, "/webhooks/twilio/status?x=%2F", form).status_code == 204
    assert rows(twilio, Message.state) == ["delivered"]
    assert len(rows(twilio, Receipt.id)) == 1


def sent_one(app, number=1):
    """One message that Twilio took under the attempt `a…1` or another number."""
    with app.app_context(), transaction() as session:
        message = session.get(Message, queue(session, number))
        message.state, message.attempt, message.attempt_id = "sent", 1, "a" * 31 + str(number)
        message.provider, message.provider_id = "twilio", f"SM{number}"
        message.sent_at = NOW


STATUS = f"/webhooks/twilio/status/{'a' * 31}1"


def test_fields_may_change_without_notice(twilio):
    """Unknown and missing fields of a callback are taken as they come."""
    sent_one(twilio)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "RawDlrDoneDate": "26", "Neu": "?"}
    assert post(twilio, STATUS, form).status_code == 204
    assert post(twilio, STATUS, {"Neu": "1"}).status_code == 204
    assert rows(twilio, Message.state) == ["delivered"]


def test_order_is_not_guaranteed(twilio):
    """In whatever order and however often callbacks come, the furthest state stands."""
    orders = list(permutations(["sent", "delivered", "queued"]))
    for number, words in enumerate(orders):
        sent_one(twilio, number)
        for word in (*words, *words):
            form = {"MessageSid": f"SM{number}", "MessageStatus": word}
            assert post(twilio, STATUS[:-1] + str(number), form).status_code == 204
    assert rows(twilio, Message.state) == ["delivered"] * len(orders)
    assert len(rows(twilio, Receipt.status)) == 3 * len(orders)


def test_a_failure_is_never_erased(twilio):
    """A later segment's success hides no failure, and both words are kept."""
    sent_one(twilio)
    for status, error in (("undelivered", "30003"), ("delivered", "")):
        form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": error}
        assert post(twilio, STATUS, form).status_code == 204
    assert rows(twilio, Message.state) == ["undelivered"]
    assert rows(twilio, Message.reason) == ["30003"]
    assert len(rows(twilio, Receipt.id)) == 2


def test_callbacks_may_be_lost(twilio):
    """Without a word for three whole days delivery is unknown; a late word is still heard."""
    sent_one(twilio)
    with twilio.app_context():
        provider = build_provider(twilio.extensions["settings"])
        outbox.reconcile(provider, NOW + timedelta(hours=97))
    assert rows(twilio, Message.state) == ["delivery_unknown"]
    post(twilio, STATUS, {"MessageSid": "SM1", "MessageStatus": "delivered"})
    assert rows(twilio, Message.state) == ["delivered"]


STOP_WORDS = ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"]


def test_twilios_words_for_opting_out(twilio):
    """What Twilio itself takes for a stop stands on our list too, whoever sends next."""
    for number, word in enumerate(STOP_WORDS):
        form = {"MessageSid": f"SM{number}", "From": f"+8490500011{number}", "Body": word}
        form["OptOutType"] = "STOP"
        assert post(twilio, "/webhooks/twilio/inbound", form).status_code == 200
    assert len(rows(twilio, OptOut.phone_index)) == len(STOP_WORDS)


@pytest.mark.parametrize(
    ("path", "raw", "headers"),
    [
        ("/webhooks/twilio/inbound", None, {"X-Forwarded-Host": "evil.example"}),
        ("/webhooks/twilio/inbound", None, {"X-Forwarded-Proto": "http", "Host": "10.0.0.1"}),
        ("/webhooks/twilio/inbound?a=%2F&b=%C4%91", None, {}),
        ("/webhooks/twilio/%69nbound", "/webhooks/twilio/inbound", {}),
    ],
    ids=["forwarded host", "plain http behind a proxy", "percent-encoded query", "encoded path"],
)
def test_signed_for_the_public_address(twilio, path, raw, headers):
    """The signature holds for PUBLIC_URL and the path as it was sent, whatever stands between."""
    form = {"MessageSid": "SM1", "From": "+84905000111", "Body": "  TC  ", "Empty": ""}
    validator = RequestValidator(TOKEN)
    signature = validator.compute_signature("https://danhgia.example.vn" + path, form)
    answer = twilio.test_client().post(
        raw or path,
        data=form,
        headers={"X-Twilio-Signature": signature, **headers},
        environ_overrides={"RAW_URI": path},
    )
    assert answer.status_code == 200
    assert len(rows(twilio, OptOut.phone_index)) == 1


@pytest.mark.parametrize("origin", ["https://danhgia.example.vn:443", "https://danhgia.example.vn"])
def test_signed_with_or_without_the_port(twilio, origin):
    """Twilio may name the port it called or not."""
    form = {"MessageSid": "SM1", "From": "+84905000111", "Body": "TC"}
    path = "/webhooks/twilio/inbound"
    signature = RequestValidator(TOKEN).compute_signature(origin + path, form)
    headers = {"X-Twilio-Signature": signature}
    assert twilio.test_client().post(path, data=form, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "request_parts",
    [
        {"json": {"Body": "TC"}},
        {"data": "Body=TC", "content_type": "text/plain"},
        {"data": b"\xff\xfe", "headers": {"X-Twilio-Signature": "\xe9"}},
        {"headers": {"X-Twilio-Webhooks-Signature-Settings": "algorithm=MD5"}},
    ],
    ids=["a body that is no form", "plain text", "rubbish", "unknown algorithm"],
)
def test_what_cannot_be_verified_is_403(twilio, request_parts):
    """A missing header or a body in another shape is refused, never an error of ours."""
    headers = {"X-Twilio-Signature": "AAAA", **request_parts.pop("headers", {})}
    client = twilio.test_client()
    path = "/webhooks/twilio/inbound"
    assert client.post(path, headers=headers, **request_parts).status_code == 403
    assert client.post(path, **request_parts).status_code == 403


@pytest.mark.parametrize("path", ["inbound", "status", "status/" + "a" * 32])
def test_forged(twilio, kannel, path):
    """What Twilio did not sign, or signed for another road, is refused without a trace of why."""
    form = {"MessageSid": "SM1", "From": "+84905000111", "Body": "TC"}
    address = f"/webhooks/twilio/{path}"
    unsigned = twilio.test_client().post(address, data=form)
    wrong = post(twilio, address, form, token="o" * 32)
    other = post(kannel, address, form)
    assert [answer.status_code for answer in (unsigned, wrong, other)] == [403, 403, 403]
    assert rows(twilio, InboundEvent.event_hash) == rows(twilio, Receipt.id) == []


def test_kannel(kannel):
    """Texts and receipts come by GET or POST; the answer, which would be sent on, is empty."""
    client = kannel.test_client()
    sent = {"from": "+84905000111", "id": "7", "text": "TC"}
    first = client.get("/webhooks/kannel/s3/inbound", query_string=sent)
    again = client.post("/webhooks/kannel/s3/inbound", data=sent)
    body = client.post(
        "/webhooks/kannel/s3/inbound?from=84905000112&id=8",
        data="từ chối".encode(),
        content_type="text/plain; charset=utf-8",
    )
    receipt = client.get(f"/webhooks/kannel/s3/status?attempt={'b' * 32}&status=1")
    for answer in (first, again, body, receipt):
        assert (answer.status_code, answer.data) == (200, b"")
    assert len(rows(kannel, OptOut.phone_index)) == 2
    assert rows(kannel, Receipt.status) == ["1"]


def test_kannel_without_the_secret(kannel):
    """Who does not know the secret is not heard."""
    client = kannel.test_client()
    assert client.get("/webhooks/kannel/s4/inbound?from=84905000111&text=TC").status_code == 403
    assert client.post("/webhooks/kannel/s4/status").status_code == 403
    assert rows(kannel, OptOut.phone_index) == []


def test_who_texts_all_day_is_read_by_a_person(kannel):
    """After the fifty changes of a day that a ballot takes, a text is taken all the same and waits
    for the hotline.
    """
    now = NOW
    with kannel.app_context(), transaction() as session:
        ask_everybody(session)
        finish(session, [Wanted(1, finished_at=now - timedelta(hours=1), due_at=None)], now)
        session.execute(update(Message).values(state="delivered"))
    client = kannel.test_client()
    for number in range(52):
        words = {"from": Wanted(1).mobile, "text": str(4 + number % 2), "id": str(number)}
        assert client.get("/webhooks/kannel/s3/inbound", query_string=words).status_code == 200
    with kannel.app_context(), transaction() as session:
        assert [one.overall for one in ballots.all_said(session)] == [4]
    assert rows(kannel, Inbound.needs_person) == [True]
