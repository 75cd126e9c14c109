"""Forms come in by one door, and what people read goes through the catalogues."""

import ast
import re

from jinja2 import Environment, nodes

from tests.house.source import ROOT, place, python_files, tree

TEMPLATES = ROOT / "templates"
VIETNAMESE = re.compile("[\u00c0-\u1ef9]")
# Names that are the same in every language.
NAMES = ("Lắng Nghe", "Tiếng Việt")
# The one reader of forms; providers' webhooks are none.
ROLE_LOGINS = ("survey/web/forms.py", "survey/web/webhooks.py")
# Vietnamese that nobody translates. Sent to citizens, or kept beside what they wrote:
WRITTEN = {
    "survey/case_triggers.py",
    "survey/cases/inbox.py",
    "survey/cases/labels.py",
    "survey/cases/notices.py",
    "survey/cases/opening.py",
    "survey/cases/steps.py",
    "survey/intake/error_file.py",
    "survey/messages/placeholders.py",
    "survey/messages/text.py",
    "survey/privacy/masking.py",
}
# Looked for in what others write:
READ = {
    "survey/intake/folding.py",
    "survey/intake/structure.py",
    "survey/messages/dialogue.py",
    "survey/messages/lint.py",
    "survey/messages/segments.py",
    "survey/messages/vocabulary.py",
    "survey/models/organisation.py",
    "survey/models/stage.py",
    "survey/privacy/numbers.py",
    "survey/province/targets.py",
}
# Invented people and what they say:
INVENTED = {
    "survey/demo/comments.py",
    "survey/demo/role_logins.py",
    "survey/demo/handling.py",
    "survey/demo/loading.py",
    "survey/demo/people.py",
    "survey/demo/progress.py",
    "survey/demo/units.py",
    "survey/demo/walk.py",
    "survey/demo/writing.py",
}
JINJA = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


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
    assert [name for name in by_hand if not name.startswith(ROLE_LOGINS)] == []


def test_a_text_that_waits_for_its_language_holds_no_value():
    """A lazy text passes templates unescaped, so it is a constant; with values it is `gettext`."""
    filled = [
        place(path, node)
        for path, node in _nodes(ast.Call)
        if ast.unparse(node.func) in {"_", "lazy_gettext"} and node.keywords
    ]
    assert filled == []


def test_no_text_is_marked_within_a_formatted_string():
    """Babel does not look into f-strings, so no text of theirs would reach the catalogues."""
    hidden = [
        place(path, call)
        for path in python_files("survey")
        for text in ast.walk(tree(path))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and _marks(call)
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


def test_what_people_read_stands_in_the_catalogues():
    """Vietnamese in code is marked for translation, but what is written, read or invented."""
    found = {place(path) for path in python_files("survey") if _unmarked_strings(path)}
    assert found == WRITTEN | READ | INVENTED


def test_the_words_of_templates_stand_in_the_catalogues():
    """No template holds Vietnamese that is not marked for translation."""
    pages = {place(path): _unmarked_words(path) for path in TEMPLATES.rglob("*.html")}
    assert {name: words for name, words in pages.items() if words} == {}


def _unmarked_strings(path):
    found = list(ast.walk(tree(path)))
    marked = {
        id(inner)
        for node in found
        if (isinstance(node, ast.Call) and _marks(node)) or _is_docstring(node)
        for inner in ast.walk(node)
    }
    return [
        node.value
        for node in found
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in marked
        and _is_vietnamese(node.value)
    ]


def _marks(call):
    return ast.unparse(call.func).rpartition(".")[2] in {"_", "gettext", "translate"}


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _unmarked_words(path):
    """Texts and strings outside of calls that translate; a block of `trans` is such a call."""
    page = JINJA.parse(path.read_text(encoding="utf-8"))
    marked = {
        id(inner)
        for call in page.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "gettext"}
        for inner in call.find_all(nodes.Const)
    }
    said = [text.data for text in page.find_all(nodes.TemplateData)]
    said += [one.value for one in page.find_all(nodes.Const) if id(one) not in marked]
    return [text for text in said if isinstance(text, str) and _is_vietnamese(text)]


def _is_vietnamese(text):
    return VIETNAMESE.search(re.sub("|".join(NAMES), "", text))
