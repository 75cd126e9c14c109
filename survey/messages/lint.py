"""Checks of a wording before it is registered with a carrier: what a text must not contain."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from survey.errors import Invalid
from survey.messages.placeholders import (
    MOST_SEGMENTS,
    NAMES,
    PLACEHOLDER,
    SLOTS,
    Wording,
    fill,
    named,
)
from survey.messages.segments import Encoding, measure, outside_gsm7
from survey.messages.text import REFUSED_BY_CARRIERS, unaccent
from survey.models.text_version import TextForm
from survey.privacy.masking import PAPER, numbers_in

LONGEST_WORDS = 600

_LINK = re.compile(r"(?:https?://|www\.)\S+|\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b")
_DOSSIER_CODE = re.compile(r"\b[A-Z]\d{2}(?:\.\d+)+-\d{6}-\d+", re.IGNORECASE)
_FAMILIES = (
    "Nguyễn|Nguyen|Trần|Tran|Phạm|Pham|Hoàng|Hoang|Huỳnh|Huynh|Phan|Vũ|Vu|Võ|Vo|Đặng|Dang|Bùi|Bui"
    "|Đỗ|Do|Ngô|Ngo|Dương|Duong|Lê|Le|Lý|Ly|Hồ|Ho"
)
_PERSON = re.compile(rf"\b(?:{_FAMILIES}) (\w+) (\w+)")
# Personal data that no text may ask for; a sentence that says that we do not ask is allowed.
_PERSONAL = re.compile(
    r"\b(?:cccd|cmnd|can cuoc|chung minh|so dinh danh|otp|ma xac thuc|mat khau|so tai khoan"
    r"|so the|ngay sinh|chuyen khoan|nop tien|ho ten|ho va ten|dia chi nha)\b"
)
_NOT_ASKED = re.compile(r"\b(?:khong|dung|chua)\b")
_SENTENCE = re.compile(r"[^.!?\n]+")
_NAME_WISHES = ("ten", "ho ten", "ho va ten", "nguoi nop", "cong dan")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a wording cannot be saved; `detail` is the offending part of it, or the limit."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A wording in one form with its longest values: text, cost, and why it cannot be sent.

    `units` and `room`: code units used and available in `segments`; `fault`: an error code.
    """

    form: str
    text: str
    encoding: Encoding
    units: int
    room: int
    segments: int
    fault: str = ""


def problems(name: str, words: str, host: str) -> list[Problem]:
    """The problems for which a wording of the text `name` cannot be saved, apart from its cost.

    `host` is the only host that a link may name.
    """
    fixed = PLACEHOLDER.sub(" ", words)
    found = [*_of_placeholders(name, words)]
    if refused := refused_signs(words):
        found.append(Problem("refused_signs", " ".join(refused)))
    found += [Problem("foreign_link", link) for link in _foreign_links(fixed, host)]
    for person in _PERSON.finditer(fixed):
        if all(part.istitle() for part in person.groups()):
            found.append(Problem("names_a_person", person[0]))
    if code := _DOSSIER_CODE.search(fixed):
        found.append(Problem("full_code", code[0]))
    elif papers := [place for place in numbers_in(fixed) if place.cover == PAPER]:
        found.append(Problem("full_code", fixed[papers[0].start : papers[0].end]))
    found += [Problem("asks_personal_data", asked) for asked in _asked(fixed)]
    if not words.strip():
        found.append(Problem("no_words"))
    if len(words) > LONGEST_WORDS:
        found.append(Problem("too_long", str(LONGEST_WORDS)))
    return found


def refused_signs(words: str) -> list[str]:
    """Characters of a wording that carriers refuse or phones garble, each once, in order."""
    fixed = PLACEHOLDER.sub("", words)
    return [sign for sign in dict.fromkeys(fixed) if _is_refused(sign)]


def marked(words: str) -> list[tuple[str, bool]]:
    """A wording split into pieces: (text, whether its characters are refused), for underlining."""
    pieces: list[tuple[str, bool]] = []
    spans = [match.span() for match in PLACEHOLDER.finditer(words)]
    for place, sign in enumerate(words):
        inside = any(start <= place < end for start, end in spans)
        is_bad = not inside and _is_refused(sign)
        if pieces and pieces[-1][1] == is_bad:
            pieces[-1] = (pieces[-1][0] + sign, is_bad)
        else:
            pieces.append((sign, is_bad))
    return pieces


def preview(form: str, words: str, longest: Mapping[str, str]) -> Preview:
    """A wording in a form, filled with the longest values."""
    text = PLACEHOLDER.sub(lambda place: _sample(place, longest), words)
    text = (unaccent(text) if form == TextForm.PLAIN else text).strip()
    size = measure(text)
    fault = ""
    try:
        fill(Wording(form, words), longest)
    except Invalid as misfit:
        fault = misfit.code
    return Preview(
        form=form,
        text=text,
        encoding=size.encoding,
        units=size.units,
        room=size.room,
        segments=size.segments,
        fault=fault,
    )


def cost_problem(one: Preview) -> Problem | None:
    """The problem of a preview that needs more segments than its form allows, or None."""
    most = MOST_SEGMENTS[one.form]
    if one.segments <= most:
        return None
    return Problem("too_dear" if one.form == TextForm.PLAIN else "too_dear_accented", str(most))


def _of_placeholders(name: str, words: str) -> Iterator[Problem]:
    slot, seen = SLOTS[name], set()
    for typed, value in named(words):
        if value is None:
            wish = " ".join(unaccent(typed).lower().strip("{} ").split())
            yield Problem("names_a_person" if wish in _NAME_WISHES else "unknown_value", typed)
        elif value not in slot.values:
            yield Problem("value_not_here", typed)
        else:
            seen.add(value)
    for value in slot.needs:
        if value not in seen:
            yield Problem("value_missing", f"{{{NAMES[value]}}}")


def _foreign_links(fixed: str, host: str) -> Iterator[str]:
    for match in _LINK.finditer(unaccent(fixed).lower()):
        link = match[0]
        address = urlsplit(link if "://" in link else f"//{link}")
        if address.hostname != host:
            yield link


def _asked(fixed: str) -> Iterator[str]:
    """Personal data that a sentence asks for, unless the sentence says that we do not ask."""
    for sentence in _SENTENCE.finditer(fixed):
        plain = unaccent(sentence[0])
        for word in _PERSONAL.finditer(plain.lower()):
            if not _NOT_ASKED.search(plain[: word.start()].lower()):
                yield plain[slice(*word.span())]


def _is_refused(sign: str) -> bool:
    bare = unaccent(sign)
    return sign in REFUSED_BY_CARRIERS or not bare.isascii() or bool(outside_gsm7(bare))


def _sample(place: re.Match[str], longest: Mapping[str, str]) -> str:
    known = next((value for _, value in named(place[0])), None)
    return longest.get(known or "", "") or place[0]
