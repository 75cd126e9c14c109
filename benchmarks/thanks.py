"""Thanks for a reply while a long file is imported: webhook, sender and worker as systemd starts
them, a provider that answers in 50 ms, both databases.
"""

import secrets
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import requests
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator

from benchmarks.databases import Engine, engines
from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import free_port, unit
from benchmarks.sending import PATIENCE_SECONDS, TOKEN, Ground, beside_provider, open_all_day
from survey import accounts, create_app
from survey.db import db, transaction
from survey.intake import upload as held
from survey.jobs.queue import enqueue
from survey.models.job import Job, JobState
from survey.models.staff import RoleName, Staff
from survey.province.workdays import local_day
from survey.settings import from_env

ROWS, INVITED = 40_000, 1_500
LEAST_REPLIES, LEAST_PHONES = 10, 150
MOST_SECONDS = 2.0
BETWEEN_REPLIES, LOOK_SECONDS = 0.3, 0.2
PACE = 100
KIND = "intake.import"


def measure(folder: Path) -> list[Figure]:
    """How long citizens who reply wait for the provider to get their thanks, on both databases."""
    with engines() as found:
        return [_measure(folder, engine) for engine in found]


def _measure(folder: Path, engine: Engine) -> Figure:
    changes = {"DATABASE_URL": engine.fresh(folder, "thanks"), "SMS_RATE": str(PACE)}
    port = free_port()
    changes |= {"PUBLIC_URL": f"http://127.0.0.1:{port}", "TWILIO_TWO_WAY": "1"}
    place = folder / f"thanks-{engine.name}"
    with beside_provider(place, changes) as ground, ExitStack() as stack:
        few, many = place / "few.csv", place / "many.csv"
        write_export(few, INVITED, first=ROWS + 1)
        write_export(many, ROWS)
        app = create_app(from_env(ground.environment))
        with app.app_context(), transaction() as session:
            open_all_day(session)
        stack.enter_context(unit("worker", ground.environment))
        _hand_in(app, few)
        _wait_for(lambda: _state(app) == JobState.DONE, "the first import")
        stack.enter_context(unit("sender", ground.environment))
        stack.enter_context(unit("citizens", ground.environment, port))
        _wait_for(lambda: len(ground.calls()) >= LEAST_PHONES, "invitations")
        phones = [phone for _at, phone in ground.calls()]
        _hand_in(app, many)
        _wait_for(lambda: _state(app) == JobState.RUNNING, "the start of the import")
        sent = _replies(app, port, phones)
        waits = sorted(_waits(ground, sent))
    said = f"limit; {len(sent)} replies, median {waits[len(waits) // 2]:.1f} s"
    name = f"thanks beside an import, {engine.name}"
    return Figure(name, "s", waits[-1], MOST_SECONDS, said, at_most=1)


def _hand_in(app: Flask, file: Path) -> None:
    """Have a file imported, as the page does that a clerk confirms."""
    now = datetime.now(UTC)
    with app.app_context():
        with transaction() as session:
            staff = session.scalars(select(Staff.id)).first() or _clerk(session, now)
        upload = held.hold_upload(db.session(), file, file.name, staff, now)
        payload = {"upload_id": upload.id, "export_day": local_day(now).isoformat()}
        with transaction() as session:
            session.add(upload)
            session.flush()
            enqueue(session, KIND, f"{KIND}@{upload.id}", payload, now)
        db.session.remove()


def _clerk(session: Session, now: datetime) -> int:
    staff, _password = accounts.add(session, now, accounts.NewAccount("a@tinh.vn", RoleName.ADMIN))
    session.flush()
    return staff.id


def _state(app: Flask) -> str:
    """How the last import stands."""
    with app.app_context():
        newest = select(Job.state).where(Job.kind == KIND).order_by(Job.id.desc())
        state = db.session.scalars(newest).first() or ""
        db.session.remove()
    if state == JobState.FAILED:
        sys.exit("the import failed")
    return state


def _wait_for(is_there: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_there():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {PATIENCE_SECONDS} s")
        time.sleep(LOOK_SECONDS)


def _replies(app: Flask, port: int, phones: list[str]) -> dict[str, float]:
    """Have one phone after the other reply while the import runs; phone and instant of each."""
    sent = dict[str, float]()
    address = f"http://127.0.0.1:{port}/webhooks/twilio/inbound"
    signer = RequestValidator(TOKEN)
    for phone in phones:
        if _state(app) != JobState.RUNNING:
            break
        fields = {"MessageSid": f"SM{secrets.token_hex(16)}", "From": phone, "Body": "5"}
        headers = {"X-Twilio-Signature": signer.compute_signature(address, fields)}
        sent[phone] = time.time()
        requests.post(address, fields, headers=headers, timeout=60).raise_for_status()
        time.sleep(BETWEEN_REPLIES)
    if len(sent) < LEAST_REPLIES:
        sys.exit(f"only {len(sent)} replies while the import ran")
    return sent


def _waits(ground: Ground, sent: dict[str, float]) -> list[float]:
    """Seconds from each reply to the call that brings its thanks to the provider."""
    thanked = dict[str, float]()

    def are_there() -> bool:
        for at, phone in ground.calls():
            if at > sent.get(phone, at):
                thanked.setdefault(phone, at)
        return len(thanked) == len(sent)

    _wait_for(are_there, "thanks")
    return [thanked[phone] - at for phone, at in sent.items()]
