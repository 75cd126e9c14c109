"""What each public function of the statistics library tells its reader."""

import ast
import re

import pytest

from tests.house.source import place, python_files, tree

# They judge input and compute nothing, so there is no literature to name.
GATES = {"strata_arrays", "pattern_table", "target_share"}
TOLD = {
    "example": re.compile(r">>> "),
    # A code, or the function whose codes it shares, or why none is needed.
    "errors": re.compile(r"No AnalysisError:\s|AnalysisError[\s:]+(\(|as )?`"),
    "source": re.compile(r"References\n-+\n|Source:\s"),
}


def _public():
    for path in python_files("analysis"):
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield path, node


@pytest.mark.parametrize("what", TOLD)
def test_a_public_function_of_the_library_tells(what):
    """Each has an example, names its errors by code, and says where its formula comes from."""
    silent = [
        f"{place(path, node)} {node.name}"
        for path, node in _public()
        if not (what == "source" and (path.name == "counts.py" or node.name in GATES))
        and not TOLD[what].search(ast.get_docstring(node) or "")
    ]
    assert silent == []
