"""The units of systemd start what is there, check it before, and wait for clock and database."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from survey.web import Pool

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("langnghe-*.service"))
SERVERS = [unit for unit in UNITS if "backup" not in unit.name]
PLACE = "/opt/langnghe"


def settings(unit, name):
    """Every value of a setting of a unit."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def started(unit):
    """The command of a unit, as words."""
    (command,) = settings(unit, "ExecStart")
    return shlex.split(command)


@pytest.mark.parametrize("unit", SERVERS, ids=lambda unit: unit.stem)
def test_each_process_is_checked_and_waits_for_the_clock(unit):
    """No process starts with wrong settings, or before the clock is right; none is given up."""
    (check,) = settings(unit, "ExecStartPre")
    assert "--app survey check-config" in check
    assert "time-sync.target" in settings(unit, "After")[0].split()
    assert settings(unit, "Wants") == ["time-sync.target"]
    assert settings(unit, "StartLimitIntervalSec") == ["0"]
    assert settings(unit, "Restart") == ["always"]


def test_a_dead_broker_stops_no_page_and_no_message():
    """Only who needs the broker asks it before the start."""
    asking = {
        unit.stem for unit in SERVERS if "--settings-only" not in settings(unit, "ExecStartPre")[0]
    }
    assert asking == {"langnghe-worker", "langnghe-celery"}


def test_each_pool_has_its_unit_and_its_address_in_nginx():
    """Nginx sends citizens and staff where their pools listen, and both can be reloaded."""
    nginx = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    named = re.findall(r"upstream langnghe_(\w+) \{\s+server ([\d.:]+) ", nginx)
    pools = {"citizens": Pool.CITIZEN, "staff": Pool.STAFF}
    assert [name for name, _ in named] == list(pools)
    for name, address in named:
        unit = ROOT / "deploy" / "systemd" / f"langnghe-{name}.service"
        words = started(unit)
        assert words[words.index("--bind") + 1] == address
        assert words[-1] == f"survey:create_app(pool='{pools[name]}')"
        assert settings(unit, "ExecReload") == ["/bin/kill -s HUP $MAINPID"]


def test_each_command_of_a_unit_exists(sqlite_app):
    """What units call is a command of the product, or a program that is installed with it."""
    context = click.Context(sqlite_app.cli)
    for unit in SERVERS:
        program, *words = started(unit)
        assert program.startswith(f"{PLACE}/.venv/bin/")
        name = Path(program).name
        assert name in {"flask", "gunicorn", "celery"}
        if name == "flask":
            assert sqlite_app.cli.get_command(context, words[words.index("survey") + 1])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_each_unit(unit, tmp_path):
    """Systemd's own check has nothing to say about a unit whose programs are there."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not installed")
    text = unit.read_text(encoding="utf-8").replace(PLACE, str(ROOT))
    here = tmp_path / unit.name
    here.write_text(text.replace("User=langnghe", "User=root"), encoding="utf-8")
    done = subprocess.run(
        [verify, "verify", "--man=no", str(here)], capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert (done.returncode, said) == (0, [])
