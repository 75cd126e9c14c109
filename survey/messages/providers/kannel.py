"""A Kannel gateway over its HTTP interface: two-way, with receipts, without a list of messages.
Kannel returns no message id when it accepts one, so our attempt id is used as provider id.
"""

import re
from hmac import compare_digest
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, build_opener

from survey.messages.providers import (
    SENDER,
    Accepted,
    Callback,
    DeliveryReceipt,
    InboundSms,
    ListedSms,
    OutgoingSms,
    SmsConfigFault,
    SmsLoad,
    SmsNotSent,
    SmsRefused,
)
from survey.messages.providers.abilities import of_kannel
from survey.models.recipient import Recipient
from survey.settings import KannelSettings, Settings

TIMEOUT_SECONDS = 10
ACCEPTED = 202
# Encoding of a message → Kannel's `coding` parameter.
CODINGS = {"gsm7": "0", "ucs2": "2"}
# Delivered, failed, queued, accepted by the carrier, refused by it.
EVERY_RECEIPT = "31"
# The carrier's error code: in the receipt's text (SMPP, appendix B), or in a refusal.
REASON = re.compile(r"err:(\w{1,10})|NACK/(\w{1,12})")
# ESME_RINVSRCADR: the carrier does not let us send under this name or number.
CAUSES = {"0x0000000a": SENDER}
OUTCOMES = {"1": "delivered", "2": "undelivered", "16": "undelivered"}


class KannelProvider:
    """One gateway."""

    name = "kannel"

    def __init__(self, settings: KannelSettings, public_url: str, sender: str) -> None:
        self.settings, self.public_url, self.sender = settings, public_url, sender
        self.abilities = of_kannel(settings)
        self.opener = build_opener(ProxyHandler({}))

    def send(self, sms: OutgoingSms) -> Accepted:
        """Hand one message over; Kannel has accepted it if it answers 202, whatever the text."""
        try:
            with self.opener.open(self._address(sms), timeout=TIMEOUT_SECONDS) as answer:
                status = answer.status
        except HTTPError as fault:
            with fault:
                _classify(fault.code)
            raise
        except URLError as fault:
            if isinstance(fault.reason, ConnectionRefusedError):
                raise SmsNotSent("no connection") from fault
            raise
        if status != ACCEPTED:
            raise HTTPException(f"status {status}")
        return Accepted(sms.attempt_id)

    def list_sent(self, recipient: Recipient) -> list[ListedSms]:  # noqa: ARG002 - the Protocol's name
        """Kannel keeps no list: never called, since `can_list` is false."""
        raise LookupError("Kannel keeps no list of what it sent")

    def _address(self, sms: OutgoingSms) -> str:
        """The URL of the GET request; its receipt URL (`dlr-url`) contains our attempt id."""
        secret = quote(self.settings.webhook_secret, safe="")
        receipt = (
            f"{self.public_url}/webhooks/kannel/{secret}/status"
            f"?attempt={sms.attempt_id}&status=%d&error=%A"
        )
        fields = {
            "username": self.settings.username,
            "password": self.settings.password,
            "from": self.sender,
            "to": sms.recipient.address,
            "text": sms.text,
            "charset": "UTF-8",
            "coding": CODINGS[sms.encoding],
            "validity": str(max(sms.valid_seconds // 60, 1)),
            "dlr-mask": EVERY_RECEIPT,
            "dlr-url": receipt,
        }
        return f"{self.settings.send_url}?{urlencode(fields)}"

    def is_genuine(self, callback: Callback) -> bool:
        """Whether the path of the request contains the webhook secret."""
        expected = self.settings.webhook_secret
        return bool(expected) and compare_digest(callback.secret.encode(), expected.encode())

    def read_receipt(self, callback: Callback) -> DeliveryReceipt:
        """A receipt; `status` is Kannel's %d."""
        fields = callback.fields
        attempt_id, status = fields.get("attempt", ""), fields.get("status", "")
        reason = _reason(fields.get("error", ""))
        return DeliveryReceipt(
            provider=self.name,
            provider_id=attempt_id,
            attempt_id=attempt_id,
            status=status,
            error_code=reason,
            outcome=OUTCOMES.get(status, "in_progress"),
            cause=CAUSES.get(reason, ""),
        )

    def read_inbound(self, callback: Callback) -> InboundSms:
        """A text from a phone, as `post-url` is to be configured: %I, %p and %a."""
        fields = callback.fields
        return InboundSms(
            self.name, fields.get("id", ""), fields.get("from", ""), fields.get("text", "")
        )


def _reason(answer: str) -> str:
    """The carrier's error in its answer (%A), which may also quote our text; empty if none."""
    found = REASON.search(answer)
    return next(filter(None, found.groups()), "") if found else ""


def _classify(status: int) -> None:
    """Raise the error that a status certainly means; return if the result is unknown."""
    if status in {401, 403, 404}:
        raise SmsConfigFault(f"kannel {status}")
    if status == 503:  # noqa: PLR2004, HTTP: "temporal failure", nothing was taken
        raise SmsLoad("kannel 503")
    if status == 400:  # noqa: PLR2004, HTTP
        raise SmsRefused("bad_text")


def build(settings: Settings) -> KannelProvider:
    """The gateway in the settings; its sender is the reply number."""
    return KannelProvider(settings.sms.kannel, settings.public_url, settings.sms.reply_number)
