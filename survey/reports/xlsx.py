"""The report in Excel: the same figures as numbers, one sheet per subject, ready to print.

Text is always written as text, never as a formula, whatever it begins with.
"""

import io
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import xlsxwriter

from survey.catalogues import _, gettext
from survey.formats import NONE
from survey.indices import Figure
from survey.reports import phrases
from survey.reports.document import NUMBERS, Document, Kind, Picture, Point, Section, Table
from survey.reports.figures import Report
from survey.reports.tables import SUPPRESSED_NOTE

# A worksheet; the library ships no types.
Sheet = Any
# Row and column, from 0.
Place = tuple[int, int]
FORMATS = {"share": "0.0%", "level": "0.##%", "count": "#,##0", "mean": "0.00"}
# Scaled by this factor a picture is as wide as the table above it; with every sector it needs so
# many rows.
PICTURE_SCALE, PICTURE_ROWS = 1.3, 16
# Heading, field of the figure, number format; None: text.
FIGURE_COLUMNS = (
    (_("Hồ sơ hoàn thành"), "finished", "count"),
    (_("Phiếu trả lời"), "rated", "count"),
    (_("Phiếu hài lòng (mức 4, 5)"), "satisfied", "count"),
    (_("Tỷ lệ thô"), "raw", "share"),
    (_("Chỉ số"), "index", "share"),
    (_("Cận dưới"), "low", "share"),
    (_("Cận trên"), "high", "share"),
    (_("Điểm trung bình"), "mean", "mean"),
    (_("Tỷ lệ trả lời"), "response_rate", "share"),
    (_("Thấp nhất có thể"), "missing_low", "share"),
    (_("Cao nhất có thể"), "missing_high", "share"),
    (_("Gộp các yếu tố, theo cách SIPAS"), "sipas", "share"),
    (_("Mục tiêu"), "target", "level"),
    (_("Phiếu cần thêm"), "needed", "count"),
)
# A factor has neither a target nor dossiers of its own.
FACTOR_FIELDS = frozenset({"rated", "satisfied", "raw", "index", "low", "high", "mean"})
# These do not depend on answers, so they are published even with few ratings.
ALWAYS_SHOWN = frozenset({"finished", "target"})
# Column widths, in digits of the text font.
CODE, NAME, LONG_NAME, NUMBER, STATUS = 17, 36, 60, 8.7, 12.5
SUMMARY = (28, 20, 34, 24, 24)
SUBJECT = (36, 18, 13, 15, 19, 17)
# Wider sheets are printed in landscape.
WIDEST_UPRIGHT = 120
# Points: a text line at size 11, a row's extra height, and its greatest height.
LINE, AIR, HIGHEST = 15, 1, 405
# Letters are narrower than digits, in which widths are counted; bold ones and the filter button
# take most of that back.
LETTERS, BOLD_LETTERS = 1.22, 1.05


class Book:
    """A workbook with the few formats a report needs."""

    def __init__(self, held: io.BytesIO, foot: str) -> None:
        font = {"font_name": "Times New Roman", "font_size": 11}
        # Widths of columns, and so of pictures, are counted in the default font.
        options = {"in_memory": True, "strings_to_formulas": False}
        self.book = xlsxwriter.Workbook(held, {**options, "default_format_properties": font})
        self.foot = foot.replace("&", "&&")
        base = {**font, "valign": "top"}
        self.text = self.book.add_format({**base, "text_wrap": True})
        self.bold = self.book.add_format({**base, "bold": True, "text_wrap": True})
        self.caption = self.book.add_format({**base, "bold": True})
        self.section = self.book.add_format({**base, "bold": True, "font_size": 12})
        self.title = self.book.add_format({**base, "bold": True, "font_size": 14})
        self.note = self.book.add_format({**base, "italic": True, "text_wrap": True})
        ruled = {**base, "border": 1, "border_color": "#8a8a8a"}
        centred = {"bold": True, "text_wrap": True, "align": "center", "valign": "vcenter"}
        self.head = self.book.add_format({**ruled, **centred, "bg_color": "#eef2f7"})
        # By whether the row is a total.
        self.cell, self.missing, self.numbers = {}, {}, {}
        for is_total in (False, True):
            look = {**ruled, "bold": is_total}
            self.cell[is_total] = self.book.add_format({**look, "text_wrap": True})
            self.missing[is_total] = self.book.add_format(
                {**look, "align": "right", "text_wrap": True}
            )
            for kind, pattern in FORMATS.items():
                self.numbers[is_total, kind] = self.book.add_format({**look, "num_format": pattern})

    def sheet(self, name: str, title: str, widths: Sequence[float]) -> Sheet:
        """A new sheet for A4, landscape if wide, with its title in the first row."""
        sheet = self.book.add_worksheet(name)
        if sum(widths) > WIDEST_UPRIGHT:
            sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f'&L&"Times New Roman"&9{self.foot}&R&"Times New Roman"&9Trang &P/&N')
        sheet.hide_gridlines(2)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.write_string(0, 0, title, self.title)
        sheet.set_row(0, 21)
        return sheet


def render(report: Report, document: Document) -> bytes:
    """The Excel file of a report; the same report gives the same bytes."""
    held = io.BytesIO()
    book = Book(held, _foot(document))
    made_at = report.origin.made_at.astimezone(UTC).replace(tzinfo=None)
    _set_properties(book, document, made_at)
    _write_summary(book, document)
    for name, title, figures, width in (
        (gettext("Lĩnh vực"), gettext("Chỉ số theo lĩnh vực"), report.sectors, NAME),
        (gettext("Đơn vị"), gettext("Chỉ số theo cơ quan, đơn vị"), report.agencies, NAME),
        (gettext("Kênh"), gettext("Chỉ số theo hình thức nộp hồ sơ"), report.channels, NAME),
        (
            gettext("Thủ tục"),
            gettext("Chỉ số theo thủ tục hành chính"),
            report.procedures,
            LONG_NAME,
        ),
    ):
        _write_figures(book, (name, title), (report.overall, *figures), width)
    if report.factors:
        _write_factors(book, report.factors)
    # By index: 1 sectors, 3 coverage, 4 lateness, 5 cases, 6 corrections, 7 analysis.
    sectors, _, covered, late, cases, corrected, compared, method = document.sections
    _write_sections(book, gettext("Phản ánh"), (cases,))
    _write_sections(book, gettext("Bao phủ, trễ hạn"), (covered, late, corrected))
    _write_sections(book, gettext("Phân tích"), (compared,))
    _write_sections(
        book, gettext("Phương pháp"), (Section(gettext("Mục tiêu"), sectors.paragraphs), method)
    )
    book.book.close()
    return held.getvalue()


def _foot(document: Document) -> str:
    """Footer of each printed page, so that a draft is not taken for a final report."""
    sentence = gettext(
        "Tỉnh %(province)s · Mức độ hài lòng, %(month)s",
        province=document.province,
        month=phrases.month_name(document.month),
    )
    return f"{sentence} · {document.mark}" if document.mark else sentence


def _set_properties(book: Book, document: Document, made_at: datetime) -> None:
    office = gettext(
        "%(office)s tỉnh %(province)s",
        office=document.letterhead.office,
        province=document.province,
    )
    book.book.set_properties({"title": document.subtitle, "author": office, "created": made_at})


def _height(*cells: tuple[str, float], letters: float = LETTERS) -> float:
    """Row height in points for texts in columns of these widths."""
    lines = [len(textwrap.wrap(text, int(width * letters))) for text, width in cells]
    return min(LINE * max(1, *lines) + AIR, HIGHEST)


def _write_across(
    book: Book, sheet: Sheet, row: int, text: str, widths: Sequence[float], look: str = "text"
) -> None:
    """A text merged over all columns, in as many lines as it needs."""
    sheet.merge_range(row, 0, row, len(widths) - 1, "", getattr(book, look))
    sheet.write_string(row, 0, text, getattr(book, look))
    sheet.set_row(row, _height((text, sum(widths))))


def _write_summary(book: Book, document: Document) -> None:
    title = f"{document.title} ({document.mark})" if document.mark else document.title
    sheet = book.sheet(gettext("Tóm tắt"), title, SUMMARY)
    sheet.fit_to_pages(1, 1)
    lines = ((document.subtitle, "bold"), (document.basis, "note"), (document.verdict, "bold"))
    for row, (line, look) in enumerate(lines, 1):
        _write_across(book, sheet, row, line, SUMMARY, look)
    row = len(lines) + 2
    for column, heading in enumerate(
        (
            gettext("Nội dung"),
            gettext("Kết quả"),
            gettext("Chi tiết"),
            gettext("Mục tiêu, ghi chú"),
            "",
        )
    ):
        sheet.write_string(row, column, heading, book.head)
    sheet.merge_range(row, 3, row, 4, gettext("Mục tiêu, ghi chú"), book.head)
    for tile in document.tiles:
        row += 1
        value = f"{tile.value} {tile.status}".strip()
        texts = (tile.label, value, tile.detail, *tile.lines)
        for column, text in enumerate(texts):
            sheet.write_string(row, column, text, book.cell[column < 2])  # noqa: PLR2004 - what and how much stand out
        sheet.set_row(row, _height(*zip(texts, SUMMARY, strict=False)))
    row = _insert(sheet, row + 2, document.picture, book)
    for heading, points in (
        (gettext("Những nội dung cần chỉ đạo"), document.direction),
        (gettext("Kết quả nổi bật"), document.good),
    ):
        if points:
            sheet.write_string(row, 0, heading, book.section)
            row = _write_points(book, sheet, row, points, SUMMARY) + 2


def _write_points(
    book: Book, sheet: Sheet, row: int, points: Sequence[Point], widths: Sequence[float]
) -> int:
    """Points below `row`, one per row; returns the last row used."""
    for point in points:
        row += 1
        _write_across(book, sheet, row, f"{point.lead} {point.text}".strip(), widths)
    return row


def _insert(sheet: Sheet, row: int, picture: Picture, book: Book) -> int:
    """A captioned picture from `row` on; returns the first free row below it."""
    sheet.write_string(row, 0, picture.title, book.caption)
    for below in range(row + 1, row + PICTURE_ROWS + 1):
        sheet.set_row(below, LINE + AIR)  # else a program that fits rows to its font distorts it
    sheet.insert_image(
        row + 1,
        0,
        "chart.png",
        {
            "image_data": io.BytesIO(picture.png),
            "x_scale": PICTURE_SCALE,
            "y_scale": PICTURE_SCALE,
            "description": picture.alternative,
        },
    )
    return row + PICTURE_ROWS + 1


def _write_figures(
    book: Book, names: tuple[str, str], figures: Sequence[Figure], name_width: float
) -> None:
    widths = (CODE, name_width, *[NUMBER] * len(FIGURE_COLUMNS), STATUS)
    sheet = book.sheet(*names, widths)
    headings = (
        gettext("Mã"),
        gettext("Tên"),
        *(gettext(heading) for heading, *_rest in FIGURE_COLUMNS),
        gettext("Đánh giá"),
    )
    _write_headings(book, sheet, headings, widths)
    sheet.freeze_panes(3, 2)
    for row, one in enumerate(figures, 3):
        is_total = row == 3  # noqa: PLR2004 - the whole province stands on top
        sheet.write_string(row, 0, "" if is_total else one.key, book.cell[is_total])
        sheet.write_string(row, 1, one.label, book.cell[is_total])
        sheet.set_row(row, _height((one.label, name_width)))
        for column, (_heading, field, kind) in enumerate(FIGURE_COLUMNS, 2):
            shown = not one.is_suppressed or field in ALWAYS_SHOWN
            value = getattr(one, field) if shown and _has_meaning(one, field) else None
            _write_number(book, sheet, (row, column), value, kind, is_total=is_total)
        sheet.write_string(row, len(headings) - 1, phrases.status(one), book.cell[is_total])
    last = len(figures) + 2
    sheet.autofilter(2, 0, last, len(headings) - 1)
    if any(one.is_suppressed for one in figures):
        _write_across(book, sheet, last + 2, gettext(SUPPRESSED_NOTE), widths, "note")


def _write_factors(book: Book, factors: Sequence[Figure]) -> None:
    """The factors of the full questionnaire, for the whole province."""
    columns = [column for column in FIGURE_COLUMNS if column[1] in FACTOR_FIELDS]
    widths = (NAME, *[NUMBER + 3] * len(columns))
    sheet = book.sheet(
        gettext("Yếu tố"), gettext("Các yếu tố cấu thành (phiếu đầy đủ, toàn tỉnh)"), widths
    )
    _write_headings(
        book, sheet, (gettext("Yếu tố"), *(gettext(heading) for heading, *_rest in columns)), widths
    )
    for row, one in enumerate(factors, 3):
        sheet.write_string(row, 0, one.label, book.cell[False])
        for column, (_heading, field, kind) in enumerate(columns, 1):
            value = (
                None if one.is_suppressed or not _has_meaning(one, field) else getattr(one, field)
            )
            _write_number(book, sheet, (row, column), value, kind)
    if any(one.is_suppressed for one in factors):
        _write_across(book, sheet, len(factors) + 4, gettext(SUPPRESSED_NOTE), widths, "note")


def _write_headings(
    book: Book, sheet: Sheet, headings: Sequence[str], widths: Sequence[float]
) -> None:
    """The third row: headings, repeated on every printed page."""
    for column, heading in enumerate(headings):
        sheet.write_string(2, column, heading, book.head)
    sheet.set_row(2, _height(*zip(headings, widths, strict=True), letters=BOLD_LETTERS))
    sheet.repeat_rows(2)


def _has_meaning(one: Figure, field: str) -> bool:
    """False for the limits of an index without ratings."""
    return one.index is not None or field not in {"low", "high"}


def _write_number(
    book: Book,
    sheet: Sheet,
    place: Place,
    value: float | None,
    kind: str,
    *,
    is_total: bool = False,
) -> None:
    if value is None:
        sheet.write_string(*place, NONE, book.missing[is_total])
    else:
        sheet.write_number(*place, value, book.numbers[is_total, kind])


def _write_sections(book: Book, name: str, sections: Sequence[Section]) -> None:
    sheet = book.sheet(name, name, SUBJECT)
    sheet.repeat_rows(0)
    row = 2
    for section in sections:
        if section.title != name:
            sheet.write_string(row, 0, section.title, book.section)
        for text in section.paragraphs:
            row += 1
            _write_across(book, sheet, row, text, SUBJECT)
        row = _write_points(book, sheet, row, section.points, SUBJECT) + 2
        if section.picture:
            row = _insert(sheet, row, section.picture, book) + 1
        for table in section.tables:
            row = _write_table(book, sheet, row, table) + 2


def _write_table(book: Book, sheet: Sheet, row: int, table: Table) -> int:
    """Write a table below `row`, without its column of numbers; returns the last row used."""
    first = 1 if table.columns[0].title == "TT" else 0
    columns = table.columns[first:]
    sheet.write_string(row, 0, table.title, book.caption)
    row += 1
    headings = [column.title for column in columns]
    for column, heading in enumerate(headings):
        sheet.write_string(row, column, heading, book.head)
    sheet.set_row(row, _height(*zip(headings, SUBJECT, strict=False), letters=BOLD_LETTERS))
    for place, cells in enumerate(table.rows):
        row += 1
        is_total = place < table.strong
        shown = cells[first:]
        for column, cell in enumerate(shown):
            if cell.value is None or cell.kind is Kind.TEXT:
                is_number = columns[column].kind in NUMBERS
                look = book.missing if is_number else book.cell
                sheet.write_string(row, column, cell.text, look[is_total])
            else:
                at = (row, column)
                _write_number(book, sheet, at, cell.value, cell.kind, is_total=is_total)
        sheet.set_row(row, _height(*zip((cell.text for cell in shown), SUBJECT, strict=False)))
    for note in table.notes:
        row += 1
        _write_across(book, sheet, row, note, SUBJECT, "note")
    return row
