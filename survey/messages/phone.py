"""Phone numbers as clerks type them: parsed into E.164, or the reason why no text can be sent."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    PhoneNumberType,
    format_number,
    is_possible_number,
    number_type,
    parse,
)

from survey.models.recipient import Recipient
from survey.privacy.numbers import USUAL, Group, Shape, phone_shape, plain_signs, runs

Kind = Literal["mobile", "landline", "foreign", "invalid", "missing"]

# The change of 2018: eleven digits became ten.
OLD_PREFIXES = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036",
    "0167": "037", "0168": "038", "0169": "039",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip

_CARRIERS = {
    prefix: carrier
    for carrier, prefixes in {
        "Viettel": "032 033 034 035 036 037 038 039 086 096 097 098",
        "VinaPhone": "081 082 083 084 085 088 091 094",
        "MobiFone": "070 076 077 078 079 089 090 093",
        "Vietnamobile": "052 056 058 092",
        "Gmobile": "059 099",
        "Wintel": "055",
        "Itel": "087",
    }.items()
    for prefix in prefixes.split()
}

# Number plan metadata lags behind the market, so every number of this shape counts as a mobile.
_CLEAN_MOBILE = re.compile(r"(?:\+84|0084|84|0)?([35789][0-9]{8})")
# A cell of a spreadsheet that held a number, and was printed with decimals.
_DECIMAL = re.compile(r"(?:(\+?[0-9]{9,15})[.,]0+|[1-9][0-9]{5,}[.,][0-9]{1,4})", re.ASCII)
# Where a cell is split into numbers, tried in this order: at characters that are rare inside a
# number, at characters that are never inside one, at ` - `, at blanks.
_SPLIT_AT = tuple(
    re.compile(signs)
    for signs in (
        rf"[^{USUAL}]",
        rf"[^{USUAL},/_]",
        rf"[^{USUAL}]| - ",
        rf"[^{USUAL}]| ",
    )
)
# A hyphen may precede a second number in short form: 0905000123-124.
_SPLIT_AT_HYPHENS = re.compile(r"[^ .()]")


@dataclass(frozen=True, slots=True)
class Phone:
    """The phone number of a cell; `e164` is None if the kind is invalid or missing."""

    e164: str | None
    kind: Kind
    old_prefix: bool = False


MISSING = Phone(None, "missing")
INVALID = Phone(None, "invalid")


def clean_phone(text: str | None) -> Phone:
    """The first mobile or landline of a cell, else a foreign number, else INVALID or MISSING."""
    if text is None:
        return MISSING
    clean = _CLEAN_MOBILE.fullmatch(text)
    if clean:
        return Phone("+84" + clean[1], "mobile")
    if not any(c.isalnum() for c in text):
        return MISSING
    decimal = _DECIMAL.fullmatch(plain_signs(text).strip())
    if decimal:
        text = decimal[1] or ""
    foreign = INVALID
    for candidate in _candidates(text):
        phone = _read(candidate)
        if phone.kind in {"mobile", "landline"}:
            return phone
        if phone.kind == "foreign" and foreign is INVALID:
            foreign = phone
    return foreign


def recipient_at(text: str | None) -> Recipient | None:
    """The recipient at a number as typed; None unless it is a Vietnamese mobile."""
    phone = clean_phone(text)
    is_mobile = phone.kind == "mobile" and phone.e164 is not None
    return Recipient.by_sms(phone.e164 or "") if is_mobile else None


def carrier_of(prefix: str) -> str:
    """The carrier to which a prefix was assigned; empty for an unknown prefix.

    A number may have been ported to another carrier since, so nothing is routed by it.
    """
    return _CARRIERS.get(prefix, "")


def _candidates(text: str) -> Iterator[Shape]:
    """The shapes of phone numbers in a cell, the most clearly separated ones first."""
    found = list(runs(text))
    for signs in _SPLIT_AT:
        for groups in found:
            yield from _shapes(groups, signs)
    for groups in found:
        yield from (one for one in _shapes(groups, _SPLIT_AT_HYPHENS) if one.prefix)


def _shapes(groups: Sequence[Group], signs: re.Pattern[str]) -> Iterator[Shape]:
    """The numbers of a run of digit groups, split where `signs` matches between two groups."""
    first = 0
    for index in range(1, len(groups) + 1):
        if index == len(groups) or signs.search(groups[index].before):
            if shape := phone_shape(groups[first:index]):
                yield shape
            first = index


def _read(shape: Shape) -> Phone:
    """The phone number of this shape, INVALID if there can be none."""
    national = shape.national
    if not national:
        return _read_foreign(shape.foreign)
    if national.startswith("2"):
        number = parse("+84" + national)
        is_landline = number_type(number) == PhoneNumberType.FIXED_LINE
        return Phone("+84" + national, "landline") if is_landline else INVALID
    if national.startswith("1"):
        new = OLD_PREFIXES.get("0" + national[:3], "")
        return Phone("+84" + new[1:] + national[3:], "mobile", old_prefix=True)
    return Phone("+84" + national, "mobile")


def _read_foreign(digits: str) -> Phone:
    """A number outside Vietnam in E.164 if its length is possible, else INVALID."""
    try:
        number = parse("+" + digits)
    except NumberParseException:
        return INVALID
    if not is_possible_number(number):
        return INVALID
    return Phone(format_number(number, PhoneNumberFormat.E164), "foreign")
