"""The report as one HTML page with inline styles and charts as data URIs; also printed to PDF."""

import base64
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from survey.catalogues import SOURCE, catalogue
from survey.reports.document import NUMBERS, Document, Picture
from survey.reports.phrases import SIGNS
from survey.settings import ROOT

FOLDER = ROOT / "templates" / "reports"
# Text width in millimetres on A4 with the margins of Decree 30/2020.
TEXT_WIDTH = 165


def render(document: Document) -> str:
    """The HTML page of a report, without external resources."""
    template = _environment().get_template("report.html")
    return template.render(report=document, right=NUMBERS, css=stylesheet(document))


def stylesheet(document: Document) -> str:
    """The inline styles, so that a strict Content Security Policy can allow them by hash."""
    tables = [table for part in (*document.sections, document.annex) for table in part.tables]
    widths = sorted({column.width for table in tables for column in table.columns})
    columns = "".join(f".w{width} {{ width: {width / TEXT_WIDTH:.2%} }}\n" for width in widths)
    return (FOLDER / "report.css").read_text(encoding="utf-8") + columns


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(catalogue(SOURCE), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["signs"] = _mark_signs
    environment.filters["embedded"] = _embedded
    return environment


def _embedded(picture: Picture) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.svg).decode()}"


def _mark_signs(text: str) -> Markup:
    """Escape a text, and mark status symbols for a font that has them at full size."""
    return Markup(SIGNS.sub(r'<span class="sign">\1</span>', str(escape(text))))  # noqa: S704
