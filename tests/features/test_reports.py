"""The monthly report in four formats, as a leader's office reads it."""

import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import docx
import openpyxl
import pytest
from docx.oxml.ns import qn
from pypdf import PdfReader
from sqlalchemy import update

from survey import indices
from survey.formats import number
from survey.models.organisation import Agency
from survey.period import Month
from survey.reports import build, gather, html, phrases
from survey.reports.sections import compose
from survey.reports.writers import render
from tests.conftest import run_command, unit_of_work
from tests.features import report_data
from tests.features.report_data import CLOSED_AT, MONTH, NOW

STAMP = NOW.isoformat()


def words_of_html(path):
    """The text of the page, without tags and styles."""
    text = re.sub(r"<style>.*?</style>", "", path.read_text("utf-8"), flags=re.DOTALL)
    return squeezed(re.sub(r"<[^>]+>", "", text.replace("&lt;", "‹")).replace("‹", "<"))


# Marks of lists, which stand after the words of a page, and its number.
END_OF_PAGE = re.compile(r"(\n(•|\d+\.) )*(\n\d+)?$")


def words_of_pdf(path):
    """The text of all pages; page footers come last, since sentences run on across pages."""
    pages = [page.extract_text().rsplit("\n", 2) for page in PdfReader(path).pages]
    _, *foot = pages[0]
    return squeezed(" ".join([*(END_OF_PAGE.sub("", body) for body, *_ in pages), *foot]))


def words_of_docx(path):
    """The text of the body, including tables."""
    body = docx.Document(path).element.body
    return squeezed(" ".join(part.text or "" for part in body.iter(qn("w:t"))))


def squeezed(text):
    """The text without blanks: line breaks differ between formats, words do not."""
    return re.sub(r"\s+", "", text)


def sheet(path, name):
    """The rows of a sheet as lists of values."""
    rows = openpyxl.load_workbook(path)[name].iter_rows(values_only=True)
    return [[value for value in row if value is not None] for row in rows]


def test_the_four_formats_hold_the_same_figures(closed, built):
    """Page, PDF and Word show equal figures of every sector and agency, and Excel holds their
    numbers.
    """
    with unit_of_work(closed) as session:
        figures = indices.suppressed_payload(session, report_data.payload(session))["figures"]
    texts = [words_of_html(built["html"]), words_of_pdf(built["pdf"]), words_of_docx(built["docx"])]
    for by, name in (("sector", "Lĩnh vực"), ("agency", "Đơn vị"), ("channel", "Kênh")):
        rows = {row[0]: row for row in sheet(built["xlsx"], name)[3:] if row}
        assert any(one["covers"] for one in figures[by])
        for one in figures[by]:
            row = rows[one["key"]]
            if one["covers"]:
                assert row[3:5] == ["–", "–"]
                continue
            assert row[2:5] == [one["finished"], one["rated"], one["satisfied"]]
            assert row[6:9] == pytest.approx([one["index"], one["low"], one["high"]])
            shown = "{} ({}–{})".format(*(phrases.percent(value) for value in row[6:9]))
            counts = f"{number(one['rated'])} / {number(one['finished'])}"
            for text in texts:
                assert squeezed(shown + counts) in re.sub(r"(\))\d,\d\d", r"\1", text)


def test_the_first_page_says_the_verdict_and_four_figures(closed, built):
    """The first page has one sentence with the verdict of the province, then index, sectors,
    response and cases with target and the month before.
    """
    first = squeezed(PdfReader(built["pdf"]).pages[0].extract_text())
    with unit_of_work(closed) as session:
        now, last = (report_data.payload(session, one) for one in (MONTH, report_data.BEFORE))
    index, before = (phrases.percent(one["figures"]["overall"][0]["index"]) for one in (now, last))
    assert index != before
    met = sum(one["verdict"] == "met" and not one["few"] for one in now["figures"]["sector"])
    assert met
    for words in (
        f"Chỉ số hài lòng toàn tỉnh tháng 10/2026 là {index}%",
        "chưa đạt mục tiêu 95%",
        f"{met}/11",
        f"Tháng 9: {before}",
        "Những nội dung cần chỉ đạo",
        "DỰ THẢO",
    ):
        assert squeezed(words) in first
    assert words_of_docx(built["docx"]).count(squeezed("Những nội dung cần chỉ đạo")) == 1


def test_a_barred_agency_is_named_with_the_rule_and_its_source(built):
    """An agency that may not be rated good is named with the wording of the rule and its source."""
    for read, name in ((words_of_html, "html"), (words_of_pdf, "pdf"), (words_of_docx, "docx")):
        text = read(built[name])
        assert squeezed("“có từ 5% hồ sơ trễ hạn trở lên” (Kết luận năm 2022 của Ban") in text
        assert squeezed("Mức đến năm 2025 vẫn phải giữ") in text
        assert squeezed("mục tiêu mặc định để tham khảo, không phải chỉ tiêu được giao") in text
    method = " ".join(str(cell) for row in sheet(built["xlsx"], "Phương pháp") for cell in row)
    assert "mục tiêu mặc định để tham khảo, không phải chỉ tiêu được giao" in method


def test_who_is_farthest_beyond_a_bar_is_named_first(closed):
    """The first page names the two agencies farthest beyond a threshold, each once with all its
    rules.
    """
    month = Month("2026-02")
    with unit_of_work(closed) as session:
        for agency, late in (("LOC-KH-SXD", 6), ("LOC-KH-SYT", 41), ("LOC-KH-STP", 10)):
            for lateness, finished in (("on_time", 100 - late), ("late", late)):
                count = {"finished": finished, "ratings": [], "lateness": lateness}
                report_data.count(session, month, agency, **count)
        report_data.close(session, month, NOW)
        report = gather.gather(session, month, NOW)
    assert [one.value for one in report.rules] == [0.41, 0.1, 0.06]
    both = [*report.rules, replace(report.rules[0], rule="index_not_good", value=0.6)]
    first = compose(replace(report, rules=tuple(both))).direction
    (said,) = [one.text for one in first if "(tỷ lệ hồ sơ trễ hạn" in one.text]
    assert "(tỷ lệ hồ sơ trễ hạn 41,0%, chỉ số hài lòng 60,0%); " in said
    assert "(tỷ lệ hồ sơ trễ hạn 10,0%); và 1 đơn vị khác tại mục 4." in said


def test_fewer_than_five_ratings_are_never_printed(closed, built):
    """A sector and an agency with three or four ratings show a dash in all four formats."""
    with unit_of_work(closed) as session:
        report = gather.gather(session, MONTH, NOW)
    few = [one for one in (*report.sectors, *report.agencies) if 0 < one.rated < 5]
    assert len(few) >= 2
    assert "khônghiệnđểbảovệngườidân" in words_of_html(built["html"])
    rows = {
        row[0]: row
        for row in sheet(built["xlsx"], "Lĩnh vực")[3:] + sheet(built["xlsx"], "Đơn vị")[3:]
        if row
    }
    for one in few:
        assert phrases.interval(one) == "–"
        assert squeezed(f"{one.label}––– / {one.finished}–") in words_of_docx(built["docx"])
        assert rows[one.key][2:-3] == [one.finished, *["–"] * 11]


def test_the_same_report_gives_the_same_bytes(closed):
    """Page, Word and Excel built twice are equal files."""
    with unit_of_work(closed) as session:
        report = gather.gather(session, MONTH, NOW)
    formats = ("html", "docx", "xlsx")
    assert dict(render(report, formats)) == dict(render(report, formats))


def test_excel_holds_no_formula_whatever_a_name_begins_with(sqlite_app, tmp_path):
    """An agency whose name looks like a formula is text in Excel, and plain text on the page."""
    name = '=HYPERLINK("http://x","<b>x</b>")'
    with unit_of_work(sqlite_app) as session:
        session.execute(update(Agency).where(Agency.code == "LOC-KH-SXD").values(name=name))
        report_data.close_small(session)
        files = build.build(session, MONTH, ("xlsx", "html"), tmp_path, NOW).files
    cells = [cell for row in openpyxl.load_workbook(files[0])["Đơn vị"].iter_rows() for cell in row]
    assert [cell.data_type for cell in cells if cell.value == name] == ["s"]
    assert not any(cell.data_type == "f" for cell in cells)
    assert "<b>x</b>" not in files[1].read_text("utf-8")
    names = [item["name"] for item in _parts(files[0])]
    assert names == [
        "Tóm tắt", "Lĩnh vực", "Đơn vị", "Kênh", "Thủ tục", "Yếu tố", "Phản ánh",
        "Bao phủ, trễ hạn", "Phân tích", "Phương pháp",
    ]  # fmt: skip


def _parts(path):
    with zipfile.ZipFile(path) as archive:
        text = archive.read("xl/workbook.xml").decode()
    return [match.groupdict() for match in re.finditer(r'<sheet name="(?P<name>[^"]+)"', text)]


def test_an_open_month_gives_a_draft_without_verdict(runner, transact, tmp_path):
    """Without a snapshot every format says "tạm tính" and has no verdict."""
    with transact() as session:
        report_data.count(session, MONTH, "LOC-KH-W22366", finished=90, ratings=[5] * 30 + [2] * 9)
    made = runner(
        "report", "build", "--period", MONTH, "--formats", "html,docx,xlsx", "--out", tmp_path,
        "--now", "2026-11-10T08:00", "--json",
    )  # fmt: skip
    assert (made.code, made.json["snapshot"], made.json["digest"]) == (0, None, None)
    page, word, excel = (Path(name) for name in made.json["files"])
    assert page.is_absolute()
    for text in (words_of_html(page), words_of_docx(word)):
        assert "TẠMTÍNH" in text
        assert "15/11/2026" in text
        assert "◌Tạmtính" in text
        assert "▼Chưađạt" not in text.replace("▼Chưađạt:", "")
    assert sheet(excel, "Lĩnh vực")[4][-1] == "◌ Tạm tính"


def test_a_closed_month_shows_its_snapshot_whatever_comes_later(runner, transact, tmp_path):
    """A report shows snapshot and digest of the closing, and later answers change no figure."""
    with transact() as session:
        for agency, late in (("LOC-KH-W22366", "on_time"), ("LOC-KH-SXD", "late")):
            ratings = [5] * 35 + [3] * 5
            report_data.count(session, MONTH, agency, finished=80, ratings=ratings, lateness=late)
    closed = runner("index", "close", "--period", MONTH, "--now", STAMP, "--json").json

    def figures(name):
        made = runner(
            "report", "build", "--period", MONTH, "--formats", "html,xlsx", "--out",
            tmp_path / name, "--now", STAMP, "--json",
        )  # fmt: skip
        assert (made.json["snapshot"], made.json["digest"]) == (
            closed["snapshot"],
            closed["digest"],
        )
        page, excel = (Path(path) for path in made.json["files"])
        return words_of_html(page), sheet(excel, "Đơn vị")

    first = figures("a")
    assert squeezed("Sở Xây dựng 80 80 100,0") in first[0]
    assert closed["digest"] in first[0]
    with transact() as session:
        report_data.count(session, MONTH, "LOC-KH-W22366", finished=9, ratings=[1] * 9)
    assert figures("b") == first


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--period", "2027-01"), "Kỳ 2027-01 chưa đến"),
        (("--period", "2025-01"), "không có hồ sơ nào hoàn thành"),
        (("--period", "thang 10"), "không phải kỳ hợp lệ"),
        (("--period", MONTH, "--formats", "html,rtf"), "Không có dạng tệp rtf"),
        (("--period", MONTH, "--formats", ","), "Không có dạng tệp"),
        (("--period", MONTH, "--out", "/dev/null/x"), "Không ghi được tệp"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_sentence(closed, tmp_path, words, sentence):
    """Future, empty or misspelt months, unknown formats and unwritable folders give exit code 2 and
    no file.
    """
    given = words if "--out" in words else (*words, "--out", tmp_path / "out")
    made = run_command(closed, "report", "build", *given, "--now", STAMP, "--json")
    assert made.code == 2
    assert sentence in made.err
    assert made.out == ""
    assert not (tmp_path / "out").exists()


def test_a_damaged_snapshot_is_refused(closed, tmp_path):
    """Figures that do not match their digest are never printed."""
    with unit_of_work(closed) as session:
        report_data.close_small(session, Month("2026-07"), NOW).digest = "0" * 64
    words = ("--period", "2026-07", "--out", tmp_path, "--now", STAMP)
    made = run_command(closed, "report", "build", *words)
    assert made.code == 2
    assert not list(tmp_path.glob("bao-cao*"))


def test_without_pango_only_pdf_is_missing(sqlite_environment, tmp_path):
    """Without the Pango library the command says what to install and still writes the other
    formats.
    """
    (tmp_path / "weasyprint.py").write_text("raise OSError('libpango-1.0-0: cannot open')")
    environment = {**sqlite_environment, "PYTHONPATH": str(tmp_path)}

    def run(*words):
        command = [sys.executable, "-m", "flask", "--app", "survey", "report", "build"]
        given = ["--period", MONTH, "--out", tmp_path / "out", "--now", STAMP, "--json", *words]
        return subprocess.run(
            [*command, *given], env=environment, capture_output=True, text=True, check=False
        )

    refused = run("--formats", "html,pdf")
    assert refused.returncode == 2
    assert "libpango-1.0-0" in refused.stderr
    assert "không có hồ sơ nào hoàn thành" in run("--formats", "html,docx,xlsx").stderr


def test_the_page_needs_nothing_beside_itself(built):
    """The page is one HTML file that loads no address, with styles only where a content security
    policy can name them.
    """
    page = built["html"].read_text("utf-8")
    loaded = re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?([^"\')>]{0,20})', page)
    assert all(one.startswith("data:image/svg+xml") for one in loaded)
    assert "<script" not in page
    assert not re.search(r"<[^>]+ style=", page)


def test_corrections_up_to_the_closing_are_listed(transact):
    """Changes of already counted dossiers are listed by field, later ones are not."""
    from_month = CLOSED_AT - timedelta(days=1)
    with transact() as session:
        report_data.close_small(session)
        report_data.change_after_finish(session, MONTH, "due_at", from_month, dossiers=3)
        report_data.change_after_finish(session, MONTH, "channel", NOW, dossiers=1)
        report = gather.gather(session, MONTH, NOW)
    assert [(one.field, one.dossiers) for one in report.corrections] == [("due_at", 3)]
    page = html.render(compose(report))
    assert "Ngày hẹn trả" in page
