"""The province's own wordings: plain sentences with {placeholders} in Vietnamese.

They are not templates of a language: each placeholder is a name listed below and stands for one
value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from survey.errors import Invalid
from survey.messages.text import SmsText, finished, unaccent
from survey.models.text_version import TextForm

# The most segments a wording may need: 1 without diacritics, 3 with them, which costs more.
MOST_SEGMENTS: Mapping[str, int] = {TextForm.PLAIN: 1, TextForm.ACCENTED: 3}

# Value of a text → its placeholder name in a wording.
NAMES = {
    "agency": "đơn vị",
    "last4": "4 số cuối",
    "url": "đường dẫn",
    "code": "mã trả lời",
    "reply_number": "số nhận",
    "hotline": "tổng đài",
    "case_code": "mã phản ánh",
    "by": "thời hạn",
}
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Wording:
    """The words that replace a shipped text, and the form (plain or accented) they are sent in."""

    form: str
    words: str


@dataclass(frozen=True, slots=True)
class Slot:
    """The placeholders of a text: values it must contain, and further ones it may contain."""

    needs: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """All values that the text may contain."""
        return (*self.needs, *self.offers)


# Carriers register at most three values that change from message to message; the hotline and the
# reply number do not.
SLOTS: Mapping[str, Slot] = {
    "invitation": Slot(("agency", "url"), ("last4",)),
    "invitation_refused": Slot(("agency", "url"), ("last4",)),
    "invitation_two_way": Slot(("agency", "code", "reply_number"), ("last4",)),
    "reminder": Slot(("agency", "url"), ("last4",)),
    "reminder_two_way": Slot(("agency", "code", "reply_number"), ("last4",)),
    "thanks": Slot(("agency",), ("hotline",)),
    "follow_up": Slot((), ("hotline",)),
    "ask_again": Slot(("code",), ("hotline",)),
    "which_one": Slot((), ("hotline",)),
    "wrong_code": Slot(("code",), ("hotline",)),
    "help": Slot((), ("hotline",)),
    "opt_out": Slot((), ("hotline",)),
    "call_back": Slot(("by",), ("hotline",)),
    "answered": Slot(("case_code", "by"), ("hotline",)),
    "delay": Slot(("case_code", "by"), ("hotline",)),
    "reopened": Slot(("case_code", "by"), ("hotline",)),
}


def fill(wording: Wording, values: Mapping[str, str]) -> SmsText:
    """Fill a wording with values.

    Raises Invalid: `sms_value` for a placeholder without a value, `sms_characters` for characters
    that carriers refuse, `sms_budget` for a text that needs more segments than its form allows.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(value_of(match[1]) or "", "")
        if not found:
            raise Invalid("sms_value", match[0])
        return found

    is_plain = wording.form == TextForm.PLAIN
    text = PLACEHOLDER.sub(value, wording.words)
    link = values.get("url", "")
    if is_plain:
        text, link = unaccent(text), unaccent(link)
    return finished(text, link, MOST_SEGMENTS[wording.form], is_plain=is_plain)


def value_of(name: str) -> str | None:
    """The value of a placeholder's name, ignoring case, blanks and diacritics; None if unknown."""
    return _BY_NAME.get(_folded(name))


def named(words: str) -> Iterator[tuple[str, str | None]]:
    """Placeholders of a wording: (as typed, the value it stands for or None)."""
    for match in PLACEHOLDER.finditer(words):
        yield match[0], value_of(match[1])


def _folded(name: str) -> str:
    return " ".join(unaccent(name).lower().split())


_BY_NAME = {_folded(name): value for value, name in NAMES.items()}
