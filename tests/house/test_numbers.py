"""Figures look the same everywhere: 1.234,5 and 86,4% in Vietnamese, 1,234.5 in English."""

import ast
import re
from pathlib import Path

from tests.house.source import place, python_files, tracked_files, tree

FORMATS = "survey/formats.py"
# These write no figure for a reader: what a cell of a file held, a style sheet.
FOR_MACHINES = {"survey/intake/codes.py", "survey/reports/html.py"}
BLANK_BEFORE_SIGN = re.compile(r"[\d}\"'][ \u00a0]%(?![\w(}])")
# A format that sets figures for readers: ",", ".1f", ",.0f", ".0%".
FIGURE = re.compile(r"(?=.*[,f%]),?(\.\d+)?[f%]?")
JINJA = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def _texts(path: Path) -> list[str]:
    """What a file may show to a reader, docstrings and code apart."""
    if path.suffix != ".py":
        return [JINJA.sub("", path.read_text(encoding="utf-8"))]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    told = {
        ast.get_docstring(one, clean=False)
        for one in ast.walk(tree(path))
        if isinstance(one, documented)
    }
    return [
        one.value
        for one in ast.walk(tree(path))
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value not in told
    ]


def test_no_text_sets_a_blank_before_the_percent_sign():
    """Pages, reports, messages, commands and the guides write 90%, as offices do."""
    files = [one for one in tracked_files() if one.suffix in {".html", ".txt", ".md", ".po"}]
    spaced = [
        f"{place(path)}: {found.group()}"
        for path in [*files, *python_files("survey")]
        if path.is_file()
        for text in _texts(path)
        for found in BLANK_BEFORE_SIGN.finditer(text)
    ]
    assert not spaced


def test_figures_are_formatted_in_one_place():
    """Digits after the point, groups and percent are set by survey/formats.py alone."""
    formatted = [
        place(path, node)
        for path in python_files("survey")
        if place(path) not in {FORMATS, *FOR_MACHINES}
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr)
        for part in node.format_spec.values
        if isinstance(part, ast.Constant) and FIGURE.fullmatch(str(part.value))
    ]
    assert not formatted
