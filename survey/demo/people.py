"""Invented citizens: names put together at random, numbers with 000 in the middle.

Viet Nam reserves no numbers for fiction, so these go to the console provider only.
"""

import random
from collections.abc import Iterator

from survey.invitations import REHEARSAL_PHONES

FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ")
MIDDLES = ("Văn", "Thị", "Minh", "Ngọc", "Thanh", "Quốc", "Thu", "Hữu", "Kim", "Đức", "Gia", "Bảo")
GIVEN = (
    *("An", "Bình", "Châu", "Dung", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hòa", "Hùng", "Hương"),
    *("Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Nhung", "Phúc", "Phương", "Quân"),
    *("Sơn", "Tâm", "Thảo", "Thủy", "Trang", "Tuấn", "Vân", "Vinh", "Yến"),
)
# Two digits that begin mobile numbers; the carrier of truth 6 stands last.
PREFIXES = (
    *("90", "91", "93", "94", "96", "97", "98", "86", "88", "89", "70", "76", "77", "78", "79"),
    *("81", "82", "83", "84", "85", "32", "33", "34", "35", "36", "37", "38", "39", "56", "58"),
)
SILENT_PREFIX = "92"
SILENT_SHARE = 0.08
NUMBERS = 10_000


def name(dice: random.Random) -> str:
    """A full name of nobody in particular."""
    return f"{dice.choice(FAMILIES)} {dice.choice(MIDDLES)} {dice.choice(GIVEN)}"


def mobiles(dice: random.Random) -> Iterator[str]:
    """Mobile numbers (E.164) without end; each carrier's come again only when all were used."""
    silent, others = _numbers(dice, [SILENT_PREFIX]), _numbers(dice, list(PREFIXES))
    while True:
        number = next(silent if dice.random() < SILENT_SHARE else others)
        if number not in REHEARSAL_PHONES:
            yield number


def _numbers(dice: random.Random, prefixes: list[str]) -> Iterator[str]:
    endings = list(range(NUMBERS))
    while True:
        for prefix in prefixes:
            dice.shuffle(endings)
            for ending in endings:
                yield f"+84{prefix}000{ending:04d}"


def landline(dice: random.Random) -> str:
    """A landline number of Khánh Hòa."""
    return f"+84258000{dice.randrange(NUMBERS):04d}"


def foreign(dice: random.Random) -> str:
    """A number of North America's block for fiction."""
    return f"+120255501{dice.randrange(100):02d}"


def is_silent(number: str) -> bool:
    """Whether a number belongs to the carrier of truth 6."""
    return number.startswith(f"+84{SILENT_PREFIX}")
