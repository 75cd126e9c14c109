import csv
import unicodedata
from pathlib import Path

import openpyxl
import pytest

from survey.formats import mask_phone
from survey.messages.phone import OLD_PREFIXES, Phone, clean_phone

DATA = Path(__file__).parents[1] / "features" / "data"
BINDING = {"phone_missing", "phone_invalid", "phone_landline", "phone_old_prefix", "phone_foreign"}


@pytest.mark.parametrize(
    "text",
    [
        "0912345678", "0912.345.678", "0912 345 678", "(0912) 345-678", "+84912345678",
        "+84 912 345 678", "+84 0912345678", "(+84) 912 345 678", "84912345678", "0084912345678",
        "00 84 912 345 678", "912345678", "912345678.0", "84912345678.0", "０９１２３４５６７８",
        "0912\u00a0345\u00a0678", "O912345678", "09l2345678 / 0912345678", "ĐT: 0912345678",
        "SĐT:0912345678", "0912345678 (chị Lan)", "chị Lan 0912 345 678 gọi sau 17h",
        "0912345678/0258 3822229", "0912345678; 0983000019", "0912345678, 0983000019",
        "0912345678 - 0983000019", "0912345678 0983000019", "0912345678\n0983000019",
        "0912,345,678", "0912–345–678", "+82 10 0000 0164 / 0912345678", "٠٩١٢٣٤٥٦٧٨",
    ],
)  # fmt: skip
def test_spellings_of_one_mobile(text):
    """However a clerk types a mobile, the same number comes out."""
    assert clean_phone(text) == Phone("+84912345678", "mobile")


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("0168 000 0123", Phone("+84380000123", "mobile", old_prefix=True)),
        ("841680000123", Phone("+84380000123", "mobile", old_prefix=True)),
        ("1680000123", Phone("+84380000123", "mobile", old_prefix=True)),
        ("0258 3800 022", Phone("+842583800022", "landline")),
        ("2583800022", Phone("+842583800022", "landline")),
        ("0258 3800 022 / 0912345678", Phone("+842583800022", "landline")),
        ("+82 10 0000 0164", Phone("+821000000164", "foreign")),
        ("0082 10 0000 0164", Phone("+821000000164", "foreign")),
        ("+82 10 0000 0164 / +86 138 0013 8000", Phone("+821000000164", "foreign")),
        ("0521000123", Phone("+84521000123", "mobile")),
        ("845678901", Phone("+84845678901", "mobile")),
        (None, Phone(None, "missing")),
        ("", Phone(None, "missing")),
        (" - ", Phone(None, "missing")),
        ("không có", Phone(None, "invalid")),
        ("0000000000", Phone(None, "invalid")),
        ("0111 000 157", Phone(None, "invalid")),
        ("0180 0000 123", Phone(None, "invalid")),
        ("0905.000.1", Phone(None, "invalid")),
        ("090500015955", Phone(None, "invalid")),
        ("9,05E+08", Phone(None, "invalid")),
        ("1900 1234", Phone(None, "invalid")),
        ("1900545415", Phone(None, "invalid")),
        ("1800 1234", Phone(None, "invalid")),
        ("0200 0000 000", Phone(None, "invalid")),
        ("+82 1", Phone(None, "invalid")),
        ("+44 12", Phone(None, "invalid")),
        ("+8", Phone(None, "invalid")),
        ("+84 9000 123", Phone(None, "invalid")),
        ("+999 123456789", Phone(None, "invalid")),
        ("056099000123", Phone(None, "invalid")),
    ],
)
def test_other_numbers(text, phone):
    """Old prefixes are converted; landlines, foreign and unusable numbers are told apart."""
    assert clean_phone(text) == phone


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("8.49050002E10", "+84905000200"),
        ("8,49050002E10", "+84905000200"),
        ("8.49050002e10", "+84905000200"),
        ("9.050003E8", "+84905000300"),
        ("9,050003E8", "+84905000300"),
        ("8.4905000123E+10", "+84905000123"),
        ("ĐT: 8.49050002E10 (Lan)", "+84905000200"),
        ("8.49E+10 / 0905000123", "+84905000123"),
        ("905000004.0", "+84905000004"),
        ("905000004,00", "+84905000004"),
    ],
)
def test_a_number_that_a_program_printed_whole_is_read(text, e164):
    """Scientific notation with all digits, and a whole number with decimals, are that number."""
    assert clean_phone(text) == Phone(e164, "mobile")


@pytest.mark.parametrize(
    "text",
    [
        *("8.49E+10", "8.49E10", "4.41E+11", "9,05E+08", "8.4905E10", "8.4905E+10"),
        *("8.49050002E+10", "8.49050002E9", "8.490500021E5", "9.05000123E-8", "9E8", "8.49E+9999"),
        *("ĐT 8.49050002E+10", "8.49050002 E10", "８.４９E+１０", "8,49050002E+10"),
        *("90500012.5", "905000123.7", "84905000123.4", "84905000.123", "90500012,5"),
    ],
)
def test_digits_are_never_picked_out_of_a_rounded_number(text):
    """A rounded number, a fraction and a power of ten yield no number instead of a stranger's."""
    assert clean_phone(text) == Phone(None, "invalid")


@pytest.mark.parametrize("text", ["0905000123-124", "0905000123-24", "+84+84905000123"])
def test_the_whole_number_of_a_short_list_is_read(text):
    """A second number in short form, and a country code given twice, hide nothing."""
    assert clean_phone(text) == Phone("+84905000123", "mobile")


def test_every_old_prefix_becomes_a_mobile():
    """All 21 prefixes of 2018 lead to ten digits that phones have today."""
    assert len(OLD_PREFIXES) == 21
    for old, new in OLD_PREFIXES.items():
        assert clean_phone(old + "0000123") == Phone("+84" + new[1:] + "0000123", "mobile", True)


def _cells():
    """Source cells of the two messy files by file and row."""
    lines = (DATA / "messy_dossiers.csv").read_text(encoding="utf-8-sig").splitlines(keepends=True)
    rows = list(csv.reader(lines, delimiter=";"))
    heads = [unicodedata.normalize("NFC", name).strip() for name in rows[0]]
    at = heads.index("Số điện thoại")
    for number, row in enumerate(rows, 1):
        yield ("messy_dossiers.csv", number), row[at] if len(row) > at else ""
    sheet = openpyxl.load_workbook(DATA / "messy_dossiers.xlsx")["Sổ theo dõi"]
    at = next(c.column for row in sheet["A6:Z7"] for c in row if "thoại" in str(c.value))
    for row in sheet.iter_rows(min_row=9):
        value = row[at - 1].value
        as_read = str(float(value)) if isinstance(value, int) else value
        yield ("messy_dossiers.xlsx", row[0].row), as_read


def _reasons(phone):
    named = {f"phone_{phone.kind}"} - {"phone_mobile"}
    return named | {"phone_old_prefix"} if phone.old_prefix else named


def test_messy_files():
    """Every accepted row of the messy files yields exactly the expected number and warnings."""
    cells = dict(_cells())
    lines = (DATA / "messy_expected.csv").read_text(encoding="utf-8-sig").splitlines()
    accepted = [row for row in csv.DictReader(lines) if row["expected"] == "accepted"]
    assert len(accepted) > 250
    for row in accepted:
        phone = clean_phone(cells[row["file"], int(row["row"])])
        assert (phone.e164 or "", _reasons(phone)) == (
            row["phone_e164"],
            BINDING & set(row["reason"].split(";")),
        ), row


def test_mask():
    """A masked number shows its kind and its last three digits, no more."""
    assert mask_phone("+84912345678") == "09••••678"
    assert mask_phone("+842583800022") == "02••••022"
    assert mask_phone("+821000000164") == "+8••••164"
