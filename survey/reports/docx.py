"""The report as Word file, on the province's letterhead in the form of Decree 30/2020.

Number, date and signature stay blank for the office. The same report gives the same bytes.
"""

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from docx.enum.section import WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from survey.catalogues import gettext
from survey.reports import docx_tables, letterhead
from survey.reports.document import Document, Picture, Point, Section
from survey.reports.docx_tables import CENTRE, JUSTIFIED, write

# An element of python-docx, whose types do not cover what is used here.
WordPart = Any
# Millimetres between the margins of Decree 30/2020, annex I.
TEXT_WIDTH = 165
INDENT = Mm(10)
# A word of this many letters spoils a justified line.
LONG_WORD = 40
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def render(report: Document, made_at: datetime) -> bytes:
    """The Word file of a report; `made_at` becomes its creation date."""
    word = letterhead.letter_of(report)
    _set_properties(word, report, made_at)
    following = letterhead.take_place(word, report.letterhead.template)
    _write_summary(word, report)
    for number, section in enumerate(report.sections, 1):
        _write_section(word, f"{number}. {section.title}", section)
    # A signature must not be on a page without text.
    word.paragraphs[-1].paragraph_format.keep_with_next = True
    letterhead.put_back(word, following)
    _write_annex(word, report)
    _write_footer(word, report)
    held = io.BytesIO()
    word.save(held)
    return _without_clock(held.getvalue())


def _set_properties(word: WordPart, report: Document, made_at: datetime) -> None:
    about = word.core_properties
    about.title = report.subtitle
    about.author = about.last_modified_by = gettext(
        "%(office)s tỉnh %(province)s", office=report.letterhead.office, province=report.province
    )
    about.created = about.modified = made_at.astimezone(UTC).replace(tzinfo=None)
    about.language, about.comments, about.revision = "vi-VN", "", 1


def _write_summary(word: WordPart, report: Document) -> None:
    """The first page below the title."""
    _write_body(word, report.verdict)
    docx_tables.add_tiles(word, report.tiles, TEXT_WIDTH)
    _add_picture(word, report.picture)
    _write_points(word, gettext("Những nội dung cần chỉ đạo"), report.direction, "List Number")
    if report.good:
        _write_points(word, gettext("Kết quả nổi bật"), report.good, "List Bullet")
    word.add_page_break()


def _add_picture(word: WordPart, picture: Picture) -> None:
    caption = write(word.add_paragraph(), picture.title, 11.5, bold=True)
    caption.paragraph_format.space_before = Pt(6)
    caption.paragraph_format.keep_with_next = True
    drawn = word.add_picture(io.BytesIO(picture.png), width=Mm(TEXT_WIDTH - 2))
    about = drawn._inline.docPr  # noqa: SLF001 - the library has no text alternative
    about.set("name", gettext("Biểu đồ"))
    about.set("title", picture.title)
    about.set("descr", picture.alternative)
    word.paragraphs[-1].alignment = CENTRE
    word.paragraphs[-1].paragraph_format.space_after = Pt(2)


def _write_points(word: WordPart, title: str, points: Sequence[Point], style: str) -> None:
    heading = write(word.add_paragraph(style="Heading 2"), title, 12.5, bold=True)
    heading.paragraph_format.space_before = Pt(3)
    heading.paragraph_format.space_after = Pt(1)
    for point in points:
        _write_point(word.add_paragraph(style=style), point, 11.5)


def _write_point(paragraph: WordPart, point: Point, size: float) -> None:
    longest = max(map(len, f"{point.lead} {point.text}".split()))
    align = JUSTIFIED if longest < LONG_WORD else WD_ALIGN_PARAGRAPH.LEFT
    write(paragraph, f"{point.lead} ", size, align, bold=True)
    write(paragraph, point.text, size, align)
    paragraph.paragraph_format.space_after = Pt(1.5)
    paragraph.paragraph_format.line_spacing = 1.0


def _write_body(word: WordPart, text: str) -> WordPart:
    """A body paragraph: first line indented, six points after it."""
    paragraph = write(word.add_paragraph(), text, 13, JUSTIFIED)
    paragraph.paragraph_format.first_line_indent = INDENT
    paragraph.paragraph_format.space_after = Pt(6)
    return paragraph


def _write_section(word: WordPart, title: str, section: Section) -> None:
    write(word.add_paragraph(style="Heading 1"), title, 13.5, bold=True)
    for text in section.paragraphs:
        leads_to_a_table = bool(section.tables) and not section.points
        _write_body(word, text).paragraph_format.keep_with_next = leads_to_a_table
    _write_content(word, section)


def _write_content(word: WordPart, section: Section) -> None:
    for point in section.points:
        _write_point(word.add_paragraph(style="List Bullet"), point, 13)
    if section.picture:
        _add_picture(word, section.picture)
    for table in section.tables:
        docx_tables.add_table(word, table)


def _write_annex(word: WordPart, report: Document) -> None:
    """The annex, beginning on a new page, numbered from 1, without a number on its first page."""
    section = word.add_section(WD_SECTION.NEW_PAGE)
    section.different_first_page_header_footer = True
    start = OxmlElement("w:pgNumType")
    start.set(qn("w:start"), "1")
    columns = section._sectPr.find(qn("w:cols"))  # noqa: SLF001 - the library cannot count anew
    columns.addprevious(start)
    heading = write(
        word.add_paragraph(style="Heading 1"), gettext("Phụ lục"), 14, CENTRE, bold=True
    )
    heading.paragraph_format.space_before = heading.paragraph_format.space_after = Pt(0)
    write(word.add_paragraph(), report.annex.title.upper(), 13.5, CENTRE, bold=True)
    head, day = report.letterhead, letterhead.day(report.year)
    led = gettext(
        "(Kèm theo Báo cáo số%(head)s %(day)s của %(office)s)",
        head=letterhead.number(head),
        day=day,
        office=head.office,
    )
    write(word.add_paragraph(), led, 13, CENTRE, italic=True)
    _write_content(word, report.annex)


def _write_footer(word: WordPart, report: Document) -> None:
    section = word.sections[0]
    for footer in (section.footer, section.first_page_footer):
        for place, line in enumerate(report.footer):
            paragraph = footer.paragraphs[0] if place == 0 else footer.add_paragraph()
            write(paragraph, line, 6.5, WD_ALIGN_PARAGRAPH.LEFT)
            paragraph.paragraph_format.space_after = Pt(0)


def _without_clock(packed: bytes) -> bytes:
    """The same archive with a fixed time for every part, so that equal reports are equal files."""
    fresh = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(fresh, "w") as new:
        for part in old.infolist():
            entry = zipfile.ZipInfo(part.filename, ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(part))
    return fresh.getvalue()
