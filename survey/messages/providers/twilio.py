"""Twilio through its official client, which only this file imports.
Creating a message takes no idempotency key, so only the failures listed here are reported as
creating no message; after all others the result is unknown.
"""

from collections.abc import Iterable

from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client
from urllib3.exceptions import MaxRetryError, NewConnectionError

from survey.messages.providers import (
    LOAD,
    OPTED_OUT,
    SENDER,
    WORDS,
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
from survey.messages.providers.abilities import of_twilio
from survey.models.recipient import Recipient
from survey.settings import Settings, TwilioSettings

TIMEOUT_SECONDS = 10
LONGEST_VALIDITY = 36_000
# Twilio advises more than five seconds.
SHORTEST_VALIDITY = 10
MOST_LISTED = 200
MOST_CONNECTIONS = 64

REFUSED_CODES = {
    21211: "bad_number",
    21217: "bad_number",
    21614: "bad_number",
    21635: "bad_number",
    21610: "opted_out",
    21602: "bad_text",
    21617: "bad_text",
}
CONFIG_CODES = frozenset(
    {20003, 21212, 21408, 21603, 21606, 21608, 21612, 21657, 21659, 21703, 21705, 90010}
)
LOAD_CODES = frozenset({20429, 21611})
# The message never left Twilio's queue.
EXPIRED_CODES = frozenset({"30001", "30036"})
CAUSES = {
    "21610": OPTED_OUT,
    "30002": SENDER,
    "30018": SENDER,
    "30024": SENDER,
    "30034": SENDER,
    "30042": SENDER,
    "30004": WORDS,
    "30007": WORDS,
    "63017": LOAD,
}
OUTCOMES = {
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "undelivered",
    "canceled": "undelivered",
}
UNCLEAR_STATUSES = frozenset({408, 499})
CLIENT_ERRORS = range(400, 500)


class TwilioProvider:
    """One Twilio account."""

    name = "twilio"

    def __init__(self, settings: TwilioSettings, public_url: str) -> None:
        self.settings, self.public_url = settings, public_url
        self.abilities = of_twilio(settings)
        http = TwilioHttpClient(timeout=TIMEOUT_SECONDS)
        for scheme in ("https://", "http://"):
            http.session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
        self.client = Client(settings.account_sid, settings.auth_token, http_client=http)
        if settings.api_base:
            self.client.api.base_url = settings.api_base

    def send(self, sms: OutgoingSms) -> Accepted:
        """Create one message; the URL of its status callback contains the attempt id."""
        sender = self.settings.messaging_service_sid
        fields = {"messaging_service_sid": sender} if sender else {"from_": self.settings.sender}
        try:
            created = self.client.messages.create(
                to=sms.recipient.address,
                body=sms.text,
                status_callback=f"{self.public_url}/webhooks/twilio/status/{sms.attempt_id}",
                validity_period=min(max(sms.valid_seconds, SHORTEST_VALIDITY), LONGEST_VALIDITY),
                **fields,
            )
        except TwilioException as fault:
            _classify(fault)
            raise
        except ConnectTimeout as fault:
            raise SmsNotSent("connect timeout") from fault
        except RequestsConnectionError as fault:
            if _never_connected(fault):
                raise SmsNotSent("no connection") from fault
            raise
        return Accepted(str(created.sid))

    def list_sent(self, recipient: Recipient) -> list[ListedSms]:
        """What Twilio lists for the number, newest first, at most MOST_LISTED, whatever its age."""
        listed = self.client.messages.list(to=recipient.address, limit=MOST_LISTED)
        return [ListedSms(str(one.sid), str(one.body)) for one in listed]

    def is_genuine(self, callback: Callback) -> bool:
        """Whether Twilio signed this request for PUBLIC_URL and its raw path with the query."""
        headers = callback.headers
        signature = headers.get("X-Twilio-Signature", "")
        named = get_signature_algorithm(headers.get("X-Twilio-Webhooks-Signature-Settings", ""))
        if not signature or named not in {"HMAC_SHA1", "HMAC_SHA256"}:
            return False
        tokens = (self.settings.auth_token, self.settings.auth_token_old)
        return any(
            RequestValidator(token).validate(
                self.public_url + callback.path, callback.fields, signature, algorithm=named
            )
            for token in tokens
            if token
        )

    def read_receipt(self, callback: Callback) -> DeliveryReceipt:
        """A status callback; unknown fields are ignored."""
        form = callback.fields
        status, error = form.get("MessageStatus", ""), form.get("ErrorCode", "")
        outcome = OUTCOMES.get(status, "in_progress")
        return DeliveryReceipt(
            provider=self.name,
            provider_id=form.get("MessageSid", ""),
            attempt_id=callback.attempt_id,
            status=status,
            error_code=error,
            outcome="expired" if error in EXPIRED_CODES else outcome,
            cause=CAUSES.get(error, ""),
        )

    def read_inbound(self, callback: Callback) -> InboundSms:
        """A text from a phone."""
        form = callback.fields
        return InboundSms(
            self.name, form.get("MessageSid", ""), form.get("From", ""), form.get("Body", "")
        )


def _classify(fault: TwilioException) -> None:
    """Raise the error that the answer certainly means; return if the result is unknown."""
    status = getattr(fault, "status", None)
    code = getattr(fault, "code", None)
    if code in REFUSED_CODES:
        raise SmsRefused(REFUSED_CODES[code]) from fault
    if code in LOAD_CODES or status == 429:  # noqa: PLR2004, HTTP
        raise SmsLoad(str(code)) from fault
    if code in CONFIG_CODES or status in {401, 403}:
        raise SmsConfigFault(f"twilio {code or status}") from fault
    if code and status in CLIENT_ERRORS and status not in UNCLEAR_STATUSES:
        raise SmsNotSent(f"twilio {code}") from fault


def _never_connected(fault: BaseException) -> bool:
    """Whether the connection was refused before a byte was sent."""
    causes: Iterable[object] = fault.args
    return any(
        isinstance(cause, NewConnectionError)
        or (isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError))
        for cause in causes
    )


def build(settings: Settings) -> TwilioProvider:
    """The provider of the account in the settings."""
    return TwilioProvider(settings.sms.twilio, settings.public_url)
