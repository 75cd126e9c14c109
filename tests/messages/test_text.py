import csv
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.errors import Invalid
from survey.messages.segments import measure, outside_gsm7
from survey.messages.text import (
    LOCALES,
    REFUSED_BY_CARRIERS,
    TEMPLATES,
    body_names,
    deadline_words,
    parse_body,
    plain,
    render,
    short_agency_name,
    unaccent,
)
from survey.settings import LONGEST_ORIGIN

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "survey" / "reference" / "data"
LETTERS = (
    "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
    "ÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬÈÉẺẼẸÊỀẾỂỄỆÌÍỈĨỊÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢÙÚỦŨỤƯỪỨỬỮỰỲÝỶỸỴĐ"
)
LINK = "https://danhgia.khanhhoa.gov.vn/s/7Q4M2XAB9K3P"
AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def _names():
    return [
        row["name_vi"]
        for path in sorted(REFERENCE.glob("*/agencies.csv"))
        for row in csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    ]


def _values(locale):
    """The longest values a body meets."""
    return {
        "agency": max((short_agency_name(name) for name in _names()), key=len),
        "last4": "0042", "url": LINK, "code": "7Q2M", "case_code": "PA7F3K2Q",
        "hotline": "0258 1022", "reply_number": "0912345678", "by": deadline_words(AT, locale),
    }  # fmt: skip


def test_every_letter_loses_its_marks_only():
    """All 134 accented letters become their plain letter, composed or not."""
    assert len(LETTERS) == 134
    for letter in LETTERS:
        bare = unaccent(letter)
        assert bare.isascii()
        assert len(bare) == 1
        assert bare.isupper() == letter.isupper()
        assert unaccent(unicodedata.normalize("NFD", letter)) == bare


def test_the_longest_origin_is_what_the_texts_that_ask_have_room_for():
    """Every text that asks fits one segment with the longest agency and origin, none with more."""
    room = []
    for name in ("invitation", "invitation_refused", "reminder"):
        values = {
            **_values("vi"),
            "agency": "X" * 24,
            "url": f"{'x' * LONGEST_ORIGIN}/s/{'Z' * 12}",
        }
        text = render(name, "vi", **values)
        assert text.segments == 1
        room.append(160 - len(text.text))
    assert min(room) == 0


def test_typographic_signs_become_plain():
    """Signs that word processors put in become those of a phone; Ð typed for Đ is understood."""
    assert unaccent("“Ðơn” – 5₫… \u200b‘ok’\u00a0!") == "\"Don\" - 5d... 'ok' !"


def test_what_gsm7_lacks_is_listed():
    """A sign that cannot be sent is named, never replaced by a question mark."""
    with pytest.raises(Invalid) as refusal:
        plain("Xin chào 😀 ខ 😀")
    assert refusal.value.code == "sms_characters"
    assert refusal.value.detail == "😀 ខ"


def test_short_agency_names():
    """Every real agency has a short name of at most 24 plain characters, and the usual one."""
    shorts = {name: unaccent(short_agency_name(name)) for name in _names()}
    assert len(shorts) > 100
    for short in shorts.values():
        assert 3 < len(short) <= 24
        assert not outside_gsm7(short)
        assert not REFUSED_BY_CARRIERS & set(short)
    assert shorts["UBND xã Trung Khánh Vĩnh"] == "UBND xa Trung Khanh Vinh"
    assert shorts["Sở Nông nghiệp và Môi trường"] == "So NN va MT"
    assert shorts["Ban Quản lý Khu kinh tế Vân Phong"] == "BQL KKT Van Phong"
    assert shorts["UBND phường Đông Ninh Hòa"] == "UBND P. Dong Ninh Hoa"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Uỷ ban nhân dân xã  Tân Lập", "UBND xa Tan Lap"),
        ("Sở TN&MT", "So TN va MT"),
        ("Chi cục Chăn nuôi và Thú y tỉnh Khánh Hòa", "Chi CCNVTYT Khanh Hoa"),
        ("Ngânhàngchínhsáchxãhộitỉnhkhánhhòa", "Nganhangchinhsachxahoiti"),
    ],
)
def test_short_names_of_unknown_agencies(name, short):
    """A name that no table knows is shortened to its initials and cut as the last resort."""
    assert unaccent(short_agency_name(name)) == short


@pytest.mark.parametrize("locale", LOCALES)
def test_bodies_fit_their_budget_with_longest_values(locale):
    """Each body keeps its declared encoding and segments with the longest real values."""
    names = body_names(locale)
    assert names == body_names("vi")
    assert len(names) == 16
    for name in names:
        for url in (LINK, ""):
            sms = render(name, locale, **_values(locale) | {"url": url})
            assert (sms.encoding, sms.segments) == (
                measure(sms.text).encoding,
                measure(sms.text).segments,
            )
            assert not REFUSED_BY_CARRIERS & set(sms.text)
            if locale != "vi_accented":
                assert (sms.encoding, sms.segments) == ("gsm7", 1), name


def test_no_body_is_written_for_nothing():
    """Each body is sent by some feature."""
    rooms = ("answers", "invitations", "cases", "messages/outbox")
    sources = [path for room in rooms for path in (ROOT / "survey" / room).rglob("*.py")]
    written = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert [name for name in body_names("vi") if f'"{name}"' not in written] == []


# A province registers a template with these filled in.
FIXED = {"hotline", "reply_number"}


@pytest.mark.parametrize("locale", LOCALES)
def test_carriers_accept_three_variables_at_most(locale):
    """No body changes in more than three places from one message to the next."""
    for path in sorted((TEMPLATES / locale).glob("*.txt")):
        source = path.read_text(encoding="utf-8")
        variables = set(re.findall(r"{{ (\w+) }}", source)) - FIXED
        assert len(variables) <= 3, path.name


def test_invitation_says_who_and_which():
    """The invitation names the office and the last four digits, and holds the whole link."""
    text = render("invitation", "vi", **_values("vi") | {"agency": "UBND xa Tan Lap"}).text
    assert text.startswith("UBND xa Tan Lap: ho so (4 so cuoi 0042)")
    assert text.endswith(LINK)


def test_values_lose_their_marks_in_a_plain_body():
    """A value with diacritics does not turn a plain text into a dear one."""
    sms = render("thanks", "vi", agency="UBND xã Tân Lập", hotline="1022")
    assert sms.text.startswith("UBND xa Tan Lap da ghi nhan")


@pytest.mark.parametrize(
    ("name", "locale", "values", "code"),
    [
        ("no_such", "vi", {}, "sms_template"),
        ("../vi/thanks", "vi", {}, "sms_template"),
        ("thanks", "km", {}, "sms_template"),
        ("thanks", "vi", {"agency": "UBND xa A"}, "sms_value"),
        ("thanks", "vi", {"agency": "Sở A&B", "hotline": "1022"}, "sms_characters"),
        ("thanks", "vi", {"agency": "UBND 😀", "hotline": "1022"}, "sms_characters"),
        ("thanks", "vi", {"agency": "x" * 160, "hotline": "1022"}, "sms_budget"),
    ],
)
def test_refusals(name, locale, values, code):
    """A text that would be wrong, dear or garbled is refused by name."""
    with pytest.raises(Invalid) as refusal:
        render(name, locale, **values)
    assert refusal.value.code == code


def test_front_line_is_demanded():
    """A body that does not declare its cost is no body."""
    with pytest.raises(Invalid, match="sms_template"):
        parse_body("Xin chao\n")


def test_deadline_words():
    """A deadline reads as people say it, in local time."""
    assert deadline_words(AT, "vi") == "16h30 ngay 25/11"
    assert deadline_words(AT.replace(hour=10, minute=0), "vi_accented") == "17h ngày 25/11"
    assert deadline_words(AT, "en") == "16:30 on 25/11"
