"""Abilities of each provider by the settings, known without loading its library.

Only abilities that some code uses have a field. A provider with others (idempotency keys, approved
templates, one network a call, receipts to be fetched, sending hours) adds a field for them.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from survey.models.message_channel import MessageChannel
from survey.settings import LOOPBACK, KannelSettings, SmsSettings, TwilioSettings


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a provider can do."""

    # The only channel whose messages it sends.
    channel: MessageChannel
    # Citizens can reply to what it sends.
    two_way: bool
    # It can list what it sent to a recipient.
    can_list: bool
    # It calls us with delivery receipts.
    gives_receipts: bool
    # Messages handed to it stay on this machine.
    is_loopback: bool


CONSOLE = Abilities(
    channel=MessageChannel.SMS,
    two_way=False,
    can_list=True,
    gives_receipts=False,
    is_loopback=True,
)


def of_twilio(settings: TwilioSettings) -> Abilities:
    """Twilio lists what it sent; whether it is two-way depends on the country."""
    return Abilities(
        channel=MessageChannel.SMS,
        two_way=settings.two_way,
        can_list=True,
        gives_receipts=True,
        is_loopback=_is_loopback(settings.api_base),
    )


def of_kannel(settings: KannelSettings) -> Abilities:
    """Kannel keeps no list of what it sent."""
    return Abilities(
        channel=MessageChannel.SMS,
        two_way=settings.two_way,
        can_list=False,
        gives_receipts=True,
        is_loopback=_is_loopback(settings.send_url),
    )


def of_provider(settings: SmsSettings) -> Abilities:
    """The abilities of the provider that the settings name."""
    declared = {
        "console": CONSOLE,
        "twilio": of_twilio(settings.twilio),
        "kannel": of_kannel(settings.kannel),
    }
    return declared[settings.provider]


def _is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in LOOPBACK
