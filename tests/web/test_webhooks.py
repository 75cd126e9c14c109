from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from survey.db import transaction
from survey.models.invitation import OptOut
from survey.models.message import Inbound, Message, Receipt
from tests.sms.gateway import queue

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
    assert len(rows(twilio, Inbound.id)) == 1


def test_twilio_status(twilio):
    """A signed status moves the message of the attempt in its path."""
    with twilio.app_context(), transaction() as session:
        message = session.get(Message, queue(session, 1))
        message.state, message.attempt, message.attempt_id = "sent", 1, "a" * 32
        message.sent_at = datetime.now(UTC)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert post(twilio, f"/webhooks/twilio/status/{'a' * 32}", form).status_code == 204
    assert post(twilio, "/webhooks/twilio/status?x=%2F", form).status_code == 204
    assert rows(twilio, Message.state) == ["delivered"]
    assert len(rows(twilio, Receipt.id)) == 1


@pytest.mark.parametrize("path", ["inbound", "status", "status/" + "a" * 32])
def test_forged(twilio, kannel, path):
    """What Twilio did not sign, or signed for another road, is refused without a trace of why."""
    form = {"MessageSid": "SM1", "From": "+84905000111", "Body": "TC"}
    address = f"/webhooks/twilio/{path}"
    unsigned = twilio.test_client().post(address, data=form)
    wrong = post(twilio, address, form, token="o" * 32)
    other = post(kannel, address, form)
    assert [answer.status_code for answer in (unsigned, wrong, other)] == [403, 403, 403]
    assert rows(twilio, Inbound.id) == rows(twilio, Receipt.id) == []


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
