"""Who may ask what time it is, and how long tests wait: no test depends on the day, nor on how fast
the machine is.
"""

import ast

import pytest

from tests.house.source import ROOT, place, python_files, tree

CLOCK = "survey/clock.py"
# Edges, and leases and pace, which several processes share; everything else takes `now`.
ASKING = ("survey/web/", "survey/cli/", "survey/jobs", "survey/messages/outbox")
# Tests beside real processes, whose clock is the machine's.
BESIDE_PROCESSES = (
    "tests/deploy/conftest.py",
    "tests/fault/",
    "tests/kannel/",
    "tests/features/test_jobs.py",
    "tests/features/test_processes.py",
    "tests/web/test_pools.py",
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
    (read,) = set(_places(_reads, "survey", "analysis", "tests"))
    assert read.startswith(f"{CLOCK}:")


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


def _hurries(node):
    """Whether a call waits for at most so many seconds, a number of its own."""
    if not isinstance(node, ast.Call):
        return False
    given = [one.value for one in node.keywords if one.arg in {"timeout", "connect_timeout"}]
    if isinstance(node.func, ast.Attribute) and node.func.attr in {"wait", "join", "settimeout"}:
        given += node.args
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, int | float) for one in given
    )


@pytest.mark.parametrize("call", ["HTTPConnection(host, timeout=5)", "process.wait(20)"])
def test_every_hurry_is_known(call):
    """The rule below would see a deadline written as a number."""
    assert any(_hurries(node) for node in ast.walk(ast.parse(call)))


def test_tests_wait_as_long_as_a_slow_machine_needs():
    """Whatever a test waits for, it waits with the patience that tests/clocks.py names."""
    assert _places(_hurries, "tests") == []
