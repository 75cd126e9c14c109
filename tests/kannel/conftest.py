"""The whole road on this machine: product, sender process, Kannel, and a handset at its end.

Skipped where Debian's packages kannel and kannel-extras are not installed.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import case, func, select, update
from werkzeug.serving import make_server

from survey.answers import Answer
from survey.clock import machine
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from survey.models.message import Message, MessageState
from survey.models.province import DayKind, Province, SpecialDay
from survey.province.workdays import local_day
from tests import ballots
from tests.conftest import running, unit_of_work
from tests.kannel.gateway import Handset, Kannel, free_ports, program, until
from tests.seeding import Wanted, ask_everybody, finish
from tests.serving import served

FarEnd = tuple[str, type[Any]]
ROOT = Path(__file__).resolve().parents[2]


class Road:
    """Everything between a finished dossier and a citizen's phone."""

    def __init__(self, environment: dict[str, str], folder: Path, far_end: FarEnd) -> None:
        (self.port,) = free_ports(1)
        carrier, kind = far_end
        self.kannel = Kannel(folder / "kannel", f"http://127.0.0.1:{self.port}", carrier)
        self.environment = {**environment, **self.kannel.settings}
        self.handset = kind(self.kannel.smsc)
        self.senders: list[subprocess.Popen[bytes]] = []
        self.log = folder / "sender.log"
        self.web = ExitStack()

    def open_web(self) -> None:
        """Serve the product where Kannel calls it."""
        server = make_server("127.0.0.1", self.port, self.app, threaded=True)
        self.web.enter_context(served(server))

    def close_web(self) -> None:
        """Nobody answers Kannel any more."""
        self.web.close()

    def start_sender(self, *, later: timedelta = timedelta(), rate: int = 50) -> None:
        """A sender process, whose clock may go ahead."""
        now = (machine() + later).isoformat()
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "survey", "sender", "--now", now],
                cwd=ROOT,
                env={**self.environment, "SMS_RATE": str(rate)},
                stdout=output,
                stderr=output,
            )
        self.senders.append(process)

    def kill_sender(self) -> None:
        """`kill -9` the sender."""
        sender = self.senders.pop()
        sender.kill()
        sender.wait()

    def ask(self, count: int) -> dict[str, str]:
        """Dossiers of as many phones finish now; phone → reply code."""
        now = machine()
        wanted = [
            Wanted(number, finished_at=now - timedelta(hours=1), due_at=None)
            for number in range(1, count + 1)
        ]
        with unit_of_work(self.app) as session:
            ask_everybody(session)
            province = session.scalars(select(Province)).one()
            province.reminder_days = 0  # only what moves today
            province.window_start, province.window_end = time(0), time(23, 59, 59)
            for days in range(3):
                day = local_day(now) + timedelta(days=days)
                session.add(SpecialDay(day=day, kind=DayKind.SWAP_WORK, note="thử"))
            finish(session, wanted, now)
        with unit_of_work(self.app) as session:
            query = select(Dossier.code, Invitation.reply_code)
            codes = dict(session.execute(query.join(Invitation.dossier)).all())
        return {one.mobile: codes[one.code] for one in wanted}

    def read(self, *columns: object) -> list[object]:
        """Every row of some columns; of one column its values."""
        with unit_of_work(self.app) as session:
            rows = session.execute(select(*columns)).all()
        return [row[0] if len(columns) == 1 else tuple(row) for row in rows]

    def said(self) -> list[Answer]:
        """What each citizen says now."""
        with unit_of_work(self.app) as session:
            return ballots.all_said(session)

    def let_calls_hang(self) -> None:
        """Kannel stops in the middle of its work, with calls of the sender under way."""
        self.kannel.freeze("smsbox")
        since = machine()
        hanging = (Message.state == MessageState.SENDING) & (Message.leased_at > since)
        until("calls hang", lambda: self.read(func.count(case((hanging, 1)))) != [0])

    def let_leases_end(self) -> None:
        """As if the claims of dead senders were a minute old."""
        with unit_of_work(self.app) as session:
            session.execute(
                update(Message)
                .where(Message.state == MessageState.SENDING)
                .values(leased_at=machine() - timedelta(minutes=1))
            )


@pytest.fixture
def far_end() -> FarEnd:
    """The shipped file that leads to the carrier, and who plays it; a test file may override it."""
    return "smsc-fake.conf", Handset


@pytest.fixture
def road(environment: dict[str, str], tmp_path: Path, far_end: FarEnd) -> Iterator[Road]:
    """The road, open from end to end but for the sender; once on each engine."""
    if program("bearerbox") is None or program("smsbox") is None:
        pytest.skip("Kannel is not installed")
    made = Road(environment, tmp_path, far_end)
    with running(made.environment, machine) as app:
        made.app = app
        made.open_web()
        try:
            made.kannel.start()
            yield made
        finally:
            while made.senders:
                made.kill_sender()
            made.kannel.kill()
            made.handset.close()
            made.close_web()
