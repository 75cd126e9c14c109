"""Normalisation of Vietnamese text for comparison: Unicode form, case, blanks, tone placement."""

import re
import unicodedata

# Zero-width characters that spreadsheets and web pages leave behind; they carry no meaning.
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
# The Unicode block of combining diacritics, with all those of Vietnamese.
_MARKS = dict.fromkeys(range(0x300, 0x370))
_SPACES = re.compile(r"\s+")

# `Hòa` and `Hoà` are one word: the tone mark may stand on either vowel of oa, oe, uy.
_TONE_PAIRS = {
    old: new
    for olds, news in (
        ("òa óa ỏa õa ọa", "oà oá oả oã oạ"),
        ("òe óe ỏe õe ọe", "oè oé oẻ oẽ oẹ"),
        ("ùy úy ủy ũy ụy", "uỳ uý uỷ uỹ uỵ"),
    )
    for old, new in zip(olds.split(), news.split(), strict=True)
}
_TONE = re.compile("|".join(_TONE_PAIRS))


def tidy(text: str) -> str:
    """NFC, without invisible characters, each run of blanks one space, trimmed."""
    if text.isascii():  # codes, dates and numbers: nothing to compose, nothing invisible
        return " ".join(text.split())
    composed = unicodedata.normalize("NFC", text).translate(INVISIBLE)
    return _SPACES.sub(" ", composed).strip()


def fold(text: str) -> str:
    """The form in which names and headings are compared; diacritics still count."""
    return _TONE.sub(lambda match: _TONE_PAIRS[match[0]], tidy(text).casefold())


def bare(text: str) -> str:
    """`fold` without diacritics, for words that only decide a category."""
    return unicodedata.normalize("NFD", fold(text).replace("đ", "d")).translate(_MARKS)
