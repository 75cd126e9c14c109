"""`make run` starts web, sender and worker together and ends all, whatever ends first."""

import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.clocks import PATIENCE
from tests.conftest import run_command

ROOT = Path(__file__).resolve().parents[2]
EXPORT = """Mã hồ sơ,Mã TTHC,Cơ quan thực hiện,Số điện thoại,Ngày tiếp nhận,Ngày trả kết quả
H32.1-260505-0002,2.002854,UBND phường Bắc Nha Trang,0900000001,05/05/2026,
"""


@pytest.fixture
def started(sqlite_environment, sqlite_app, tmp_path):
    """A running `make run` on a database that is not empty: its process, port and children."""
    export = tmp_path / "export.csv"
    export.write_text(EXPORT, encoding="utf-8")
    words = ("intake", "import", str(export), "--now", "2026-05-31T03:00:00Z")
    assert run_command(sqlite_app, *words).code == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.run"],
        cwd=ROOT,
        env={**sqlite_environment, "PORT": str(port), "DEMO": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_alive(process, port)
        yield process, port, _children(process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_until_alive(process, port):
    while process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("the start ended by itself")


def _children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in listed]


def _is_alive(pid):
    return Path(f"/proc/{pid}").exists()


def test_ctrl_c_ends_every_process(started):
    """After Ctrl-C the command ends well, and no process is left behind."""
    process, port, children = started
    assert len(children) == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert not [pid for pid in children if _is_alive(pid)]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def test_a_dead_sender_ends_the_whole(started):
    """When one of them dies the others are stopped too, and the command fails."""
    process, _port, (web, sender, worker) = started
    subprocess.run(["kill", "-9", str(sender)], check=True)
    assert process.wait(PATIENCE) == 1
    assert not [pid for pid in (web, worker) if _is_alive(pid)]
