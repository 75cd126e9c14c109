"""Tables of the Word file: widths in cell and grid, repeated headings, rows that never split."""

from collections.abc import Sequence
from typing import Any

from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from survey.reports.document import NUMBERS, Table, Tile
from survey.reports.phrases import SIGNS

# An element of python-docx, whose types do not cover what is used here.
WordPart = Any
CENTRE = WD_ALIGN_PARAGRAPH.CENTER
JUSTIFIED = WD_ALIGN_PARAGRAPH.JUSTIFY
LEFT = WD_ALIGN_PARAGRAPH.LEFT
RIGHT = WD_ALIGN_PARAGRAPH.RIGHT
SIZE = 10
# So many first rows stay on one page with the heading, and so many last rows with the end.
TOGETHER = 3
SIGN_FONT = "Segoe UI Symbol"
SIGN_COLOURS = {"met": RGBColor(0x1F, 0x5F, 0xA8), "not_met": RGBColor(0xA8, 0x44, 0x0A)}


def write(
    paragraph: WordPart,
    text: str,
    size: float,
    align: WD_ALIGN_PARAGRAPH | None = None,
    *,
    bold: bool = False,
    italic: bool = False,
) -> WordPart:
    """Add text to a paragraph and return the paragraph; size in points."""
    for part in SIGNS.split(text):
        run = paragraph.add_run(part)
        run.font.size = Pt(size)
        run.bold, run.italic = bold, italic
        if SIGNS.fullmatch(part):
            _set_sign_font(run)
    _set_mark_size(paragraph, size)
    if align is not None:
        paragraph.alignment = align
    return paragraph


def _set_mark_size(paragraph: WordPart, size: float) -> None:
    """Set the paragraph mark's size, which sizes a list number and the height of an empty cell."""
    properties = paragraph._p.get_or_add_pPr()  # noqa: SLF001 - the library has no mark
    if properties.find(qn("w:rPr")) is None:
        mark, height = OxmlElement("w:rPr"), OxmlElement("w:sz")
        height.set(qn("w:val"), str(round(2 * size)))  # half points
        mark.append(height)
        properties.append(mark)


def _set_sign_font(run: WordPart) -> None:
    run.bold, run.font.name = False, SIGN_FONT
    fonts = run._r.get_or_add_rPr().get_or_add_rFonts()  # noqa: SLF001
    for script in ("eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), SIGN_FONT)


def _fix_widths(table: WordPart, widths: Sequence[int]) -> None:
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = Mm(width)


def _border(properties: WordPart, name: str, sides: dict[str, str | None]) -> None:
    borders = OxmlElement(name)
    for side, size in sides.items():
        line = OxmlElement(f"w:{side}")
        line.set(qn("w:val"), "single" if size else "nil")
        if size:
            line.set(qn("w:sz"), size)
            line.set(qn("w:space"), "1")
            line.set(qn("w:color"), "000000")
        borders.append(line)
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:outlineLvl", "w:rPr"
    )


def add_tiles(word: WordPart, tiles: Sequence[Tile], width: int) -> None:
    """The four figures of the first page side by side."""
    table = word.add_table(rows=1, cols=len(tiles), style="Table Grid")
    _fix_widths(table, [width // len(tiles)] * len(tiles))
    for cell, tile in zip(table.rows[0].cells, tiles, strict=True):
        write(cell.paragraphs[0], tile.label, 10.5, bold=True)
        value = write(cell.add_paragraph(), tile.value, 18, bold=True)
        if tile.status:
            write(value, f" {tile.status}", 10, bold=True)
            for run in value.runs[1:]:
                run.font.color.rgb = SIGN_COLOURS.get(tile.sign, RGBColor(0, 0, 0))
        for line in (tile.detail, *tile.lines):
            write(cell.add_paragraph(), line, 9.5)
        _tighten(cell)


def add_table(word: WordPart, table: Table) -> None:
    """A captioned table with its notes below."""
    caption = write(word.add_paragraph(), table.title, 11.5, bold=True)
    caption.paragraph_format.keep_with_next = True
    caption.paragraph_format.space_before = Pt(6)
    caption.paragraph_format.space_after = Pt(2)
    grid = word.add_table(rows=1 + len(table.rows), cols=len(table.columns), style="Table Grid")
    last = len(table.rows)
    kept = {*range(TOGETHER), *range(last - TOGETHER + 1, last)} | (
        {last} if table.notes else set()
    )
    _fix_widths(grid, [column.width for column in table.columns])
    for place, row in enumerate(grid.rows):
        _keep_whole(row, is_heading=place == 0)
        for number, cell in enumerate(row.cells):
            column = table.columns[number]
            if place == 0:
                write(cell.paragraphs[0], column.title, 10, CENTRE, bold=True)
                cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
            else:
                align = RIGHT if column.kind in NUMBERS else LEFT
                text = table.rows[place - 1][number].text
                write(cell.paragraphs[0], text, SIZE, align, bold=place <= table.strong)
            _tighten(cell)
            cell.paragraphs[0].paragraph_format.keep_with_next = place in kept
    for note in table.notes:
        below = write(word.add_paragraph(), note, 10.5, JUSTIFIED, italic=True)
        below.paragraph_format.space_before = Pt(2)


def _keep_whole(row: WordPart, *, is_heading: bool) -> None:
    properties = row._tr.get_or_add_trPr()  # noqa: SLF001 - the library has neither of the two
    properties.append(OxmlElement("w:cantSplit"))
    if is_heading:
        properties.append(OxmlElement("w:tblHeader"))


def _tighten(cell: WordPart) -> None:
    for paragraph in cell.paragraphs:
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.paragraph_format.line_spacing = 1.0
    properties = cell._tc.get_or_add_tcPr()  # noqa: SLF001
    margins = OxmlElement("w:tcMar")
    for side, room in (("top", "23"), ("start", "57"), ("bottom", "23"), ("end", "57")):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), room)  # twentieths of a point: 57 are one millimetre
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    properties.append(margins)
    _vertical_last(properties)


def _vertical_last(properties: WordPart) -> None:
    """Move the vertical alignment after the margins: the format fixes the order of elements."""
    vertical = properties.find(qn("w:vAlign"))
    if vertical is not None:
        properties.append(vertical)
