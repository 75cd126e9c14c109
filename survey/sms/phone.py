"""Phone numbers as clerks type them, turned into E.164 or a reason why no text can be sent."""

import re
import unicodedata
from collections.abc import Iterator
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

Kind = Literal["mobile", "landline", "foreign", "invalid", "missing"]

# The change of 2018: eleven digits became ten.
OLD_PREFIXES = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036",
    "0167": "037", "0168": "038", "0169": "039",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip

_MOBILE_E164 = re.compile(r"\+84[35789][0-9]{8}")
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

# Metadata of number plans lags the market, so every number of this shape is taken for a mobile.
_MOBILE = re.compile(r"0?([35789][0-9]{8})")
_CLEAN_MOBILE = re.compile(r"(?:\+84|0084|84|0)?([35789][0-9]{8})")
_OLD_MOBILE = re.compile(r"0?(1[0-9]{2})([0-9]{7})")
_LANDLINE = re.compile(r"0?(2[0-9]{9})")
_EXCEL_FLOAT = re.compile(r"(\+?[0-9]{9,15})\.0+")
# The letter O typed for a zero.
_LETTER_ZERO = re.compile(r"(?<![^\W\d_])[oO](?=[ .-]?[0-9])|(?<=[0-9])[oO](?=[0-9])")
_NOT_OF_A_NUMBER = re.compile(r"[^0-9+(). \-]+")
_MASK = "••••"


@dataclass(frozen=True, slots=True)
class Phone:
    """What a cell of phone numbers yields; `e164` is None if the kind is invalid or missing."""

    e164: str | None
    kind: Kind
    old_prefix: bool = False


MISSING = Phone(None, "missing")
INVALID = Phone(None, "invalid")


def clean_phone(text: str | None) -> Phone:
    """First usable number of a cell: a mobile or a landline, else a foreign one, else why not."""
    if text is None:
        return MISSING
    clean = _CLEAN_MOBILE.fullmatch(text)
    if clean:
        return Phone("+84" + clean[1], "mobile")
    plain = _plain(text)
    if not any(c.isalnum() for c in plain):
        return MISSING
    foreign = INVALID
    for candidate in _candidates(plain):
        phone = _read(candidate)
        if phone.kind in {"mobile", "landline"}:
            return phone
        if phone.kind == "foreign" and foreign is INVALID:
            foreign = phone
    return foreign


def mask_phone(e164: str) -> str:
    """A number fit for screens and logs: `+84912345678` becomes `09••••678`."""
    shown = "0" + e164[3:] if e164.startswith("+84") else e164
    return shown[:2] + _MASK + shown[-3:]


def prefix_of(e164: str) -> str | None:
    """First three digits of a mobile as it is dialled at home, such as 090; None of any other."""
    return f"0{e164[3:5]}" if _MOBILE_E164.fullmatch(e164) else None


def carrier_of(prefix: str) -> str:
    """The network a prefix was given to; numbers may have moved since, so nothing is routed by it.

    Empty for a prefix that no list of ours knows.
    """
    return _CARRIERS.get(prefix, "")


def _plain(text: str) -> str:
    """Half-width digits, plain blanks and hyphens, no float tail, zeros for letters O."""
    normal = unicodedata.normalize("NFKC", text)
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in normal)
    single = " ".join(re.sub("[‐-―−]", "-", digits).split())
    whole = _EXCEL_FLOAT.fullmatch(single)
    return whole[1] if whole else _LETTER_ZERO.sub("0", single)


def _candidates(plain: str) -> Iterator[str]:
    """Pieces that may be one number: parted by words and signs, then by wider gaps, then blanks."""
    pieces = _NOT_OF_A_NUMBER.split(plain)
    yield from pieces
    if "," in plain:
        yield from _NOT_OF_A_NUMBER.split(plain.replace(",", ""))
    for gap in (" - ", " "):
        for piece in pieces:
            if gap in piece:
                yield from piece.split(gap)


def _read(candidate: str) -> Phone:
    """Phone of one candidate of digits and separators."""
    digits = re.sub("[^0-9]", "", candidate)
    abroad = candidate.lstrip(" (.-").startswith("+") and not digits.startswith("0")
    if digits.startswith("00"):
        digits, abroad = digits[2:], True
    if abroad and not digits.startswith("84"):
        return _read_foreign(digits)
    for national in (digits.removeprefix("84"), digits):
        phone = _read_national(national)
        if phone is not INVALID:
            return phone
    return INVALID


def _read_national(digits: str) -> Phone:
    """Phone of a Vietnamese number, with or without its leading zero."""
    if mobile := _MOBILE.fullmatch(digits):
        return Phone("+84" + mobile[1], "mobile")
    if (old := _OLD_MOBILE.fullmatch(digits)) and (new := OLD_PREFIXES.get("0" + old[1])):
        return Phone("+84" + new[1:] + old[2], "mobile", old_prefix=True)
    if landline := _LANDLINE.fullmatch(digits):
        number = parse("+84" + landline[1])
        if number_type(number) == PhoneNumberType.FIXED_LINE:
            return Phone("+84" + landline[1], "landline")
    return INVALID


def _read_foreign(digits: str) -> Phone:
    """Phone of an international number outside Vietnam, kept as it is if its length is possible."""
    try:
        number = parse("+" + digits)
    except NumberParseException:
        return INVALID
    if not is_possible_number(number):
        return INVALID
    return Phone(format_number(number, PhoneNumberFormat.E164), "foreign")
