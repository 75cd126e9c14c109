"""Sizes, names and layout that keep the project readable."""

import ast
import re

from tests.house.source import ROOT, functions, place, python_files, tracked_files, tree

FILE_LINES = 400
FUNCTION_LINES = 40
HIDING_NAMES = re.compile(
    r"(^|_)(utils?|helpers?|common|misc|base|managers?|processors?)(_|$)|service$", re.IGNORECASE
)


def test_no_file_is_longer_than_a_reader_can_hold():
    """No Python file of ours, nor script, passes 400 lines."""
    files = [
        *python_files("survey", "analysis", "tests", "benchmarks", "deploy"),
        *(ROOT / "deploy").glob("*.sh"),
    ]
    sizes = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {name: size for name, size in sizes.items() if size > FILE_LINES}


def test_no_function_is_longer_than_a_screen():
    """No function passes 40 lines."""
    long = [
        place(path, node)
        for path in python_files("survey", "analysis", "tests", "benchmarks", "deploy")
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    assert not long


def test_no_name_hides_what_lives_there():
    """No file, folder or class is called utils, helpers, base, manager, …Service and the like."""
    words = re.compile(r"(?<=[a-z])(?=[A-Z])")
    files = [place(path) for path in tracked_files() if _hides(path)]
    classes = [
        place(path, node)
        for path in python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and HIDING_NAMES.search(words.sub("_", node.name))
        if not (node.name == "Base" and path == ROOT / "survey" / "db.py")  # SQLAlchemy's word
    ]
    assert not files + classes


def _hides(path):
    # A template that others extend is called base by everyone who knows Jinja.
    names = [*path.relative_to(ROOT).parent.parts, path.name.partition(".")[0]]
    return any(HIDING_NAMES.search(name) for name in names) and path.suffix != ".html"


def test_every_module_says_what_lives_there():
    """Each module of the product opens with a paragraph of one to five lines; more may follow."""
    wrong = [
        place(path)
        for path in python_files("survey", "analysis", "deploy", "benchmarks")
        if not 1 <= len(_first_paragraph(tree(path)).splitlines()) <= 5
    ]
    assert not wrong


def _first_paragraph(module):
    return (ast.get_docstring(module) or "").partition("\n\n")[0]


def test_every_test_states_its_promise():
    """Each test has a docstring that is one sentence."""
    silent = [
        place(path, node)
        for path in python_files("tests")
        for node in functions(path)
        if node.name.startswith("test_") and not _is_sentence(ast.get_docstring(node))
    ]
    assert not silent


def _is_sentence(text):
    return bool(text) and not text[0].islower() and text.rstrip().endswith((".", "?", "!"))


def test_nothing_is_left_for_later():
    """No file carries a reminder of unfinished work or a stub."""
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    left = [
        place(path)
        for path in python_files("survey", "analysis", "migrations", "deploy", "benchmarks")
        if marks.search(path.read_text(encoding="utf-8"))
    ]
    assert not left


def test_no_file_names_a_registry_or_a_machine_path():
    """Nothing that is committed depends on the machine it was written on."""
    own = re.compile(rb"/work/|file:///opt|index-url\s*=|find-links\s*=|" + rb"/root/")
    named = [
        place(path)
        for path in tracked_files()
        if path.is_file() and path.name != "test_shape.py" and own.search(path.read_bytes())
    ]
    assert not named
