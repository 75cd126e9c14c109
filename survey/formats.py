"""Number formats (Vietnamese 1.234,5, English 1,234.5) and masking of telephone numbers."""

from survey.catalogues import SOURCE, spoken

NONE = "–"
_MASK = "••••"


def english_number(value: float, digits: int = 0) -> str:
    """A number in English format: 1240 → "1,240"."""
    return f"{value:,.{digits}f}"


def number(value: float | None, digits: int = 0) -> str:
    """A number in the current language: 1240 → "1.240" (English "1,240"), None → a dash.

    `digits` is the number of decimals: 4.213 with two digits → "4,21".
    """
    if value is None:
        return NONE
    if spoken() != SOURCE:
        return english_number(value, digits)
    return english_number(value, digits).translate(str.maketrans(",.", ".,"))


def mask_phone(e164: str) -> str:
    """A telephone number masked for screens and logs: `+84912345678` becomes `09••••678`."""
    shown = "0" + e164[3:] if e164.startswith("+84") else e164
    return shown[:2] + _MASK + shown[-3:]
