"""Tests can be run as if on another day."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAY = "from datetime import datetime; print(f'{datetime.now().astimezone(survey.period.LOCAL)}')"
SAID_BY_A_CHILD = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", "import survey.period; {SAY}"], check=True)
"""


def below(name):
    """What a child of a process below the script says."""
    command = ["deploy/clock.sh", name, sys.executable, "-c", SAID_BY_A_CHILD]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("weekend-night", "2027-03-07 02:3"),
        ("tet", "2027-02-06 09:0"),
        ("leap-day", "2028-02-29 08:0"),
        ("last-evening", "2027-12-31 23:5"),
        ("first-morning", "2027-06-01 06:3"),
    ],
)
def test_every_python_below_the_script_lives_on_that_day(name, begins):
    """A process and those it starts take the script's instant for the present."""
    said = below(name)
    assert said.stdout.startswith(begins), said.stderr


def test_a_day_that_is_not_known_runs_nothing():
    """A wrong name is wrong use, and the names are listed."""
    said = below("sunday")
    assert (said.returncode, said.stdout) == (2, "")
    assert "leap-day" in said.stderr
