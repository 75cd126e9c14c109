"""Debian's Kannel with the shipped configuration, and a handset on its fake carrier."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes
from urllib.request import urlopen

from tests.clocks import PATIENCE

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "kannel"
REPLY_NUMBER = "8099"


def program(name: str) -> str | None:
    """Where a program of Kannel is; Debian keeps it off the path of ordinary users."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def until(what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until a condition holds; fail in words if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Kannel:
    """Bearerbox and smsbox in a folder of their own, on ports of their own."""

    def __init__(self, folder: Path, web: str, carrier: str) -> None:
        self.folder, self.web = folder, web
        self.admin, self.boxes, self.sendsms, self.smsc = free_ports(4)
        self.secret, self.password = secrets.token_hex(16), secrets.token_hex(16)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("store", "dlr", "log"):
            (folder / name).mkdir(parents=True)
        for name, shipped in (("kannel.conf", "kannel.conf"), ("smsc.conf", carrier)):
            text = (SHIPPED / shipped).read_text(encoding="utf-8")
            (folder / name).write_text(self._filled_in(text), encoding="utf-8")

    @property
    def settings(self) -> dict[str, str]:
        """What the product has to know of this gateway."""
        return {
            "SMS_PROVIDER": "kannel",
            "SMS_REPLY_NUMBER": REPLY_NUMBER,
            "KANNEL_SEND_URL": f"http://127.0.0.1:{self.sendsms}/cgi-bin/sendsms",
            "KANNEL_USERNAME": "langnghe",
            "KANNEL_PASSWORD": self.password,
            "KANNEL_WEBHOOK_SECRET": self.secret,
            "PUBLIC_URL": self.web,
        }

    def _filled_in(self, text: str) -> str:
        """The shipped file with what its comments tell an operator to change, and free ports."""
        answers = {
            "DOI-DIA-CHI": self.web,
            "DOI-MA-BI-MAT": self.secret,
            "DOI-MAT-KHAU-GUI": self.password,
            "DOI-MAT-KHAU-QUAN-TRI": secrets.token_hex(8),
            "DOI-MAT-KHAU-XEM": "status",
            "DOI-MAY-CHU-SMPP": "127.0.0.1",
            "DOI-TEN-SMPP": "tinh",
            "DOI-MAT-KHAU-SMPP": "smpp",
            "/var/spool/kannel": str(self.folder),
            "/var/log/kannel": str(self.folder / "log"),
            "/etc/kannel": str(self.folder),
            "= 13000\n": f"= {self.admin}\n",
            "= 13001\n": f"= {self.boxes}\n",
            "= 13013\n": f"= {self.sendsms}\n",
            "= 10000\n": f"= {self.smsc}\n",
            "= 2775\n": f"= {self.smsc}\n",
            "http-queue-delay = 10\n": "http-queue-delay = 1\n",
        }
        for shown, real in sorted(answers.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(shown, real)
        assert not re.search(r"^[^#]*(DOI-|1300\d|/etc/|/var/)", text, re.MULTILINE)
        return text

    def start(self) -> None:
        """Start both boxes, and wait until they know each other."""
        self._start("bearerbox")
        until("bearerbox answers", self._status)
        self._start("smsbox")
        until("smsbox is connected", lambda: "smsbox:" in self._status())

    def _start(self, name: str) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as output:
            self.running[name] = subprocess.Popen(
                [program(name), "-v", "4", "--", "kannel.conf"],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _status(self) -> str:
        address = f"http://127.0.0.1:{self.admin}/status.txt?password=status"
        try:
            with urlopen(address, timeout=PATIENCE) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def kill(self, *names: str) -> None:
        """`kill -9` boxes, both unless named."""
        for name in names or tuple(self.running):
            process = self.running.pop(name)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def freeze(self, name: str) -> None:
        """A box takes calls and does nothing with them, as in its last moment."""
        os.killpg(self.running[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """The box goes on where it stood."""
        os.killpg(self.running[name].pid, signal.SIGCONT)

    def stored(self) -> int:
        """Messages that bearerbox keeps on disk until they are handed on."""
        return sum(path.is_file() for path in (self.folder / "store").rglob("*"))

    def logs(self) -> str:
        """Everything the boxes wrote down."""
        files = sorted((self.folder / "log").iterdir())
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)


@dataclass(frozen=True)
class Sms:
    """What a handset received."""

    sender: str
    to: str
    text: str


class Handset:
    """All phones of the province behind one line to the fake carrier; comes back when cut off."""

    def __init__(self, port: int) -> None:
        self.port, self.received = port, list[Sms]()
        self.line: socket.socket | None = None
        self.closed = False
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        while not self.closed:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as line:
                    line.settimeout(None)
                    self.line = line
                    with line.makefile("rb") as lines:
                        self.received += map(_read, lines)
            except OSError:
                time.sleep(0.05)
            finally:
                self.line = None

    def write(self, phone: str, text: str) -> None:
        """Send a text from a phone, with diacritics if it has any."""
        until("the handset has a line", lambda: self.line)
        kind, body = "text", text
        if not text.isascii():
            kind, body = "ucs2", quote_from_bytes(text.encode("utf-16-be"))
        assert self.line is not None
        self.line.sendall(f"{phone} {REPLY_NUMBER} {kind} {body}\n".encode())

    def texts(self, phone: str) -> list[str]:
        """What one phone received, in order."""
        return [sms.text for sms in self.received if sms.to == phone]

    def close(self) -> None:
        """Hang up for good; Kannel has ended before."""
        self.closed = True
        self.thread.join()


def _read(line: bytes) -> Sms:
    """One line of the fake carrier: from, to, kind and body."""
    sender, to, kind, body = line.rstrip(b"\n").split(b" ", 3)
    if kind == b"ucs-2":
        text = unquote_to_bytes(body.replace(b"+", b" ")).decode("utf-16-be")
    else:
        assert kind == b"text", line
        text = body.decode()
    return Sms(sender.decode(), to.decode(), text)
