"""What may be seen of a person without a reason: the shape of a name, a text without numbers."""

import re

PHONE_IN_TEXT = re.compile(r"(?<!\d)(?:\+?84|0)[\s.\-]?\d(?:[\s.\-]?\d){7,9}(?!\d)")
ID_IN_TEXT = re.compile(r"(?<!\d)(?:\d{12}|\d{9})(?!\d)")


def mask_name(name: str) -> str:
    """First letter of each word: "Nguyễn Văn An" → "N•• V•• A••"."""
    return " ".join(f"{word[0]}••" for word in name.split())


def mask_text(text: str) -> str:
    """Free text with phone and identity numbers covered."""
    return ID_IN_TEXT.sub("[số giấy tờ]", PHONE_IN_TEXT.sub("[số điện thoại]", text))
