"""The report in Excel: the same figures as numbers, one sheet a subject.

Text is written as text, never as a formula, whatever it begins with.
"""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter

from survey.indices import Figure
from survey.reports import phrases
from survey.reports.document import Document, Kind, Picture, Section, Table
from survey.reports.figures import Report
from survey.reports.tables import HIDDEN_NOTE

# A sheet of the workbook; the library ships no types.
Sheet = Any
FORMATS = {"share": "0.0%", "level": "0.##%", "count": "#,##0", "mean": "0.00"}
# The picture's size on paper times this is as wide as the table above it; with every sector it
# needs so many rows.
PICTURE_SCALE, PICTURE_ROWS = 1.4, 19
# Heading, field of the figure, number format; None: text.
FIGURE_COLUMNS = (
    ("Hồ sơ hoàn thành", "finished", "count"),
    ("Phiếu trả lời", "rated", "count"),
    ("Phiếu hài lòng (mức 4, 5)", "satisfied", "count"),
    ("Tỷ lệ thô", "raw", "share"),
    ("Chỉ số", "index", "share"),
    ("Cận dưới", "low", "share"),
    ("Cận trên", "high", "share"),
    ("Điểm trung bình", "mean", "mean"),
    ("Tỷ lệ trả lời", "response_rate", "share"),
    ("Thấp nhất có thể", "missing_low", "share"),
    ("Cao nhất có thể", "missing_high", "share"),
    ("Gộp năm yếu tố, theo cách SIPAS", "sipas", "share"),
    ("Mục tiêu", "target", "level"),
    ("Phiếu cần thêm", "needed", "count"),
)
# These say nothing about answers, so they stand even where too few rated.
ALWAYS_SHOWN = frozenset({"finished", "target"})
WIDEST_NAME = 60


class Book:
    """A workbook with the few looks a report needs."""

    def __init__(self, held: io.BytesIO) -> None:
        self.book = xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False})
        base = {"font_name": "Times New Roman", "font_size": 11, "valign": "top"}
        self.text = self.book.add_format({**base, "text_wrap": True})
        self.bold = self.book.add_format({**base, "bold": True, "text_wrap": True})
        self.title = self.book.add_format({**base, "bold": True, "font_size": 14})
        self.note = self.book.add_format({**base, "italic": True, "text_wrap": True})
        ruled = {**base, "border": 1, "border_color": "#8a8a8a"}
        centred = {"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter"}
        self.head = self.book.add_format({**ruled, **centred, "bg_color": "#eef2f7"})
        self.cell = self.book.add_format({**ruled, "text_wrap": True})
        self.missing = self.book.add_format({**ruled, "align": "right"})
        self.numbers = {
            kind: self.book.add_format({**ruled, "num_format": pattern})
            for kind, pattern in FORMATS.items()
        }

    def sheet(self, name: str, title: str, widths: Sequence[float]) -> Sheet:
        """A fresh sheet, ready to print on A4 across, its title in the first row."""
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&C&P/&N")
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.write_string(0, 0, title, self.title)
        return sheet


def render(report: Report, document: Document) -> bytes:
    """The Excel file of a report; the same report gives the same bytes."""
    held = io.BytesIO()
    book = Book(held)
    made_at = report.origin.made_at.astimezone(UTC).replace(tzinfo=None)
    _set_properties(book, document, made_at)
    _write_summary(book, document)
    for name, title, figures in (
        ("Lĩnh vực", "Chỉ số theo lĩnh vực", report.sectors),
        ("Đơn vị", "Chỉ số theo cơ quan, đơn vị", report.agencies),
        ("Kênh", "Chỉ số theo hình thức nộp hồ sơ", report.channels),
        ("Thủ tục", "Chỉ số theo thủ tục hành chính", report.procedures),
    ):
        _write_figures(book, name, title, (report.overall, *figures))
    # In their order: 3 coverage, 4 lateness, 5 cases, 6 corrections, 7 analysis.
    _, _, covered, late, cases, corrected, compared, method = document.sections
    _write_sections(book, "Ca phản ánh", (cases,))
    _write_sections(book, "Bao phủ, trễ hạn", (covered, late, corrected))
    _write_sections(book, "Phân tích", (compared,))
    _write_sections(book, "Phương pháp", (method,))
    book.book.close()
    return held.getvalue()


def _set_properties(book: Book, document: Document, made_at: datetime) -> None:
    office = f"Sở Nội vụ tỉnh {document.province}"
    book.book.set_properties({"title": document.subtitle, "author": office, "created": made_at})


def _write_summary(book: Book, document: Document) -> None:
    title = f"{document.title} ({document.mark})" if document.mark else document.title
    sheet = book.sheet("Tóm tắt", title, (34, 24, 40, 30, 30))
    lines = [document.subtitle, document.basis, document.verdict]
    for row, line in enumerate(lines, 1):
        sheet.merge_range(row, 0, row, 4, "", book.text)
        sheet.write_string(row, 0, line, book.bold if row != 2 else book.note)  # noqa: PLR2004
        sheet.set_row(row, 34 if len(line) > 130 else 18)  # noqa: PLR2004
    row = len(lines) + 2
    for column, heading in enumerate(("Nội dung", "Kết quả", "Chi tiết", "Mục tiêu, ghi chú", "")):
        sheet.write_string(row, column, heading, book.head)
    for tile in document.tiles:
        row += 1
        value = f"{tile.value} {tile.status}".strip()
        for column, text in enumerate((tile.label, value, tile.detail, *tile.lines)):
            sheet.write_string(row, column, text, book.cell)
    row += 2
    sheet.insert_image(row, 0, "chart.png", _image(document.picture))
    row += PICTURE_ROWS
    for title, points in (
        ("Những nội dung cần chỉ đạo", document.direction),
        ("Kết quả nổi bật", document.good),
    ):
        if points:
            sheet.write_string(row, 0, title, book.bold)
        for point in points:
            row += 1
            sheet.merge_range(row, 0, row, 4, "", book.text)
            sheet.write_string(row, 0, f"{point.lead} {point.text}".strip(), book.text)
            sheet.set_row(row, 34)
        row += 2


def _image(picture: Picture) -> dict[str, Any]:
    return {
        "image_data": io.BytesIO(picture.png),
        "x_scale": PICTURE_SCALE,
        "y_scale": PICTURE_SCALE,
        "description": picture.alternative,
    }


def _write_figures(book: Book, name: str, title: str, figures: Sequence[Figure]) -> None:
    sheet = book.sheet(name, title, (16, WIDEST_NAME, *[12] * len(FIGURE_COLUMNS), 14))
    headings = ("Mã", "Tên", *(heading for heading, _, _ in FIGURE_COLUMNS), "Đánh giá")
    for column, heading in enumerate(headings):
        sheet.write_string(2, column, heading, book.head)
    sheet.freeze_panes(3, 2)
    sheet.repeat_rows(2)
    for row, one in enumerate(figures, 3):
        sheet.write_string(row, 0, one.key if row > 3 else "", book.cell)  # noqa: PLR2004
        sheet.write_string(row, 1, one.label, book.cell)
        for column, (_, field, kind) in enumerate(FIGURE_COLUMNS, 2):
            shown = not one.is_hidden or field in ALWAYS_SHOWN
            value = getattr(one, field) if shown and _has_meaning(one, field) else None
            _write_number(book, sheet, (row, column), value, kind)
        sheet.write_string(row, len(headings) - 1, phrases.status(one), book.cell)
    last = len(figures) + 2
    sheet.autofilter(2, 0, last, len(headings) - 1)
    if any(one.is_hidden for one in figures):
        sheet.write_string(last + 2, 0, HIDDEN_NOTE, book.note)


def _has_meaning(one: Figure, field: str) -> bool:
    """Limits of an index that nobody rated say nothing."""
    return one.index is not None or field not in {"low", "high"}


def _write_number(
    book: Book,
    sheet: Sheet,
    place: tuple[int, int],
    value: float | None,
    kind: str,
) -> None:
    if value is None:
        sheet.write_string(*place, phrases.NONE, book.missing)
    else:
        sheet.write_number(*place, value, book.numbers[kind])


def _write_sections(book: Book, name: str, sections: Sequence[Section]) -> None:
    sheet = book.sheet(name, name, (WIDEST_NAME, 28, 24, 24, 24, 60))
    row = 2
    for section in sections:
        sheet.write_string(row, 0, section.title, book.bold)
        texts = [*section.paragraphs, *(f"{one.lead} {one.text}" for one in section.points)]
        for text in texts:
            row += 1
            sheet.merge_range(row, 0, row, 5, "", book.text)
            sheet.write_string(row, 0, text, book.text)
            sheet.set_row(row, 34 if len(text) > 190 else 18)  # noqa: PLR2004
        row += 2
        if section.picture:
            sheet.write_string(row, 0, section.picture.title, book.bold)
            sheet.insert_image(row + 1, 0, "chart.png", _image(section.picture))
            row += PICTURE_ROWS + 2
        for table in section.tables:
            row = _write_table(book, sheet, row, table) + 2


def _write_table(book: Book, sheet: Sheet, row: int, table: Table) -> int:
    """Write a table below `row`, without its column of numbers; gives the last row used."""
    first = 1 if table.columns[0].title == "TT" else 0
    sheet.write_string(row, 0, table.title, book.bold)
    row += 1
    for column, heading in enumerate(table.columns[first:]):
        sheet.write_string(row, column, heading.title, book.head)
    for cells in table.rows:
        row += 1
        for column, cell in enumerate(cells[first:]):
            if cell.value is None or cell.kind is Kind.TEXT:
                sheet.write_string(row, column, cell.text, book.cell)
            else:
                _write_number(book, sheet, (row, column), cell.value, cell.kind)
    for note in table.notes:
        row += 1
        sheet.write_string(row, 0, note, book.note)
        sheet.set_row(row, 34)
    return row
