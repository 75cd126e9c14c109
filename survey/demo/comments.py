"""Invented comments of citizens by polarity; some contain numbers that must be masked."""

import csv
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "data" / "comments_vi.csv"
# Relative frequency of comments by severity: the more severe, the rarer.
WEIGHTS = {"0": 1.0, "1": 1.0, "2": 0.4, "3": 0.07}
TOPIC_FACTORS = {
    "attitude": "officials",
    "bribe_request": "officials",
    "extra_documents": "procedure",
    "fee": "procedure",
    "facility": "access",
    "online_system": "access",
    "guidance": "officials",
    "lateness": "result",
}
# Effect 9: what must be masked on every page. The numbers are invented.
REVEALING = (
    "Hồ sơ trễ hẹn hai lần, nhờ gọi lại cho tôi số 0900 000 457, tôi chờ ở nhà",
    "Căn cước của tôi là 056000000123 mà cán bộ ghi sai rồi bắt tôi đi làm lại",
    "Tôi tên Hồng, đt 0910000298, ngồi đợi cả buổi sáng không ai hướng dẫn",
    "Sổ ghi nhầm số giấy tờ 056000000789 của vợ tôi, xin sửa sớm",
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A citizen's comment, and the factor it is about (empty: none)."""

    text: str
    factor: str


def comment(dice: random.Random, rating: int) -> Comment:
    """A comment that fits a rating: complaints up to 2, remarks for 3, praise from 4."""
    found, weights = _comments()[_polarity(rating)]
    return dice.choices(found, weights)[0]


def _polarity(rating: int) -> str:
    signs = {1: "-1", 2: "-1", 3: "0"}
    return signs.get(rating, "1")


@cache
def _comments() -> dict[str, tuple[list[Comment], list[float]]]:
    found: dict[str, tuple[list[Comment], list[float]]] = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            texts, weights = found.setdefault(row["polarity"], ([], []))
            texts.append(Comment(row["text"], TOPIC_FACTORS.get(row["topic"], "")))
            weights.append(WEIGHTS[row["severity"]])
    return found
