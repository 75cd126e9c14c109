"""Masking of numbers in free text: telephone and identity numbers are masked, the rest stays."""

import re
import time
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from survey.messages.phone import clean_phone
from survey.privacy.masking import PAPER, PHONE, mask_text, without_numbers
from tests.features.exports import DATA

READABLE = (
    "Tôi nộp ngày 01/06/2026 lúc 08:30, hẹn 20/06/2026.",
    "Nộp 03/06/2026 08:30, 3/6/2026 5:30, trả 2026-06-09 16:00:05, hẹn 09.05.2026 10:15",
    "Từ 03/06-15/06-20/06, 05/06/26 hay tháng 03/2026 - 09/2026 đều đóng cửa",
    "Hồ sơ H32.17-260601-0001 chậm 3 ngày, thủ tục 1.013236, hồ sơ 000.00.15.H32-220412-0007",
    "Họ đòi 1.500.000 đồng, sau là 2.000.000 đồng, cả thảy 350.000.000 - 500.000.000 đồng",
    "Phí 905,000,000đ hoặc 1200000000 VNĐ",
    "Quyết định số 605/QĐ-UBND ngày 08/3/2017, Nghị định 61/2018/NĐ-CP",
    "Giờ làm việc 7:30-11:30, 13:30-17:00; trước đây 07.30-11.30, 13.30-17.00",
    "Gọi 1900 6868 hay 1022 cả năm 2021 2022 2023, chờ 5, 7, 12 và 15 phút, nhà 12/45/6 tổ 7",
)
PAPERS = (
    *("099 000 000 123", "099-000-000-123", "0990.0000.0123", "079 2 03 012345", "099000000123"),
    *("225 123 456", "225123456", "099_000_000_123", "4200123456-001", "0\u200b99000000123"),
)
SPELLINGS = (
    *("0905 - 000 - 123", "0905_000_123", "+84(0)905000123", "(0258) 3800 012", "0258/3800012"),
    *("0905–000–123", "0905/000/124", "0905  000  125", "84 905 000 123", "0 9 0 5 0 0 0 1 2 3"),
    *("0905000123-124", "0905000123/24", "+84+84905000123", "0905:000:123", "0905*000*123"),
    *("0905·000·123", "٠٩٠٥٠٠٠١٢٣", "０９０５０００１２３", "⓪⑨⓪⑤⓪⓪⓪①②③", "O9O5OOO123"),
    *("0\u202a905\u200b000\u00a0123", "+82 10 0000 0164", "0082 10 0000 0164", "0905\n000\n123"),
    *("+84.0905.000.123", "00 84 905 000 123", "0168 000 0123", "8.49050002E10", "9,050003E8"),
)
NUMBERS = ("0937152846", "937152846", "02583867014", "2583867014", "01689053172", "+821057392648")
GAPS = (
    *("", " ", "  ", ".", "-", " - ", "–", "/", ",", ", ", "_", "(", ")", ")-(", " (", "\u00a0"),
    *("\u200b", "\u202c", "\t", "\n", ".\u2060", "\u00ad", "·", "..."),
)
BEFORE = ("", "0", "84", "+84", "0084", "+84(0)", "(+84) ", "+84 0", "+84+84", "(0", "\u202a+84")


def lines():
    """Notations of numbers that were once shown unmasked on a page."""
    return (DATA / "masking_cases.txt").read_text(encoding="utf-8").splitlines()


def visible(text):
    """The digits of a text that can be read, in any script."""
    return "".join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit())


@st.composite
def typed(draw):
    """A number as somebody might type it, with any sign between two digits."""
    number = draw(st.sampled_from(NUMBERS))
    gaps = draw(st.lists(st.sampled_from(GAPS), min_size=len(number), max_size=len(number)))
    often = draw(st.sampled_from([0.0, 0.3, 1.0]))
    keep = draw(st.lists(st.floats(0, 1), min_size=len(number), max_size=len(number)))
    spelled = "".join(
        digit + (gap if kept < often else "")
        for digit, gap, kept in zip(number, gaps, keep, strict=True)
    )
    words = draw(st.sampled_from(["", "gọi ", "ĐT:", "số ", "Zalo", "o "]))
    end = draw(st.sampled_from(["", ".", " ạ"]))
    return f"{words}{draw(st.sampled_from(BEFORE))}{spelled}{end}"


def test_a_comment_with_many_numbers_keeps_its_words_only():
    """A landline and mobiles in five notations are each masked, and no word is lost."""
    first, *others = lines()
    words = r"Xin gọi tôi \[số\] hoặc \[số\] hoặc \[số\](, \[số\])?\. Số kia \[số\]\."
    assert re.fullmatch(words, mask_text(first).replace(PHONE, "[số]"))
    assert [mask_text(line) for line in others] == [PHONE, PHONE, PHONE, PAPER]


@pytest.mark.parametrize("text", READABLE)
def test_numbers_that_lead_to_nobody_stay_readable(text):
    """Days, times, money, dossier codes, house and hotline numbers are not masked."""
    assert mask_text(text) == text
    assert without_numbers(text) == text


@pytest.mark.parametrize("number", SPELLINGS)
def test_a_telephone_number_is_covered_however_it_is_written(number):
    """One mask replaces a telephone number with its brackets, plus sign or short form."""
    # Nine digits that lost their zero look like those of an old identity card.
    mark = PHONE if number[0] != "9" else PAPER
    assert mask_text(f"Gọi {number} nhé") == f"Gọi {mark} nhé"
    assert mask_text(f"ĐT:{number}, cảm ơn.") == f"ĐT:{mark}, cảm ơn."


@pytest.mark.parametrize("number", PAPERS)
def test_an_identity_number_is_covered_also_in_groups(number):
    """Nine or twelve digits are masked whole, whatever separates them."""
    assert mask_text(f"CCCD {number}.") == f"CCCD {PAPER}."
    assert without_numbers(f"Nguyễn Văn An {number}") == "Nguyễn Văn An "


@given(typed())
@example("+84(0)905000123")
@example("905000004.0")
@settings(max_examples=500)
def test_what_we_read_as_a_telephone_number_we_also_cover(text):
    """No digit of a number that import or hotline would read as a phone is shown on a page."""
    read = clean_phone(text).e164
    assume(read)
    # What stands before a whole number may stay: it is the same for all of Viet Nam.
    left = re.sub("^(00)?(84)*0?", "", visible(mask_text(f"Tôi {text}")))
    assert not [left[i : i + 3] for i in range(len(left) - 2) if left[i : i + 3] in read]


@pytest.mark.parametrize(
    "unit", ["0 ", "1 ", "09 ", "1.000-", "8E", "(", "+84", "1/1-", "ệ", "9\u200b", "a" * 9 + "0"]
)
def test_a_long_comment_is_covered_in_a_moment(unit):
    """The longest comment is masked without noticeable delay, whatever it repeats."""
    longest = (unit * 2000)[:2000]
    begun = time.process_time()
    mask_text(longest)
    assert time.process_time() - begun < 1
