"""What is installed is pinned, explained and the same everywhere."""

import re

import pytest

from tests.house.source import ROOT

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
