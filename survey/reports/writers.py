"""Render one report in every requested format; imports the libraries of charts and documents."""

from collections.abc import Iterator, Sequence

from survey.catalogues import SOURCE, speaking
from survey.reports import docx, html, pdf, xlsx
from survey.reports.document import Document
from survey.reports.figures import Report
from survey.reports.sections import compose


def render(report: Report, formats: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Format and content, in the requested order; formats are those of survey.reports.build."""
    with speaking(SOURCE):
        document = compose(report)
        page = html.render(document)
    for name in formats:
        yield name, _content(name, report, document, page)


def _content(name: str, report: Report, document: Document, page: str) -> bytes:
    """One file; official documents are in Vietnamese, whatever the user's language."""
    with speaking(SOURCE):
        if name == "html":
            return page.encode()
        if name == "pdf":
            return pdf.render(page)
        if name == "docx":
            return docx.render(document, report.origin.made_at)
        return xlsx.render(report, document)
