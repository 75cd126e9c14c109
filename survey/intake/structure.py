"""Rows of an export that are not records: blank, repeated header, numbers, totals, signatures."""

import re
from itertools import pairwise

from survey.intake.columns import Header, Row
from survey.intake.folding import bare, fold, tidy

# Matched with diacritics first, because `Cộng` and `Công ty` differ only by them, ignoring case.
_TOTAL = re.compile(
    r"(tổng( cộng| số| hợp)?|cộng( trang| chuyển( trang)?| dồn)?|lu[ỹy] kế|lũy kế"
    r"|tong cong|tong so|cong trang|cong chuyen( trang)?)\b"
)
_FOOTER = re.compile(
    r"(nguoi (lap|ky|bao cao|tong hop)|truong (bo phan|phong)|thu truong|lanh dao|giam doc|chu tich"
    r"|pho (chu tich|giam doc)|tl\.|tm\.|kt\.|q\.|noi nhan|ky,? (ten|ghi ro)|\(ky"
    r"|ngay \S+ thang \S+ nam|.*, ngay \S* ?thang \S* ?nam|ghi chu\s*:|can bo (lap|tong hop))"
)
_NUMBER = re.compile(r"[\[(]?(\d{1,3})[\])]?(?:\s*=.*)?")
_LETTER = re.compile(r"[\[(]?[a-z][\])]?")
KEY_FIELDS = (
    "dossier_code",
    "procedure_code",
    "procedure_name",
    "agency",
    "received_at",
    "applicant_name",
    "phone",
)
MOST_SIGNATURES = 4
FEWEST_NUMBERS = 3


def text_of(cell: object) -> str:
    """A cell as a clerk sees it: whole numbers without a decimal point, None as empty text."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def structural_reason(cells: Row, header: Header) -> str | None:
    """Why a row without a valid dossier code is not a record; None if it may be one."""
    filled = [(i, text) for i, text in enumerate(tidy(text_of(cell)) for cell in cells) if text]
    numbers_only = [text for i, text in filled if i == header.columns.get("row_no")]
    if len(numbers_only) == len(filled) and all(text.isdecimal() for text in numbers_only):
        return "blank_row"
    if _is_header_again(filled, header):
        return "repeated_header"
    if _is_number_row([text for _, text in filled]):
        return "column_number_row"
    if _TOTAL.match(fold(filled[0][1])):
        return "total_row"
    if _is_footer(filled, header):
        return "footer_row"
    return None


def _is_header_again(filled: list[tuple[int, str]], header: Header) -> bool:
    if len(filled) < len(("two", "words")):
        return False
    same = sum(i < len(header.texts) and fold(text) in header.texts[i] for i, text in filled)
    return 2 * same > len(filled)


def _is_number_row(texts: list[str]) -> bool:
    """Whether it numbers the columns: `(1) (2) (3) …`, `A B 1 2 3`, `(5)=(3)-(4)`."""
    numbers = [int(match[1]) for text in texts if (match := _NUMBER.fullmatch(text))]
    letters = [text for text in texts if _LETTER.fullmatch(text.casefold())]
    if len(numbers) < FEWEST_NUMBERS or len(numbers) + len(letters) < len(texts):
        return False
    # Rising, not consecutive: the number over an id column was blanked.
    return all(after > before for before, after in pairwise(numbers))


def _is_footer(filled: list[tuple[int, str]], header: Header) -> bool:
    """Whether it is a signature block: by its words, or with no text in KEY_FIELDS columns."""
    if len(filled) > MOST_SIGNATURES:
        return False
    if any(_FOOTER.match(bare(text)) for _, text in filled):
        return True
    keys = {header.columns.get(field) for field in KEY_FIELDS}
    return not any(index in keys for index, _ in filled)
