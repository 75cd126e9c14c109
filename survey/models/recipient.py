"""Who a message goes to: an address on a channel, as it is masked, compared and hashed."""

import re
from dataclasses import dataclass
from enum import StrEnum

from survey.formats import mask_phone
from survey.models.message_channel import MessageChannel

_MOBILE = re.compile(r"\+84[35789][0-9]{8}")


class IndexUse(StrEnum):
    """What a message's blind index is for: equal addresses are equal within one use only.

    An unlinked reminder, who was talked to in a dialogue (and so has answered) and who is written
    to about a case (and so has complained) must not be found beside the invitation or the dossier.
    """

    ASKED = ""
    UNLINKED = "reminder "
    DIALOGUE = "dialogue "
    CASE = "case "


@dataclass(frozen=True, slots=True, repr=False)
class Recipient:
    """A receiver of messages. Never printed in full: its representation is masked."""

    channel: MessageChannel
    # A telephone number in E.164.
    address: str

    @classmethod
    def by_sms(cls, e164: str) -> "Recipient":
        """Who is written to by SMS at a number (E.164)."""
        return cls(MessageChannel.SMS, e164)

    def __repr__(self) -> str:
        """Fit for logs and error messages."""
        return f"<{self.channel} {self.masked}>"

    @property
    def masked(self) -> str:
        """The address fit for screens and logs."""
        return mask_phone(self.address)

    @property
    def prefix(self) -> str | None:
        """First three digits of a Vietnamese mobile as it is dialled at home, such as 090; None of
        any other number, to which no text is sent.
        """
        return f"0{self.address[3:5]}" if _MOBILE.fullmatch(self.address) else None

    def indexed_text(self, use: IndexUse = IndexUse.ASKED) -> str:
        """What is hashed for a blind index. The channel is no part of it: what was sent to a number
        on one channel, and its wish to get no more, count on every other.
        """
        return f"{use}{self.address}"


class RecipientCodec:
    """A receiver as bytes to be encrypted: the channel, a blank and the address."""

    def pack(self, value: Recipient) -> bytes:
        """Bytes to be encrypted."""
        return f"{value.channel} {value.address}".encode()

    def unpack(self, content: bytes) -> Recipient:
        """What `pack` was given."""
        channel, _, address = content.decode().partition(" ")
        return Recipient(MessageChannel(channel), address)
