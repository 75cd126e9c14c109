"""How numbers are written: Vietnamese offices write 1.234,5, English pages 1,234.5."""

NONE = "–"


def english_number(value: float, digits: int = 0) -> str:
    """For the citizen who reads English: 1240 → "1,240"."""
    return f"{value:,.{digits}f}"


def number(value: float | None, digits: int = 0) -> str:
    """1240 → "1.240"; 4.213 with two digits → "4,21"; None → a dash."""
    if value is None:
        return NONE
    return english_number(value, digits).translate(str.maketrans(",.", ".,"))
