"""Masking of names and of numbers in free text: what staff may see without stating a reason."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from survey.privacy.numbers import (
    FEWEST,
    INVISIBLE,
    LONGEST,
    Group,
    is_identity,
    most_groups,
    phone_shape,
    plain_signs,
    runs,
)

PHONE, PAPER = "[số điện thoại]", "[số giấy tờ]"
# Separator before a second number in short form: 0905000123-124.
_ATTACHED = re.compile(r"[-/.,_+]?")
_LONGEST_ATTACHED = 4
_LONGEST_OPENING = 8
_PLUS = re.compile(rf"\+[ {INVISIBLE}]*$")
_PLUS_OR_BRACKET = re.compile(rf"[+(][+( {INVISIBLE}]*$")


class Span(NamedTuple):
    """Position of a number in a text, and the label that replaces the number."""

    start: int
    end: int
    cover: str


def mask_name(name: str) -> str:
    """First letter of each word: "Nguyễn Văn An" → "N•• V•• A••"."""
    return " ".join(f"{word[0]}••" for word in name.split())


def mask_text(text: str) -> str:
    """Free text in which labels replace phone and identity numbers, however they are written."""
    composed = unicodedata.normalize("NFC", text)
    shown: list[str] = []
    end = 0
    for span in numbers_in(composed):
        shown += composed[end : span.start], span.cover
        end = span.end
    return "".join((*shown, composed[end:]))


def without_numbers(text: str) -> str:
    """Free text without its phone and identity numbers."""
    kept: list[str] = []
    end = 0
    for span in numbers_in(text):
        kept.append(text[end : span.start])
        end = span.end
    return "".join((*kept, text[end:]))


def numbers_in(text: str) -> list[Span]:
    """Positions of everything in a text that may be a phone or identity number, in order."""
    return sorted(span for groups in runs(text) for span in _places(text, groups))


def _places(text: str, groups: Sequence[Group]) -> Iterator[Span]:
    """Positions of the numbers in one run; numbers that share a group get one common label."""
    covers, joined = _covers(groups)
    first = 0
    for index in range(1, len(groups) + 1):
        if index < len(groups) and joined[index]:
            continue
        if covers[first]:
            cover = PHONE if PHONE in covers[first:index] else PAPER
            yield Span(_start(text, groups[first:index]), groups[index - 1].end, cover)
        first = index


def _covers(groups: Sequence[Group]) -> tuple[list[str], list[bool]]:
    """For each group: its label ("" if none), and whether it shares that of the group before."""
    covers, joined = [""] * len(groups), [False] * len(groups)
    for first, last, cover in _spans(groups):
        for index in range(first, last + 1):
            covers[index] = PHONE if PHONE in {cover, covers[index]} else cover
            joined[index] |= index > first
    count = len(groups)
    for index in range(1, count):
        if covers[index - 1] and not covers[index] and _is_attached(groups[index], groups[index]):
            covers[index], joined[index] = covers[index - 1], True
    for index in range(count - 1, 0, -1):
        if (
            covers[index]
            and not covers[index - 1]
            and _is_attached(groups[index - 1], groups[index])
        ):
            covers[index - 1], joined[index] = covers[index], True
    return covers, joined


def _is_attached(short: Group, behind: Group) -> bool:
    """Whether a short group is joined to a number: at most one separator between, no blank."""
    return len(short.digits) <= _LONGEST_ATTACHED and bool(_ATTACHED.fullmatch(behind.before))


def _spans(groups: Sequence[Group]) -> Iterator[tuple[int, int, str]]:
    """Yield (first group, last group, label) of everything that may be a number."""
    for first, group in enumerate(groups):
        length = 0
        for last in range(first, min(len(groups), first + most_groups(group))):
            length += len(groups[last].digits)
            if length > LONGEST and last > first:
                break
            if length >= FEWEST and (cover := _cover(groups[first : last + 1])):
                yield first, last, cover


def _cover(groups: Sequence[Group]) -> str:
    shape = phone_shape(groups)
    if shape is not None and (shape.prefix or shape.foreign):
        return PHONE
    # Nine digits without a leading zero are more often the number of an old identity card.
    return PAPER if shape is not None or is_identity(groups) else ""


def _start(text: str, groups: Sequence[Group]) -> int:
    """Position of the start of a number, with its plus sign, or a bracket closed within it."""
    start = groups[0].start
    before = plain_signs(text[max(0, start - _LONGEST_OPENING) : start])
    closes = any(")" in group.before for group in groups[1:])
    opening = (_PLUS_OR_BRACKET if closes else _PLUS).search(before)
    return start - len(opening[0]) if opening else start
