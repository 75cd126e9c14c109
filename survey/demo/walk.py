"""The two-minute walk: a dossier finished now for a demo phone, and the messages it received."""

import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from survey.db import settings_of
from survey.demo.role_logins import demo_agency
from survey.dossiers import DossierFacts, Timestamp, record
from survey.errors import Refused
from survey.invitations import REHEARSAL_PHONES, REPLYING_PHONE, register_finished
from survey.messages.phone import Phone
from survey.models.dossier import Channel, Outcome
from survey.models.invitation import OptOut
from survey.models.organisation import Procedure
from survey.province import province_of
from survey.province.workdays import LOCAL

# The visitor's phones: one that opens links, and one that can only send texts.
PHONE = REHEARSAL_PHONES[0]
PHONES = {"link": PHONE, "text": REPLYING_PHONE}
APPLICANT = "Lê Thị Thử"
# First choice: the most frequent dossiers of a commune.
SECTOR = "land"
LEVELS = ("commune", "both")
TAKEN_DAYS = 6
LEAST_NUMBER, MOST_NUMBER = 100_000, 999_999
UNIT_NUMBER = 999
LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Sms:
    """A message on the demo phone: text before the link, the link (may be empty), text after."""

    at: datetime
    before: str
    link: str
    after: str


def finish_one(session: Session, now: datetime, number: str = PHONE) -> str:
    """Register a dossier of a demo phone as finished now; return its code.

    It takes the same path as a row of an imported file. An opt-out of the phone is deleted, so that
    the walk can be repeated. Refused `not_a_demo`, `no_province`.
    """
    if not settings_of(session).is_rehearsal:
        raise Refused("not_a_demo")
    province = province_of(session)
    agency = demo_agency(session)
    procedures = (
        select(Procedure)
        .where(Procedure.level.in_(LEVELS))
        .order_by(Procedure.sector_code != SECTOR, Procedure.code)
    )
    procedure = session.scalars(procedures.limit(1)).first()
    if agency is None or procedure is None:
        raise Refused("no_province")
    local = now.astimezone(LOCAL)
    received = local - timedelta(days=TAKEN_DAYS)
    serial = secrets.randbelow(MOST_NUMBER - LEAST_NUMBER) + LEAST_NUMBER
    code = f"{province.dossier_prefix}.{UNIT_NUMBER}-{received:%y%m%d}-{serial}"
    facts = DossierFacts(
        code=code,
        agency_id=agency.id,
        procedure_code=procedure.code,
        channel=Channel.COUNTER,
        outcome=Outcome.GRANTED,
        received=Timestamp(received.date(), received.time().replace(microsecond=0)),
        due=Timestamp(local.date()),
        finished=Timestamp(local.date(), local.time().replace(microsecond=0)),
        phone=Phone(number, "mobile"),
        name=APPLICANT,
    )
    session.execute(delete(OptOut).where(OptOut.phone.holds(session, number)))
    recorded = record(session, [facts], now)
    register_finished(session, recorded.finished, recorded.recipients, now)
    return code


def messages(console_file: Path, most: int, number: str = PHONE) -> list[Sms]:
    """Messages to a demo phone, newest first; a partly written last line is skipped."""
    found = []
    lines = console_file.read_bytes().splitlines() if console_file.exists() else []
    for line in reversed(lines):
        try:
            sms = json.loads(line)
        except ValueError:
            continue
        if sms["to"] == number:
            found.append(_read(sms["text"], datetime.fromisoformat(sms["at"])))
        if len(found) == most:
            break
    return found


def _read(text: str, at: datetime) -> Sms:
    link = LINK.search(text)
    if link is None:
        return Sms(at, text, "", "")
    address = link[0].rstrip(".,;")
    start = link.start()
    return Sms(at, text[:start], address, text[start + len(address) :])
