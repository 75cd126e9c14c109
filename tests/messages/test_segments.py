import unicodedata

import pytest

from survey.messages.segments import GSM_BASIC, GSM_EXTENSION, Size, measure, outside_gsm7


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", Size("gsm7", 0, 1)),
        ("a" * 160, Size("gsm7", 160, 1)),
        ("a" * 161, Size("gsm7", 161, 2)),
        ("a" * 306, Size("gsm7", 306, 2)),
        ("a" * 307, Size("gsm7", 307, 3)),
        ("a" * 158 + "€", Size("gsm7", 160, 1)),
        ("a" * 159 + "€", Size("gsm7", 161, 2)),
        # The pair behind the escape may not be parted: 152 + 2 leaves one septet unused.
        ("a" * 152 + "€" + "a" * 152, Size("gsm7", 306, 3)),
        ("a" * 151 + "€" + "a" * 153, Size("gsm7", 306, 2)),
        ("đ" + "a" * 69, Size("ucs2", 70, 1)),
        ("đ" + "a" * 70, Size("ucs2", 71, 2)),
        ("đ" + "a" * 133, Size("ucs2", 134, 2)),
        ("đ" + "a" * 134, Size("ucs2", 135, 3)),
        ("😀" * 35, Size("ucs2", 70, 1)),
        # A surrogate pair is not parted either.
        ("a" * 66 + "😀" + "a" * 66, Size("ucs2", 134, 3)),
    ],
)
def test_size(text, size):
    """A text is billed by septets or UTF-16 units, and no character straddles two segments."""
    assert measure(text) == size


def test_decomposed_text_costs_what_composed_text_costs():
    """The same words typed on a Mac do not cost more."""
    text = "Kính mời Ông/Bà đánh giá việc giải quyết hồ sơ tại UBND xã Tân Lập, xin cảm ơn nhiều."
    assert measure(unicodedata.normalize("NFD", text)) == measure(text)


def test_seven_vietnamese_letters_are_in_gsm7():
    """Of all accented Vietnamese letters only these seven travel in GSM 03.38."""
    assert outside_gsm7("àèéìòùÉ") == ""
    assert outside_gsm7("ả ế ả Đ") == "ảếĐ"
    assert len(GSM_BASIC) + 1 == 128
    assert len(GSM_EXTENSION) == 10
