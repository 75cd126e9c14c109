"""What each way of sending can do, as the settings say: known without loading its library.

Only what some code asks. A provider that can be asked again under the same id, needs approved
templates, serves one network a call, lets receipts be fetched or keeps hours of its own brings that
field with it.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from survey.models.message_channel import MessageChannel
from survey.settings import LOOPBACK, KannelSettings, SmsSettings, TwilioSettings


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a provider can do."""

    # It carries messages of this channel and is given no others.
    channel: MessageChannel
    # Citizens can reply to what it sends.
    two_way: bool
    # It can be asked what it sent to a receiver.
    can_list: bool
    # It calls us to say what became of a message.
    gives_receipts: bool
    # What it takes stays on this machine.
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
