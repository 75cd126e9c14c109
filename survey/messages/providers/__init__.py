"""What every way of sending has in common: the values that cross it, and how a call can fail.
A failure of any other kind than those below leaves the message's fate unknown.
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
    """The call surely created nothing: it may be tried again later."""


class SmsLoad(SmsNotSent):
    """Nothing was created because too much was asked for at once."""


class SmsConfigFault(SmsNotSent):
    """Nothing was created because our account, sender or credentials are wrong; says which."""


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
    """The provider took the message under this name."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class ListedSms:
    """One line of a provider's list of what it sent; `attempt_id` where it echoes ours."""

    provider_id: str
    text: str
    attempt_id: str = ""


# What a receipt may say beyond its message: the phone wants no more of us; our sender or account
# is refused; perhaps our words are (one may be chance, several in a row are not); we are too fast.
OPTED_OUT, SENDER, WORDS, LOAD = "opted_out", "sender", "words", "load"


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """A provider's word about one message.

    `status`, `error_code` as the provider writes them; `outcome`: in_progress, delivered,
    undelivered, or expired (it never left the provider); `cause`: what it says beyond this one
    message.
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
    """A text that a phone sent us; `event_id` names it at the provider, the same when repeated."""

    provider: str
    event_id: str
    from_number: str
    text: str


class Provider(Protocol):
    """A way of sending. Its calls may block up to a time-out; no transaction is open meanwhile."""

    @property
    def name(self) -> str:
        """Name in settings and tables."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        ...

    def send(self, sms: OutgoingSms) -> Accepted:
        """Hand one message over; raises SmsNotSent, SmsLoad, SmsConfigFault or SmsRefused."""
        ...

    def list_sent(self, recipient: Recipient) -> list[ListedSms]:
        """What a receiver was sent, newest first; called only if `can_list`."""
        ...


@dataclass(frozen=True, slots=True)
class Callback:
    """A provider's request to us: raw path with query, fields, headers, and what the path named."""

    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    secret: str = ""
    attempt_id: str = ""


class CallbackReader(Protocol):
    """The side of a provider that hears its requests."""

    def is_genuine(self, callback: Callback) -> bool:
        """Whether the provider itself made this request."""
        ...

    def read_receipt(self, callback: Callback) -> DeliveryReceipt:
        """A delivery receipt: what became of a message."""
        ...

    def read_inbound(self, callback: Callback) -> InboundSms:
        """A request that brings a text from a phone."""
        ...


def build_provider(settings: Settings) -> Provider:
    """The provider that the settings name; its file is imported only then."""
    name = settings.sms.provider
    if name not in PROVIDERS:
        raise Invalid("bad_settings", f"SMS_PROVIDER={name}")
    return cast("Provider", import_module(f"{__name__}.{name}").build(settings))
