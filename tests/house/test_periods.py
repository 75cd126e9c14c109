"""The calendar of periods is reckoned in one place."""

import ast
import re

from tests.house.source import ROOT, place, python_files, tree

PERIODS = "survey/period.py"
# A format of a month alone; one that goes on to the day is a day.
MONTH_FORMAT = re.compile(r"%Y-%m(?!-?%d)")
# Parts of a code are asked of the period: month.year, month.number.
SLICED = re.compile(r"\b\w*month\w*\[(:4|5:|-2:)\]")


def _cuts_at_dash(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"split", "rsplit", "partition", "rpartition"}
        and any(isinstance(one, ast.Constant) and one.value == "-" for one in node.args)
    )


def _formats_month(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(MONTH_FORMAT.search(node.value))
    )


def test_no_code_of_a_period_is_taken_apart_or_put_together_elsewhere():
    """Months are neither split, sliced nor formatted outside survey/period.py."""
    found = [
        place(path, node)
        for path in python_files("survey", "analysis", "benchmarks")
        if place(path) != PERIODS
        for node in ast.walk(tree(path))
        if _cuts_at_dash(node) or _formats_month(node)
    ]
    pages = sorted((ROOT / "templates").rglob("*.html"))
    sliced = [
        place(path)
        for path in (*python_files("survey"), *pages)
        for text in [path.read_text(encoding="utf-8")]
        if SLICED.search(text) or (path in pages and MONTH_FORMAT.search(text))
    ]
    assert not found
    assert not sliced
