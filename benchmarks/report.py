"""Building a month's report in four formats, beside the same libraries writing blank pages."""

import time
from io import BytesIO
from pathlib import Path

import docx
import xlsxwriter
from weasyprint import HTML

from benchmarks.figures import Figure
from benchmarks.index import NOW, PERIOD, filled

RATINGS = 1_000_000


def measure(folder: Path) -> list[Figure]:
    """Seconds for html, pdf, docx and xlsx of a month of a million ratings."""
    app = filled(folder / "report", RATINGS)
    floor = blank_documents()
    words = ["report", "build", "--period", PERIOD, "--formats", "html,pdf,docx,xlsx"]
    started = time.perf_counter()
    result = app.test_cli_runner().invoke(
        args=[*words, "--out", str(folder / "out"), "--now", NOW, "--json"]
    )
    if result.exit_code:
        message = f"report build failed: {result.output}"
        raise RuntimeError(message) from result.exception
    seconds = time.perf_counter() - started
    return [Figure("report in four formats", "s", seconds, floor, "four blank documents")]


def blank_documents() -> float:
    """Seconds to write one empty page as PDF, one empty Word file and one empty workbook."""
    started = time.perf_counter()
    HTML(string="<p>.</p>").write_pdf(BytesIO())
    docx.Document().save(BytesIO())
    workbook = xlsxwriter.Workbook(BytesIO())
    workbook.add_worksheet()
    workbook.close()
    return time.perf_counter() - started
