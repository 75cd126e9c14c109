"""`make run` on a machine that is not ready says in one sentence what to do."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(tmp_path):
    """A copy of what setting up reads, with a python3 of our making first on the path."""
    project = tmp_path / "project"
    (project / "deploy").mkdir(parents=True)
    (project / "tests").mkdir()
    for name in ("requirements.txt", "tests/requirements.txt", "deploy/venv.sh"):
        shutil.copy(ROOT / name, project / name)

    def set_up(stand_in):
        python = tmp_path / "bin" / "python3"
        python.parent.mkdir()
        python.write_text(f"#!/bin/sh\n{stand_in}\n", encoding="ascii")
        python.chmod(0o755)
        for name in ("dirname", "cat", "cksum", "sh"):
            (python.parent / name).symlink_to(shutil.which(name))
        return subprocess.run(
            [project / "deploy" / "venv.sh", "run"],
            env={"PATH": str(python.parent)},
            capture_output=True,
            text=True,
            check=False,
        )

    return set_up


def test_debian_without_ensurepip_is_told_the_package(bare):
    """Where Python lacks ensurepip, setting up stops and names the one command that helps."""
    done = bare('case "$*" in *ensurepip*) exit 1 ;; *) exit 0 ;; esac')
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_an_old_python_is_refused(bare):
    """Where Python is older than 3.11, setting up stops and says which is needed."""
    done = bare("exit 1")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr


@pytest.mark.parametrize(
    ("port", "sentence"),
    [("taken", "Try: make run PORT="), ("eighty", "PORT must be a number")],
)
def test_a_port_that_cannot_be_used_is_named_at_once(port, sentence, sqlite_environment):
    """A port that is taken or no number ends the start before anything is loaded."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        number = str(holder.getsockname()[1]) if port == "taken" else port
        done = subprocess.run(
            [sys.executable, "-m", "deploy.run"],
            cwd=ROOT,
            env={**sqlite_environment, "PORT": number, "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert sentence in done.stderr
