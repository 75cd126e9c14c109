"""The letterhead: a Word template that the province edits, checked and filled with docxtpl.

A text in double braces is a placeholder. The template must have every placeholder listed here, and
`noi_dung` in a paragraph of its own, which the body of the report replaces.
"""

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import docx as python_docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from survey.catalogues import gettext
from survey.errors import Invalid
from survey.reports.document import Document, Letterhead

# An element of python-docx, whose types do not cover what is used here.
WordPart = Any
BODY = "noi_dung"
PLACEHOLDERS = frozenset(
    {
        *("co_quan_chu_quan", "co_quan_ban_hanh", "so_ky_hieu", "dia_danh", "ngay_thang"),
        *("dau_du_thao", "ten_van_ban", "trich_yeu", "nguon_so_lieu", "chuc_vu_nguoi_ky"),
        BODY,
    }
)
# Styles used for the body.
STYLES = ("Heading 1", "Heading 2", "List Bullet", "List Number", "Table Grid")
# Exceptions of the libraries for a file that is no Word document, or has wrong parts; SyntaxError
# is of its XML.
UNREADABLE = (
    *(BadZipFile, PackageNotFoundError, zlib.error, OSError),
    *(AttributeError, LookupError, SyntaxError, ValueError),
)
# Space for what the office writes by hand.
BLANK = "\u2003\u2003"
# Marks the body's place while the other placeholders are filled.
PLACE_OF_BODY = "\N{LEFT BLACK LENTICULAR BRACKET}noi_dung\N{RIGHT BLACK LENTICULAR BRACKET}"


def check(template: Path) -> None:
    """Raise Invalid `letterhead_unreadable` or `letterhead_broken` for an unusable template."""
    with _refusals(template):
        _place(_filled(template, {name: name for name in PLACEHOLDERS}), template)


def letter_of(report: Document) -> WordPart:
    """The Word document of a report with its letterhead filled; errors as in `check`.

    The body is still to be written in the place that `take_place` gives.
    """
    head = report.letterhead
    values = {
        "co_quan_chu_quan": head.parent.upper(),
        "co_quan_ban_hanh": head.office.upper(),
        "so_ky_hieu": number(head),
        "dia_danh": report.province,
        "ngay_thang": day(report.year),
        "dau_du_thao": report.mark,
        "ten_van_ban": report.title,
        "trich_yeu": report.subtitle,
        "nguon_so_lieu": report.basis,
        "chuc_vu_nguoi_ky": head.signer.upper(),
    }
    with _refusals(head.template):
        return _filled(head.template, values)


def number(head: Letterhead) -> str:
    """The document's number, blank, and its symbol."""
    return f"{BLANK}{BLANK}/{head.symbol}"


def day(year: int) -> str:
    """The date of signing, blank except for the year."""
    return gettext("ngày%(blank)stháng%(blank)snăm %(year)s", blank=BLANK, year=year)


def take_place(word: WordPart, template: Path) -> list[WordPart]:
    """Cut the document off where its body begins; return the elements after it for `put_back`.

    Errors as in `check`.
    """
    body = word.element.body
    with _refusals(template):
        place = _place(word, template)
    following = [one for one in place.itersiblings() if one is not body.sectPr]
    for one in (place, *following):
        body.remove(one)
    return following


def put_back(word: WordPart, following: list[WordPart]) -> None:
    """Append the elements that follow the body."""
    for one in following:
        word.element.body.sectPr.addprevious(one)


@contextmanager
def _refusals(template: Path) -> Iterator[None]:
    """Convert exceptions of the libraries to the errors of `check`."""
    try:
        yield
    except TemplateError as error:
        raise _broken(template, gettext("dấu ngoặc sai chỗ (%(error)s)", error=error)) from error
    except UNREADABLE as error:
        raise Invalid("letterhead_unreadable", str(template)) from error


def _filled(template: Path, values: Mapping[str, str]) -> WordPart:
    """The template with its placeholders filled, except the body's."""
    opened = DocxTemplate(template)
    rules = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    _check_names(template, opened.get_undeclared_template_variables(rules))
    opened.render({**values, BODY: PLACE_OF_BODY}, rules)
    held = io.BytesIO()
    opened.save(held)
    word = python_docx.Document(held)
    printed = _text(word)
    if lost := {name for name, value in values.items() if value not in printed}:
        raise _broken(template, gettext("không in %(listed)s", listed=_listed(lost)))
    return word


def _text(word: WordPart) -> str:
    """The text of the body, and of header and footer of the first section."""
    edges = word.sections[0]
    parts = [edges.header, edges.first_page_header, edges.footer, edges.first_page_footer]
    own = [part for part in parts if not part.is_linked_to_previous]
    elements = [part._element for part in (*own, word)]  # noqa: SLF001 - the library has no text
    return "".join(text.text or "" for one in elements for text in one.iter(qn("w:t")))


def _check_names(template: Path, found: set[str]) -> None:
    if missing := PLACEHOLDERS - found:
        raise _broken(template, gettext("thiếu %(listed)s", listed=_listed(missing)))
    if unknown := found - PLACEHOLDERS:
        raise _broken(template, gettext("không biết %(listed)s", listed=_listed(unknown)))


def _place(word: WordPart, template: Path) -> WordPart:
    """The paragraph that the body replaces; raises `letterhead_broken` if the body does not fit."""
    names = {style.name for style in word.styles}
    if missing := [name for name in STYLES if name not in names]:
        raise _broken(template, gettext("thiếu kiểu (style) %(styles)s", styles=", ".join(missing)))
    places = [one._p for one in word.paragraphs if one.text.strip() == PLACE_OF_BODY]  # noqa: SLF001
    if len(places) != 1 or len(re.findall(PLACE_OF_BODY, word.element.xml)) != 1:
        raise _broken(
            template,
            gettext(
                "%(listed)s phải đứng một mình trong một đoạn, ngoài mọi bảng",
                listed=_listed({BODY}),
            ),
        )
    return places[0]


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"{{{{ {name} }}}}" for name in sorted(names))


def _broken(template: Path, reason: str) -> Invalid:
    return Invalid("letterhead_broken", f"{template}: {reason}")
