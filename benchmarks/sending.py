"""Sending through a provider that answers in 50 ms: the pace is reached, and processes add up."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.figures import Figure
from benchmarks.ground import Installation, free_port, running, wait_until_open
from survey import create_app
from survey.db import db, transaction
from survey.messages import outbox
from survey.messages.text import SmsText
from survey.models.message import MessageKind
from survey.models.province import Province, SpecialDay
from survey.models.recipient import Recipient
from survey.province.workdays import local_day
from survey.settings import from_env
from tests.engines import PostgresCopies, find_postgres

PACE, SECONDS = 100, 20
LATE_SECONDS = 10.0
FAST, BACKLOG = 1000, 4000
LEAST_SHARE, LEAST_GAIN = 0.95, 1.7
# Both senders are at work between these shares of a backlog.
BOTH_FROM, BOTH_TO = 0.3, 0.9
START_AFTER = timedelta(seconds=8)
PATIENCE_SECONDS = 180
TOKEN = "t" * 32
TEXT = SmsText("Sở Nội vụ: ho so (4 so cuoi 0001) da co ket qua.", "gsm7", 1)


@dataclass(frozen=True)
class Ground:
    """A fresh database, the provider in front of it, and the environment of its senders."""

    url: str
    environment: dict[str, str]

    def put(self, dues: Sequence[datetime]) -> None:
        """Queue one message for each instant; the window is open all day."""
        app = create_app(from_env(self.environment))
        with app.app_context():
            with transaction() as session:
                open_all_day(session)
                drafts = [_draft(number, due) for number, due in enumerate(dues)]
                outbox.enqueue_many(session, datetime.now(UTC), drafts)
            db.session.remove()
            db.engine.dispose()

    def calls(self) -> list[tuple[float, str]]:
        """When each call came in, in order, and for which phone."""
        calls = requests.get(f"{self.url}/calls", timeout=10).json()
        return sorted((at, phone) for at, phone in calls)

    def calls_of(self, senders: int, expected: int) -> list[float]:
        """The calls that so many worker processes make until `expected` came in."""
        words = [sys.executable, "-m", "flask", "--app", "survey", "sender"]
        with ExitStack() as stack:
            for _ in range(senders):
                stack.enter_context(running(words, self.environment))
            end = time.monotonic() + PATIENCE_SECONDS
            while len(calls := self.calls()) < expected:
                if time.monotonic() > end:
                    sys.exit(f"only {len(calls)} of {expected} messages were sent")
                time.sleep(0.5)
            return [at for at, _phone in calls]


def open_all_day(session: Session) -> None:
    """Let messages leave at any hour of today and tomorrow."""
    province = session.scalars(select(Province)).one()
    province.window_start, province.window_end = clock_time(0), clock_time(23, 59, 59)
    for days in range(2):
        day = local_day(datetime.now(UTC)) + timedelta(days)
        session.merge(SpecialDay(day=day, kind="swap_work"))


def _draft(number: int, due: datetime) -> outbox.Draft:
    return outbox.Draft(
        kind=MessageKind.INVITATION,
        recipient=Recipient.by_sms(f"+8490{number:07d}"),
        text=TEXT,
        due_at=due,
        expires_at=due + timedelta(days=7),
    )


def measure(folder: Path) -> list[Figure]:
    """The pace on each engine, and what a second process adds where there is PostgreSQL."""
    figures = []
    server = find_postgres()
    copies = PostgresCopies(server.url, "bench") if server.url else None
    try:
        figures += _pace(folder / "sending-sqlite", "SQLite", "")
        if copies is None:
            print(f"sending on PostgreSQL not measured: {server.note}", file=sys.stderr)
            return figures
        figures += _pace(folder / "sending-pg", "PostgreSQL", copies.copy(folder))
        rates = [
            _rate_of(folder / f"sending-{senders}", copies.copy(folder), senders)
            for senders in (1, 2)
        ]
        name = "two processes, PostgreSQL"
        figures.append(Figure(name, "SMS/s", rates[1], rates[0], "one", at_least=LEAST_GAIN))
        return figures
    finally:
        if copies is not None:
            copies.close()
        server.stop()


def _pace(folder: Path, engine: str, database: str) -> list[Figure]:
    """One sender, as many messages due each second as it may send."""
    with beside_provider(folder, with_pace(PACE, database)) as ground:
        begin = datetime.now(UTC) + START_AFTER
        count = PACE * SECONDS
        dues = [begin + timedelta(seconds=number / PACE) for number in range(count)]
        ground.put(dues)
        calls = ground.calls_of(1, count)
    late = sorted(call - due.timestamp() for call, due in zip(calls, dues, strict=True))
    rate = (count - 1) / (calls[-1] - calls[0])
    name = f"SMS_RATE={PACE}, {engine}"
    return [
        Figure(name, "SMS/s", rate, PACE, "the pace", at_least=LEAST_SHARE),
        Figure(
            f"95 % leave within, {engine}", "s", max(late[int(count * 0.95)], 0), LATE_SECONDS,
            "limit", at_most=1,
        ),
    ]  # fmt: skip


def _rate_of(folder: Path, database: str, senders: int) -> float:
    """Messages a second that so many processes take from a backlog."""
    with beside_provider(folder, with_pace(FAST, database)) as ground:
        ground.put([datetime.now(UTC)] * BACKLOG)
        calls = ground.calls_of(senders, BACKLOG)
    first, last = int(BACKLOG * BOTH_FROM), int(BACKLOG * BOTH_TO)
    return (last - first) / (calls[last] - calls[first])


def with_pace(rate: int, database: str) -> dict[str, str]:
    """Settings for so many messages a second, on a database or a file of its own."""
    chosen = {"DATABASE_URL": database} if database else {}
    return {"SMS_RATE": str(rate), **chosen}


@contextmanager
def beside_provider(folder: Path, changes: Mapping[str, str]) -> Iterator[Ground]:
    """An installation, and the provider that it sends through, as long as the block lasts."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    account = {
        "SMS_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": "+15005550006",
        "TWILIO_API_BASE": url,
    }
    place = Installation(folder, {**account, **changes})
    words = [sys.executable, "-m", "benchmarks.slow_provider", str(port)]
    with running(words, place.environment):
        wait_until_open(port)
        yield Ground(url, place.environment)
