"""Webhooks of SMS providers: delivery receipts and inbound texts, each in one transaction.

A request not made by the configured provider gets 403 without a reason; repeats are idempotent.
"""

from collections.abc import Mapping
from typing import cast

from flask import Blueprint, Flask, Response, abort, current_app, request

from survey import clock
from survey.answers.conversation import receive
from survey.db import transaction
from survey.messages import receipts
from survey.messages.providers import Callback, CallbackReader, Provider, build_provider

webhooks = Blueprint("webhooks", __name__, url_prefix="/webhooks")

BODY_BYTES = 64 * 1024
# Kannel forwards the response body to the phone and does not accept 204, so the body is empty.
KANNEL_OK = ("", 200, {"Content-Type": "text/plain"})


@webhooks.before_request
def _limit_size() -> None:
    request.max_content_length = BODY_BYTES


@webhooks.post("/twilio/inbound")
def twilio_inbound() -> Response:
    """Inbound text from Twilio; the answer is sent through the outbox, not in this response."""
    _take("twilio", _callback(request.form))
    return Response("<Response/>", mimetype="text/xml")


@webhooks.post("/twilio/status")
@webhooks.post("/twilio/status/<attempt_id>")
def twilio_status(attempt_id: str = "") -> tuple[str, int]:
    """Delivery receipt from Twilio."""
    _note("twilio", _callback(request.form, attempt_id=attempt_id))
    return "", 204


@webhooks.route("/kannel/<secret>/inbound", methods=["GET", "POST"])
def kannel_inbound(secret: str) -> tuple[str, int, dict[str, str]]:
    """Inbound text from Kannel, in the fields or as the body."""
    fields = request.values.to_dict()
    fields.setdefault("text", request.get_data(as_text=True))
    _take("kannel", _callback(fields, secret=secret))
    return KANNEL_OK


@webhooks.route("/kannel/<secret>/status", methods=["GET", "POST"])
def kannel_status(secret: str) -> tuple[str, int, dict[str, str]]:
    """Delivery receipt from Kannel."""
    _note("kannel", _callback(request.values, secret=secret))
    return KANNEL_OK


def register(app: Flask) -> None:
    """Register the webhooks on the application."""
    app.register_blueprint(webhooks)


def _callback(fields: Mapping[str, str], *, secret: str = "", attempt_id: str = "") -> Callback:
    """The request as providers parse it; they sign the path as it was sent."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    return Callback(raw, fields, dict(request.headers), secret, attempt_id)


def _take(name: str, callback: Callback) -> None:
    inbound = _reader(name, callback).read_inbound(callback)
    with transaction() as session:
        receive(session, inbound, clock.now())


def _note(name: str, callback: Callback) -> None:
    receipt = _reader(name, callback).read_receipt(callback)
    with transaction() as session:
        receipts.apply(session, clock.now(), receipt)


def _reader(name: str, callback: Callback) -> CallbackReader:
    """The configured provider, if it is this one and the request is authentic; else 403."""
    kept = current_app.extensions
    if "sms_provider" not in kept:
        kept["sms_provider"] = build_provider(kept["settings"])
    provider: Provider = kept["sms_provider"]
    reader = cast("CallbackReader", provider)
    if provider.name != name or not reader.is_genuine(callback):
        abort(403)
    return reader
