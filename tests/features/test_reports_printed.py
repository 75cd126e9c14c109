"""The printed monthly report: form of Decree 30/2020, page numbers, signature, sheets."""

import re
import shutil
import subprocess

import docx
import openpyxl
import pytest
from pypdf import PdfReader

from tests import ballots
from tests.clocks import PATIENCE
from tests.features.test_reports import sheet


def test_the_pdf_is_tagged_and_brings_its_fonts(built):
    """The PDF is tagged with structure, language and the chart's text, and embeds all fonts."""
    reader = PdfReader(built["pdf"])
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "vi"
    assert "pdfuaid" in root["/Metadata"].get_data().decode()
    used = [
        font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()
    ]
    assert used
    for font in used:
        described = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile2" in described or "/FontFile3" in described
    assert "Biểu đồ chỉ số theo lĩnh vực" in built["html"].read_text("utf-8")


def test_word_follows_decree_30(built):
    """Word has A4, Times New Roman, the national title unbroken in 103 mm, and page numbers from
    page 2.
    """
    word = docx.Document(built["docx"])
    section = word.sections[0]
    page = (section.page_width, section.page_height, section.left_margin, section.right_margin)
    assert [round(length.mm) for length in page] == [210, 297, 30, 15]
    assert section.different_first_page_header_footer
    assert "PAGE" in _xml(section.header)
    assert "PAGE" not in _xml(section.first_page_header)
    heading = word.tables[0]
    assert heading.columns[1].width == heading.rows[0].cells[1].width
    assert round(heading.columns[1].width.mm) == 103
    lines = [one.text for one in heading.rows[0].cells[1].paragraphs]
    assert lines[:2] == ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"]
    assert re.fullmatch(r"Khánh Hòa, ngày\s+tháng\s+năm 2026", lines[-1])
    assert word.styles["Normal"].font.name == "Times New Roman"
    assert "descr=" in word.element.xml


def test_the_annex_is_a_part_of_its_own(built):
    """The annex counts its pages anew without a number on the first, and names its report."""
    word = docx.Document(built["docx"])
    body, annex = word.sections
    assert annex.different_first_page_header_footer
    assert 'w:pgNumType w:start="1"' in annex._sectPr.xml  # noqa: SLF001 - nothing shows it
    assert "pgNumType" not in body._sectPr.xml  # noqa: SLF001
    texts = [one.text for one in word.paragraphs]
    title = texts.index("KẾT QUẢ THEO THỦ TỤC HÀNH CHÍNH")
    assert texts[title - 1] == "Phụ lục"
    assert re.fullmatch(r"\(Kèm theo Báo cáo số\s+/BC-SNV ngày.* của Sở Nội vụ\)", texts[title + 1])
    read = [page.extract_text(extraction_mode="layout") for page in PdfReader(built["pdf"]).pages]
    pages = [text.strip() for text in read]
    first = next(n for n, text in enumerate(pages) if text.startswith("Phụ lục"))
    assert pages[first - 1].startswith(str(first))
    assert all(text.startswith(str(n)) for n, text in enumerate(pages[first + 1 :], start=2))


def test_excel_prints_on_pages_with_their_headings(built):
    """Every sheet fits the width of A4, repeats its headings and says that it is a draft, and the
    five factors are there too.
    """
    book = openpyxl.load_workbook(built["xlsx"])
    for one in book.worksheets:
        assert str(one.page_setup.paperSize) == one.PAPERSIZE_A4
        assert one.sheet_properties.pageSetUpPr.fitToPage
        assert one.print_title_rows or one.title == "Tóm tắt"
        assert "DỰ THẢO" in one.oddFooter.left.text
    assert len(sheet(built["xlsx"], "Yếu tố")[3:]) == len(ballots.FACTORS)


def _xml(part):
    return part._element.xml  # noqa: SLF001 - the library shows no fields


def _plain_letters(words):
    """Letters without diacritics: where a font lacks an accented letter, it is extracted at another
    place.
    """
    return "".join(re.findall("[A-Za-z]", words))


def test_the_signature_stands_below_text(built):
    """The page of the signature has the end of the text above it, and the signer beside the
    recipients.
    """
    pages = [page.extract_text(extraction_mode="layout") for page in PdfReader(built["pdf"]).pages]
    (signed,) = [page for page in pages if "Nơi nhận:" in page]
    assert "hồ sơ./." in signed.split("Nơi nhận:")[0]
    lines = signed.splitlines()
    rows = [n for n, line in enumerate(lines) if "Nơi nhận:" in line or "GIÁM ĐỐC" in line]
    assert max(rows) - min(rows) <= 1
    word = docx.Document(built["docx"]).paragraphs
    place = next(n for n, one in enumerate(word) if one.text.startswith("Bảo vệ người dân"))
    kept = [one.paragraph_format.keep_with_next for one in word[place : place + 2]]
    assert kept == [True, True]


def test_word_opens_in_libreoffice(built, tmp_path):
    """LibreOffice opens the Word file and shows the national title on one line."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed")
    subprocess.run(
        [program, f"-env:UserInstallation={(tmp_path / 'home').as_uri()}", "--headless",
         "--convert-to", "pdf", "--outdir", tmp_path, built["docx"]],
        check=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    pages = PdfReader(tmp_path / f"{built['docx'].stem}.pdf").pages
    first = pages[0].extract_text()
    lines = [_plain_letters(line) for line in first.splitlines()]
    assert _plain_letters("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM") in lines
    assert _plain_letters("Những nội dung cần chỉ đạo") in "".join(lines)
    assert pages[1].extract_text().strip().startswith("2")
