"""Forms come in by one door, and what people read goes through the catalogues."""

import ast
import re

from tests.house.source import ROOT, place, python_files, tree

TEMPLATES = ROOT / "templates"
VIETNAMESE = re.compile("[\u00c0-\u1ef9]")
# Names that are the same in every language.
NAMES = ("Lắng Nghe", "Tiếng Việt")
# The one reader of forms; providers' webhooks are none.
DOORS = ("survey/web/forms.py", "survey/web/webhooks.py")
# Files whose texts are not all in the catalogues yet; one that is done leaves this list.
NOT_YET = {
    "survey/web/staff/cases.py",
    "templates/demo/doors.html",
    "templates/demo/phone.html",
    "templates/reports/report.html",
    "templates/staff/alerts/list.html",
    "templates/staff/alerts/watch.html",
    "templates/staff/analysis/integrity.html",
    "templates/staff/analysis/pair.html",
    "templates/staff/analysis/show.html",
    "templates/staff/cards/list.html",
    "templates/staff/cards/show.html",
    "templates/staff/cases/case.html",
    "templates/staff/cases/filed_away.html",
    "templates/staff/cases/parts.html",
    "templates/staff/cases/queue.html",
    "templates/staff/dashboard.html",
    "templates/staff/intake/file.html",
    "templates/staff/messages/costs.html",
    "templates/staff/messages/delivery.html",
    "templates/staff/messages/show.html",
    "templates/staff/reports/list.html",
}


def _nodes(kind):
    for path in python_files("survey/web"):
        for node in ast.walk(tree(path)):
            if isinstance(node, kind):
                yield path, node


def test_only_forms_read_what_a_browser_sent():
    """No page takes a field from the request by hand: forms do, and webhooks, which are none."""
    by_hand = [
        place(path, node)
        for path, node in _nodes(ast.Attribute)
        if node.attr in {"form", "values", "files"} and ast.unparse(node.value) == "request"
    ]
    assert [name for name in by_hand if not name.startswith(DOORS)] == []


def test_a_text_that_waits_for_its_language_holds_no_value():
    """A lazy text passes templates unescaped, so it is a constant; with values it is `gettext`."""
    filled = [
        place(path, node)
        for path, node in _nodes(ast.Call)
        if ast.unparse(node.func) in {"_", "lazy_gettext"} and node.keywords
    ]
    assert filled == []


def test_the_words_of_pages_stand_in_the_catalogues():
    """Vietnamese in code of pages and in templates is marked for translation, but where listed."""
    found = {place(path) for path in python_files("survey/web") if _unmarked_strings(path)}
    found |= {place(path) for path in TEMPLATES.rglob("*.html") if _unmarked_words(path)}
    assert found == NOT_YET


def _unmarked_strings(path):
    nodes = list(ast.walk(tree(path)))
    marked = {
        id(inner)
        for node in nodes
        if (isinstance(node, ast.Call) and _marks(node)) or _is_docstring(node)
        for inner in ast.walk(node)
    }
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in marked
        and VIETNAMESE.search(re.sub("|".join(NAMES), "", node.value))
    ]


def _marks(call):
    return ast.unparse(call.func).rpartition(".")[2] in {"_", "gettext", "translate"}


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _unmarked_words(path):
    text = path.read_text(encoding="utf-8")
    for marked in (r"\{#.*?#\}", r'_\("[^"]*"', r"_\('[^']*'", *NAMES):
        text = re.sub(marked, "", text, flags=re.DOTALL)
    return VIETNAMESE.search(text)
