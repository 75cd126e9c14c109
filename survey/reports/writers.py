"""One report in every format asked for. Loads the libraries of charts and documents."""

from collections.abc import Iterator, Sequence

from survey.reports import docx, html, pdf, xlsx
from survey.reports.compose import compose
from survey.reports.figures import Report


def render(report: Report, formats: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Format and content, in the order asked for; formats are those of survey.reports.build."""
    document = compose(report)
    page = html.render(document)
    for name in formats:
        if name == "html":
            yield name, page.encode()
        elif name == "pdf":
            yield name, pdf.render(page)
        elif name == "docx":
            yield name, docx.render(document, report.origin.made_at)
        else:
            yield name, xlsx.render(report, document)
