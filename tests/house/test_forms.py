"""Forms come in by one door, and what people read goes through the catalogues."""

import ast

from tests.house.source import ROOT, place, python_files, tree

WEB = ROOT / "survey" / "web"
# The one reader of forms; providers' webhooks are none.
DOORS = ("survey/web/forms.py", "survey/web/webhooks.py")


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
