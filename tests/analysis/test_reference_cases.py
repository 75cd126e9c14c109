"""Every value that R computed for a reference case comes out of the library as well."""

import json
from pathlib import Path

import pytest

from tests.analysis.reference import compute

# What R itself did; the cases' README says not to reproduce these.
_RECORDS = {"r_beta_interval", "r_message"}
CASES = [
    case
    for path in sorted(Path(__file__).with_name("refcases").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]


def _leaf_agrees(expected, found, tolerance):
    if expected is None or isinstance(expected, (bool, str)):
        return type(found) is type(expected) and found == expected
    allowed = max(tolerance.get("abs", 0), tolerance.get("rel", 0) * abs(expected))
    return type(found) in {int, float} and abs(found - expected) <= allowed


def _differences(expected, found, tolerance, where=""):
    if isinstance(expected, dict):
        for key in expected.keys() - _RECORDS:
            value = found.get(key, "missing") if isinstance(found, dict) else "missing"
            yield from _differences(expected[key], value, tolerance, f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        for position, pair in enumerate(zip(expected, found, strict=True)):
            yield from _differences(*pair, tolerance, f"{where}[{position}]")
    elif isinstance(expected, list) or not _leaf_agrees(expected, found, tolerance):
        yield f"{where}: {found!r} is not {expected!r}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case_equals_r(case):
    """The library returns each expected value within the case's own tolerance."""
    assert not list(_differences(case["expected"], compute(case), case["tolerance"]))


@pytest.mark.parametrize(
    "case", [{}, {"family": "a_simple"}, {"family": "x", "inputs": {}, "options": {}}]
)
def test_malformed_case_is_refused_not_raised(case):
    """A case that makes no sense gives an error status, never an exception."""
    assert compute(case)["status"] == "error"
