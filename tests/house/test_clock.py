"""Who may ask what time it is: nothing in product or tests depends on the day it is run on."""

import ast

import pytest

from tests.house.source import ROOT, place, python_files, tree

CLOCK = "survey/clock.py"
# Edges, and leases and pace, which several processes share; everything else takes `now`.
ASKING = ("survey/web/", "survey/cli/", "survey/jobs", "survey/sms/outbox")
# Tests beside real processes, whose clock is the machine's.
BESIDE_PROCESSES = (
    "tests/deploy/conftest.py",
    "tests/fault/",
    "tests/kannel/",
    "tests/features/test_jobs.py",
)
READERS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime"},
    "func": {"now", "current_timestamp", "current_date", "current_time", "localtimestamp"},
}
WAYS = [
    "datetime.now(UTC)",
    "datetime.datetime.now()",
    "column(default=datetime.utcnow)",
    "date.today()",
    "time.time()",
    "from time import time",
    "func.now()",
    "pyotp.TOTP(secret).now()",
    "text('SELECT current_timestamp')",
]


def _reads(node):
    """Whether a node reads the machine's clock, or has a library or the database read it."""
    if isinstance(node, ast.Attribute):
        owner = ast.unparse(node.value).rpartition(".")[2]
        return node.attr in READERS.get(owner, ())
    if isinstance(node, ast.ImportFrom):
        return any(name.name in READERS.get(node.module, ()) for name in node.names)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "now" and ast.unparse(node.func.value) != "clock"
    return isinstance(node, ast.Constant) and "current_timestamp" in str(node.value).lower()


def _places(finds, *folders):
    """Where a rule finds something, but for this file, which names what it looks for."""
    return [
        place(path, node)
        for path in python_files(*folders)
        if path != ROOT / "tests" / "house" / "test_clock.py"
        for node in ast.walk(tree(path))
        if finds(node)
    ]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_read_the_clock_is_known(way):
    """The rules below would see each of the usual ways, written as a call or handed on."""
    assert any(_reads(node) for node in ast.walk(ast.parse(way)))


def test_the_machines_clock_is_read_in_one_place():
    """Only survey/clock.py reads it, in the product as in the tests."""
    read = _places(_reads, "survey", "analysis", "tests")
    assert [name for name in read if not name.startswith(f"{CLOCK}:")] == []
    assert len(read) == 1


def test_features_are_told_what_time_it_is():
    """The application's clock is asked by edges, and for leases and pace; all else takes `now`."""

    def asks(node):
        return isinstance(node, ast.Call) and ast.unparse(node.func) == "clock.now"

    asked = _places(asks, "survey", "analysis")
    assert asked
    assert [name for name in asked if not name.startswith(ASKING)] == []


def test_tests_give_the_instant():
    """No test takes the machine's clock but those whose real processes take it as well."""

    def takes(node):
        return isinstance(node, ast.ImportFrom) and any(
            f"{node.module}.{name.name}" == "survey.clock.machine" for name in node.names
        )

    taken = _places(takes, "tests")
    assert taken
    assert [name for name in taken if not name.startswith(BESIDE_PROCESSES)] == []
