"""The interface of message providers: values of calls and callbacks, and errors of a call.

After any error other than those below it is unknown whether the message was sent. A new channel
begins in `survey/models/message_channel.py`; its providers are listed in `abilities`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from survey.errors import Invalid
from survey.messages.providers.abilities import Abilities
from survey.models.recipient import Recipient
from survey.settings import PROVIDERS, Settings


class SmsNotSent(Exception):
    """The call certainly created no message: it may be tried again later."""


class SmsLoad(SmsNotSent):
    """No message was created because of the provider's rate limit or overload."""


class SmsConfigFault(SmsNotSent):
    """No message was created because our account, sender or credentials are wrong; says which."""


class SmsRefused(Exception):
    """Refused for good. `reason`: bad_number, opted_out, bad_text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """One attempt to send one text."""

    attempt_id: str
    recipient: Recipient
    text: str
    encoding: str
    segments: int
    # Seconds after which it must not be delivered any more.
    valid_seconds: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider accepted the message under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class ListedSms:
    """One line of a provider's list of what it sent; `attempt_id` where it echoes ours."""

    provider_id: str
    text: str
    attempt_id: str = ""


# Causes in a receipt that concern more than its message: the phone opted out; our sender or
# account is refused; our wording may be refused (one may be chance, several in a row are not); we
# send too fast.
OPTED_OUT, SENDER, WORDS, LOAD = "opted_out", "sender", "words", "load"


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """A provider's receipt about one message.

    `status`, `error_code` as the provider writes them; `outcome`: in_progress, delivered,
    undelivered, or expired (it never left the provider); `cause`: opted_out, sender, words, load,
    or empty.
    """

    provider: str
    provider_id: str
    attempt_id: str
    status: str
    error_code: str
    outcome: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class InboundSms:
    """A text that a phone sent us; `event_id` is the provider's id, the same when repeated."""

    provider: str
    event_id: str
    from_number: str
    text: str


class Provider(Protocol):
    """A provider. Its calls may block up to a time-out, so no transaction is open meanwhile."""

    @property
    def name(self) -> str:
        """Name in settings and database."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        ...

    def send(self, sms: OutgoingSms) -> Accepted:
        """Hand one message over; raises SmsNotSent, SmsLoad, SmsConfigFault or SmsRefused."""
        ...

    def list_sent(self, recipient: Recipient) -> list[ListedSms]:
        """Messages sent to a recipient, newest first; called only if `can_list`."""
        ...


@dataclass(frozen=True, slots=True)
class Callback:
    """A provider's request to us: raw path with query, fields, headers.

    `secret` and `attempt_id` are parts of the path, if it has them.
    """

    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    secret: str = ""
    attempt_id: str = ""


class CallbackReader(Protocol):
    """Reads and verifies a provider's requests to us."""

    def is_genuine(self, callback: Callback) -> bool:
        """Whether the provider itself made this request."""
        ...

    def read_receipt(self, callback: Callback) -> DeliveryReceipt:
        """Read a delivery receipt."""
        ...

    def read_inbound(self, callback: Callback) -> InboundSms:
        """Read a text from a phone."""
        ...


def build_provider(settings: Settings) -> Provider:
    """The provider that the settings name; its file is imported only then."""
    name = settings.sms.provider
    if name not in PROVIDERS:
        raise Invalid("bad_settings", f"SMS_PROVIDER={name}")
    return cast("Provider", import_module(f"{__name__}.{name}").build(settings))
