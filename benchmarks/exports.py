"""Invented one-stop exports of any size: real procedures and agencies, invented people."""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "survey" / "reference" / "data"
DAYS = 28
HEADER = (
    "STT",
    "Mã hồ sơ",
    "Mã TTHC",
    "Cơ quan thực hiện",
    "Họ tên chủ hồ sơ",
    "Số điện thoại",
    "Ngày tiếp nhận",
    "Ngày hẹn trả",
    "Ngày trả kết quả",
    "Hình thức tiếp nhận",
)
# Prefixes that are mobile today.
MOBILE = ("070", "086", "089", "090", "091", "093", "094", "096", "097", "098")
SURNAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Đặng", "Bùi")
MIDDLE_NAMES = ("Văn", "Thị", "Minh", "Thị Ngọc", "Quốc")
GIVEN_NAMES = ("An", "Bình", "Châu", "Dũng", "Hạnh", "Hoa", "Khánh", "Lan", "Phúc", "Tuấn", "Yến")
CHANNELS = ("Trực tiếp", "Trực tuyến toàn trình", "Bưu chính công ích")


def _names(file: str, column: str) -> list[dict[str, str]]:
    with (DATA / file).open(encoding="utf-8-sig", newline="") as source:
        return [row for row in csv.DictReader(source) if row[column]]


def _name(number: int) -> str:
    parts = (SURNAMES, MIDDLE_NAMES, GIVEN_NAMES)
    return " ".join(names[number % len(names)] for names in parts)


def write_export(path: Path, rows: int, *, first: int = 1, finished_share: float = 1.0) -> None:
    """A csv of `rows` dossiers of the last four weeks, so that their links are still open; numbers
    of dossiers and phones are counted from `first`.
    """
    draw = random.Random(rows)
    begin = datetime.now(UTC).date() - timedelta(days=DAYS)
    procedures = [row["code"] for row in _names("procedures.csv", "code")]
    agencies = [
        row["name_vi"] for row in _names("khanh_hoa/agencies.csv", "name_vi") if not row["valid_to"]
    ]
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        out = csv.writer(target)
        out.writerow(HEADER)
        for number in range(first, first + rows):
            received = begin + timedelta(days=draw.randrange(DAYS - 8))
            finished = received + timedelta(days=draw.randrange(1, 8))
            due = received + timedelta(days=5)
            out.writerow(
                (
                    number,
                    f"H32.{number // 9999 + 1}-{received:%y%m%d}-{number % 9999 + 1:04}",
                    draw.choice(procedures),
                    draw.choice(agencies),
                    _name(number),
                    f"{MOBILE[number % 10]}{number:07}",
                    f"{received:%d/%m/%Y} 08:{number % 60:02}",
                    f"{due:%d/%m/%Y}",
                    f"{finished:%d/%m/%Y}" if draw.random() < finished_share else "",
                    draw.choices(CHANNELS, (60, 35, 5))[0],
                )
            )
