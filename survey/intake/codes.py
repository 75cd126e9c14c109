"""Dossier codes and procedure codes as exports write them: normalised, then validated."""

import re
from datetime import date

from survey.intake.folding import tidy

PROVINCES = range(1, 64)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－", "-"))
_DOSSIER = re.compile(
    r"(?:(?:\d{3}\.)?\d{2}\.\d{2}\.([GH]\d{2})|([GH]\d{2})(?:\.\d{1,4}){1,4})"
    r"-(\d{2})(\d{2})(\d{2})-(\d{4,6})",
    re.ASCII,
)
_PROCEDURE = re.compile(r"[1-3]\.\d{6}", re.ASCII)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９．－", "0123456789.-")


def clean_dossier_code(text: str) -> str:
    """Normalise a code for comparing and storing: no blanks, ASCII dashes, capitals."""
    plain = tidy(text).translate(_DASHES).translate(_FULL_WIDTH)
    return plain.replace(" ", "").upper()


def dossier_code_day(code: str) -> date | None:
    """The day of intake in a normalised code; None if it is not a dossier code."""
    match = _DOSSIER.fullmatch(code)
    if match is None:
        return None
    long_unit, short_unit, year, month, day, sequence = match.groups()
    unit = long_unit or short_unit
    if unit[0] == "H" and int(unit[1:]) not in PROVINCES:
        return None
    if not int(sequence):
        return None
    try:
        return date(2000 + int(year), int(month), int(day))
    except ValueError:
        return None


def procedure_code(cell: str | float) -> str:
    """The national code at the start of a cell (suffixes dropped), or "" if there is none.

    A spreadsheet that stored 1.013150 as a number lost the last zero; six decimals restore it.
    """
    if isinstance(cell, float):
        cell = f"{cell:.6f}"
    match = _PROCEDURE.match(str(cell).translate(_FULL_WIDTH).lstrip("' "))
    return match[0] if match else ""
