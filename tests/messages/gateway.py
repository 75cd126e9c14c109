"""A gateway of the outside world that does what a test tells it, and remembers what it took."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from survey.messages import outbox
from survey.messages.providers import Accepted, ListedSms, OutgoingSms
from survey.messages.providers.abilities import Abilities
from survey.messages.text import SmsText
from survey.models.message import MessageKind
from survey.models.message_channel import MessageChannel
from survey.models.recipient import Recipient

# 10:00 on a Wednesday in Viet Nam.
NOW = datetime(2026, 5, 20, 3, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def takes(_: OutgoingSms) -> None:
    """A call that goes well."""


class Gateway:
    """Takes messages; what `before` raises loses one, what `after` raises loses the answer."""

    name = "fake"

    def __init__(self, *, can_list: bool = True) -> None:
        self.abilities = Abilities(
            channel=MessageChannel.SMS,
            two_way=True,
            can_list=can_list,
            gives_receipts=True,
            is_loopback=True,
        )
        self.taken: list[OutgoingSms] = []
        self.calls = 0
        self.before: Callable[[OutgoingSms], None] = takes
        self.after: Callable[[OutgoingSms], None] = takes
        self.listing: Callable[[], None] = lambda: None

    def send(self, sms: OutgoingSms) -> Accepted:
        """Take one message; `before` and `after` may raise."""
        self.calls += 1
        self.before(sms)
        self.taken.append(sms)
        self.after(sms)
        return Accepted(f"G{sms.attempt_id[:20]}")

    def list_sent(self, recipient: Recipient) -> list[ListedSms]:
        """What was taken for a receiver."""
        self.listing()
        return [
            ListedSms(f"G{sms.attempt_id[:20]}", sms.text)
            for sms in self.taken
            if sms.recipient == recipient
        ]

    @property
    def texts(self) -> list[str]:
        """Texts taken, in order."""
        return [sms.text for sms in self.taken]


def fails(error: Exception) -> Callable[[OutgoingSms], None]:
    """A call that ends with this error."""

    def fail(_: OutgoingSms) -> None:
        raise error

    return fail


def phone(number: int) -> str:
    """A mobile of nobody."""
    return f"+8490000{number:04d}"


def queue(session, number, text="Xin chao", **changes):
    """Queue one message for phone `number`; an answer of a dialogue unless told otherwise."""
    fields = {"kind": MessageKind.DIALOGUE, "due_at": NOW, "expires_at": NOW + WEEK, **changes}
    words = SmsText(text, "gsm7", 1)
    draft = outbox.Draft(recipient=Recipient.by_sms(phone(number)), text=words, **fields)
    return outbox.enqueue(session, fields["due_at"], draft).id
