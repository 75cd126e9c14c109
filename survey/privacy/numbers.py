"""The grammar of phone and identity numbers in text, shared by parsing and masking.

`survey.messages.phone` parses phone numbers from the groups of digits found here, and
`survey.privacy.masking` masks every span of the same groups that has the same shape. So every
number that can be parsed is also masked.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

INVISIBLE = "\u200b"
# Separators within a number. Other characters end a number, except in unusual spellings.
USUAL = r" .\-()"
LONGEST = 17
FEWEST = 6
_IDENTITY = (9, 12)
_MOST_GROUPS = 4
# A number that begins with 0 or 84 may be written digit by digit.
_OPENS = ("0", "8")

_DIGITS = re.compile(r"\d+", re.ASCII)
# Digits and signs up to the next letter.
_RUN = re.compile(r"[\W\d_]+")
_BLANKS = re.compile(" +")
# Letters O typed for zeros.
_LETTER_ZEROS = re.compile(r"(?<![^\W\d_])[oO]+(?=[ .-]?[0-9])|(?<=[0-9])[oO]+(?=[0-9])")

_DAY, _MONTH, _YEAR = "(?:0?[1-9]|[12]\\d|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)\\d\\d"
_HOUR, _AMOUNT = "(?:[01]?\\d|2[0-3])", "[1-9]\\d{0,2}(?:[.,]?\\d{3})+"


def _alone(sign: str, pattern: str) -> str:
    """A pattern that is not part of a longer sequence of digits and this separator."""
    return rf"(?<!\d)(?<!\d{sign}){pattern}(?!\d|{sign}\d)"


# Numbers of other kinds: days, times, sums of money, dossier codes. A lookahead tests the first
# character before any of them is tried, which is fast on names: they hold few such characters.
_OTHER = re.compile(
    r"(?=[\dGHgh])(?:"
    + "|".join(
        (
            *(
                _alone(
                    sign,
                    rf"(?:{_DAY}{sign}{_MONTH}{sign}{_YEAR}|{_YEAR}{sign}{_MONTH}{sign}{_DAY})",
                )
                for sign in ("/", r"\.", "-")
            ),
            _alone("/", rf"(?:{_DAY}/{_MONTH}(?:/\d\d)?|{_MONTH}/{_YEAR})"),
            _alone(":", rf"{_HOUR}:[0-5]\d(?::[0-5]\d)?"),
            _alone(r"\.", rf"{_HOUR}\.[0-5]\d ?- ?{_HOUR}\.[0-5]\d"),
            rf"(?<![\d.,]){_AMOUNT}(?: ?- ?{_AMOUNT})?(?= ?(?:đồng|đ|[Vv][Nn][đĐdD])\b)",
            r"(?<![^\W_])[GHgh]\d{2}(?:\.\d{1,4}){0,4}-\d{6}-\d{4,6}(?!\d)",
        )
    )
    + ")"
)
# A number in scientific notation: digits before and after the point, and a power of ten.
_SCIENTIFIC = re.compile(r"(?<![\d.,])([1-9]\d*)(?:[.,](\d+))?[eE]([+-]?)(\d{1,3})(?![.,]?\w)")
# Programs that print all digits omit trailing zeros; if more are missing, the number was rounded.
_ZEROS_LEFT_OUT = 3

_PHONE = re.compile(
    r"(?P<prefix>(?:(?:\+|00)?84)?0?)"
    r"(?P<national>[35789]\d{8}|1(?:2\d|6[2-9]|8[68]|99)\d{7}|2\d{9})"
    r"|(?:\+|00)(?P<foreign>(?!84)[1-9]\d{5,14})"
)
_YEARS = re.compile(rf"(?:{_YEAR})+")
_WITHIN_IDENTITY = re.compile(rf"[{USUAL}_/]*")


class Group(NamedTuple):
    """Consecutive digits, their position in the text, and the separators before them."""

    start: int
    end: int
    digits: str
    before: str


class Shape(NamedTuple):
    """The parts of a phone number; `prefix` precedes the national number, such as +84 or 0."""

    prefix: str
    national: str
    foreign: str


class _Signs(dict[int, str]):
    """Code of a character → its plain character, computed on first use."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain_sign(chr(code))
        return plain


def _plain_sign(sign: str) -> str:
    category = unicodedata.category(sign)
    if category in {"Mn", "Me", "Cf"}:
        return INVISIBLE
    if (digit := unicodedata.digit(sign, None)) is not None:
        return str(digit)
    normal = unicodedata.normalize("NFKC", sign)
    if category == "Cc" or normal.isspace():
        return " "
    if category == "Pd" or sign == "−":
        return "-"
    return normal if len(normal) == 1 else sign


_SIGNS = _Signs()


def plain_signs(text: str) -> str:
    """The text in plain characters, its length unchanged.

    Digits become ASCII, hyphens and blanks plain, and letters O beside digits zeros.
    """
    return _LETTER_ZEROS.sub(lambda found: "0" * len(found[0]), text.translate(_SIGNS))


def runs(text: str) -> Iterator[Sequence[Group]]:
    """Yield runs: groups of digits that no letter and no number of another kind separates.

    A number in scientific notation is a run of one group; `digits` is empty if some are missing.
    """
    plain = plain_signs(text)
    if not _DIGITS.search(plain):  # most names
        return
    for match in _SCIENTIFIC.finditer(plain):
        yield [Group(*match.span(), _exact(*match.groups("")), "")]
    split = _OTHER.sub(_letters, _SCIENTIFIC.sub(_letters, plain))
    for run in _RUN.finditer(split):
        place, groups = run.start(), []
        for digits in _DIGITS.finditer(split, *run.span()):
            before = split[place : digits.start()].replace(INVISIBLE, "")
            groups.append(Group(*digits.span(), digits[0], _BLANKS.sub(" ", before)))
            place = digits.end()
        if groups:
            yield groups


def _letters(found: re.Match[str]) -> str:
    return "x" * len(found[0])


def _exact(whole: str, fraction: str, sign: str, power: str) -> str:
    """All digits of a number in scientific notation; empty if it was rounded or is a fraction.

    Excel rounds for display and writes E+10; Java prints all digits and writes E10.
    """
    zeros = int(f"{sign}{power}") - len(fraction)
    most = 0 if sign or not fraction else _ZEROS_LEFT_OUT
    return f"{whole}{fraction}{'0' * zeros}" if 0 <= zeros <= most else ""


def most_groups(first: Group) -> int:
    """Most groups that a number beginning with this group may have."""
    return LONGEST if first.digits[:1] in _OPENS or _has_plus(first) else _MOST_GROUPS


def _has_plus(first: Group) -> bool:
    return first.before.rstrip(" (.-").endswith("+")


def phone_shape(groups: Sequence[Group]) -> Shape | None:
    """The parts of the phone number that these groups form together; None if they form none."""
    digits = "".join(group.digits for group in groups)
    if not FEWEST <= len(digits) <= LONGEST:
        return None
    is_abroad = _has_plus(groups[0]) and digits[0] != "0"
    match = _PHONE.fullmatch(f"+{digits}" if is_abroad else digits)
    if match is None:
        return None
    shape = Shape(*match.group("prefix", "national", "foreign"))
    # A number without its leading zero comes from a spreadsheet, so it has one or a few groups.
    is_scattered = len(groups) > _MOST_GROUPS or any(len(group.digits) == 1 for group in groups)
    return None if shape.national and not shape.prefix and is_scattered else shape


def is_identity(groups: Sequence[Group]) -> bool:
    """Whether these groups may be an identity number (9 or 12 digits).

    A single group of nine or more digits counts as one too.
    """
    digits = "".join(group.digits for group in groups)
    if len(groups) == 1:
        return len(digits) >= _IDENTITY[0]
    if len(digits) not in _IDENTITY or not all(
        _WITHIN_IDENTITY.fullmatch(group.before) for group in groups[1:]
    ):
        return False
    if all(_YEARS.fullmatch(group.digits) for group in groups):
        return False
    is_citizens = len(digits) == _IDENTITY[1] and digits[0] == "0"
    return is_citizens or len(groups) <= _MOST_GROUPS
