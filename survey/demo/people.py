"""Invented citizens: names combined at random, phone numbers with 000 in the middle.

Viet Nam reserves no numbers for fiction, so these are sent to the console provider only.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import cycle

from survey.demo.scenario import pick
from survey.invitations import REHEARSAL_PHONES

FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ")
MIDDLES = ("Văn", "Thị", "Minh", "Ngọc", "Thanh", "Quốc", "Thu", "Hữu", "Kim", "Đức", "Gia", "Bảo")
GIVEN = (
    *("An", "Bình", "Châu", "Dung", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hòa", "Hùng", "Hương"),
    *("Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Nhung", "Phúc", "Phương", "Quân"),
    *("Sơn", "Tâm", "Thảo", "Thủy", "Trang", "Tuấn", "Vân", "Vinh", "Yến"),
)
# Carriers: two-digit prefixes of their mobiles, and share. The last one, that of effect 6, has
# twice its market share, so that its failing deliveries show.
CARRIERS = (
    (("32", "33", "34", "35", "36", "37", "38", "39", "86", "96", "97", "98"), 0.55),
    (("81", "82", "83", "84", "85", "88", "91", "94"), 0.2),
    (("70", "76", "77", "78", "79", "89", "90", "93"), 0.165),
    (("87",), 0.005),
    (("92",), 0.08),
)
SILENT = CARRIERS[-1][0]
NUMBERS = 10_000


def name(dice: random.Random) -> str:
    """An invented full name."""
    return f"{dice.choice(FAMILIES)} {dice.choice(MIDDLES)} {dice.choice(GIVEN)}"


def mobiles(dice: random.Random) -> Iterator[str]:
    """Endless mobile numbers (E.164); a carrier's numbers repeat only after all were used."""
    fresh = [(_numbers(dice, prefixes), share) for prefixes, share in CARRIERS]
    while True:
        number = next(pick(dice, fresh))
        if number not in REHEARSAL_PHONES:
            yield number


def _numbers(dice: random.Random, prefixes: Sequence[str]) -> Iterator[str]:
    places = list(range(NUMBERS * len(prefixes)))
    dice.shuffle(places)
    for place in cycle(places):
        prefix, ending = divmod(place, NUMBERS)
        yield f"+84{prefixes[prefix]}000{ending:04d}"


def landline(dice: random.Random) -> str:
    """An invented landline number of Khánh Hòa."""
    return f"+84258000{dice.randrange(NUMBERS):04d}"


def foreign(dice: random.Random) -> str:
    """A number of North America's block for fiction."""
    return f"+120255501{dice.randrange(100):02d}"


def is_silent(number: str) -> bool:
    """Whether a number belongs to the carrier of effect 6, which delivers few messages."""
    return number.startswith(tuple(f"+84{prefix}" for prefix in SILENT))
