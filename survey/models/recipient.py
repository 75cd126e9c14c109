"""Recipients of messages: an address on a channel, how it is masked, indexed and encrypted."""

import re
from dataclasses import dataclass
from enum import StrEnum

from survey.formats import mask_phone
from survey.models.message_channel import MessageChannel

_MOBILE = re.compile(r"\+84[35789][0-9]{8}")


class IndexUse(StrEnum):
    """Prefix of the text that is hashed for a recipient's blind index.

    Messages to one address have equal indexes within one use only. Otherwise reminders that are
    unlinked, dialogues (whose recipients have answered) and messages about cases (whose recipients
    have complained) could be joined with invitations and dossiers.
    """

    ASKED = ""
    UNLINKED = "reminder "
    DIALOGUE = "dialogue "
    CASE = "case "


@dataclass(frozen=True, slots=True, repr=False)
class Recipient:
    """A recipient of messages; its `repr` is masked."""

    channel: MessageChannel
    # Phone number in E.164.
    address: str

    @classmethod
    def by_sms(cls, e164: str) -> "Recipient":
        """The recipient with this phone number (E.164), by SMS."""
        return cls(MessageChannel.SMS, e164)

    def __repr__(self) -> str:
        """Channel and masked address, for logs and error messages."""
        return f"<{self.channel} {self.masked}>"

    @property
    def masked(self) -> str:
        """The address with hidden digits, for screens and logs."""
        return mask_phone(self.address)

    @property
    def prefix(self) -> str | None:
        """First three digits of a Vietnamese mobile number in national format, such as 090.

        None for all other numbers, to which no messages are sent.
        """
        return f"0{self.address[3:5]}" if _MOBILE.fullmatch(self.address) else None

    def indexed_text(self, use: IndexUse = IndexUse.ASKED) -> str:
        """The text that is hashed for a blind index.

        It does not contain the channel, so opt-outs and limits on messages to a number hold on all
        channels.
        """
        return f"{use}{self.address}"


class RecipientCodec:
    """Converts recipients to bytes for encryption: channel, a space and address."""

    def pack(self, value: Recipient) -> bytes:
        """The bytes to encrypt."""
        return f"{value.channel} {value.address}".encode()

    def unpack(self, content: bytes) -> Recipient:
        """The recipient that `pack` converted."""
        channel, _, address = content.decode().partition(" ")
        return Recipient(MessageChannel(channel), address)
