"""What is installed is pinned, explained and the same everywhere."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.house.source import ROOT

PRODUCT = {"survey", "analysis", "migrations"}
STANDARD = sys.stdlib_module_names
PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)(\[[a-z]+\])?==([\w.]+)", re.IGNORECASE)


def _lines(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def _pins(name):
    return {match[1].lower(): match[3] for line in _lines(name) if (match := PIN.match(line))}


@pytest.mark.parametrize(
    "name", ["requirements.in", "tests/requirements.in", "benchmarks/requirements.in"]
)
def test_each_package_we_ask_for_has_a_version_and_a_reason(name):
    """Each line of a source list names one version and says after # why it is there."""
    asked = [line for line in _lines(name) if not line.startswith("-r ")]
    assert [
        line for line in asked if not re.fullmatch(rf"{PIN.pattern}\s+# \S.+", line, re.IGNORECASE)
    ] == []


@pytest.mark.parametrize(
    "name", ["requirements.txt", "tests/requirements.txt", "benchmarks/requirements.txt"]
)
def test_every_installed_package_is_pinned(name):
    """Each line of a compiled list is one exact version; nothing else steers the installer."""
    lines = [line for line in _lines(name) if not line.startswith("-r ")]
    assert [
        line for line in lines if not re.fullmatch(rf"{PIN.pattern}( ; .+)?", line, re.IGNORECASE)
    ] == []


@pytest.mark.parametrize("folder", ["", "tests/", "benchmarks/"])
def test_the_compiled_list_follows_its_source(folder):
    """A version in a source list stands the same in the compiled list."""
    compiled = {**_pins("requirements.txt"), **_pins(f"{folder}requirements.txt")}
    asked = _pins(f"{folder}requirements.in")
    assert {name: compiled.get(name) for name in asked} == asked


def test_the_test_list_adds_to_the_running_list():
    """Testing includes what running needs and names nothing twice."""
    lines = _lines("tests/requirements.txt")
    assert lines[0] == "-r ../requirements.txt"
    assert not set(lines[1:]) & set(_lines("requirements.txt"))


@pytest.mark.parametrize("target", ["run", "test", "lint", "bench", "help"])
def test_the_promised_targets_stand_in_the_makefile(target):
    """Each make target that operators rely on exists and explains itself in one line."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}: ## \S.+$", text, re.MULTILINE)


def test_every_package_that_the_product_imports_is_installed_with_it():
    """No import of the product leans on a package that only testing or measuring brings along."""
    installed, held = _pins("requirements.txt"), packages_distributions()
    files = [path for part in PRODUCT for path in (ROOT / part).rglob("*.py")]
    imported = {name for path in files for name in _imported(path)} - PRODUCT - STANDARD
    assert "flask" in imported
    missing = {
        name
        for name in imported
        if not any(package.lower().replace("_", "-") in installed for package in held[name])
    }
    assert missing == set()


def _imported(path):
    """First names of what a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
