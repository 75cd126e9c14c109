"""Cost of a text: its encoding (GSM 03.38 or UCS-2) and the segments a carrier bills for it."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# These are sent after an escape: two septets that a segment boundary must not separate.
GSM_EXTENSION = frozenset("^{}\\[~]|€\f")

# Units that fit in a single segment, and in each of several (a header takes the difference).
_ROOM: dict[Encoding, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
_BEYOND_BMP = 0x10000


@dataclass(frozen=True, slots=True)
class Size:
    """Encoding, units (septets or UTF-16 code units) and segments of one text."""

    encoding: Encoding
    units: int
    segments: int

    @property
    def room(self) -> int:
        """Units that fit in these segments."""
        alone, joined = _ROOM[self.encoding]
        return alone if self.segments == 1 else joined * self.segments


def outside_gsm7(text: str) -> str:
    """Characters of the NFC text that GSM 03.38 cannot carry, each once, in order; may be empty."""
    normal = unicodedata.normalize("NFC", text)
    return "".join(
        dict.fromkeys(c for c in normal if c not in GSM_BASIC and c not in GSM_EXTENSION)
    )


def measure(text: str) -> Size:
    """Size of a text after NFC; an empty text still costs one segment."""
    normal = unicodedata.normalize("NFC", text)
    encoding: Encoding = "ucs2" if outside_gsm7(normal) else "gsm7"
    if encoding == "gsm7":
        widths = [2 if c in GSM_EXTENSION else 1 for c in normal]
    else:
        widths = [2 if ord(c) >= _BEYOND_BMP else 1 for c in normal]
    alone, joined = _ROOM[encoding]
    units = sum(widths)
    return Size(encoding, units, 1 if units <= alone else _segments(widths, joined))


def _segments(widths: list[int], room: int) -> int:
    """Segments of `room` units needed when no character may cross a segment boundary."""
    segments, used = 1, 0
    for width in widths:
        if used + width > room:
            segments += 1
            used = 0
        used += width
    return segments
