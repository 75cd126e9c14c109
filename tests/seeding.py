"""Finished dossiers for tests, made through the features and sent through the console provider."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import invitations
from survey.models.dossier import Dossier
from survey.models.organisation import Agency
from survey.models.province import Province
from survey.models.recipient import Recipient

NOW = datetime(2026, 5, 20, 3, 0, tzinfo=UTC)  # 10:00 on a Wednesday in Viet Nam
LINK = re.compile(r"/s/([0-9A-Z]{12})")


@dataclass(frozen=True)
class Wanted:
    """One finished dossier as a test wants it."""

    number: int
    agency: str = "LOC-KH-W22366"
    procedure: str = "1.012784"
    channel: str = "counter"
    finished_at: datetime = NOW - timedelta(hours=3)
    due_at: datetime | None = NOW + timedelta(days=1)
    phone: str | None = None

    @property
    def code(self) -> str:
        """Its dossier code."""
        return f"H32.15-260501-{self.number:04d}"

    @property
    def mobile(self) -> str:
        """Its phone: its own unless given."""
        return self.phone or f"+8490{self.number:07d}"


def finish(session: Session, wanted: Iterable[Wanted], now: datetime = NOW) -> list[Dossier]:
    """Register finished dossiers and decide who is asked."""
    agencies = dict(session.execute(select(Agency.code, Agency.id)).all())
    dossiers = [_dossier(session, one, agencies[one.agency]) for one in wanted]
    session.add_all(dossiers)
    session.flush()
    recipients = {one.code: Recipient.by_sms(one.mobile) for one in wanted}
    invitations.register_finished(session, dossiers, recipients, now)
    return dossiers


def _dossier(session: Session, wanted: Wanted, agency_id: int) -> Dossier:
    return Dossier(
        code=wanted.code,
        agency_id=agency_id,
        procedure_code=wanted.procedure,
        channel=wanted.channel,
        outcome="granted",
        received_at=wanted.finished_at - timedelta(days=5),
        received_has_time=True,
        due_at=wanted.due_at,
        due_has_time=wanted.due_at is not None,
        finished_at=wanted.finished_at,
        finished_has_time=True,
        phone_kind="mobile",
        **Dossier.phone.columns(session, wanted.code, wanted.mobile),
        **Dossier.name.columns(session, wanted.code, "Công dân thử"),
    )


def ask_everybody(session: Session) -> None:
    """No delay and no sampling, so that a test decides who is asked."""
    province = session.scalars(select(Province)).one()
    province.invite_delay_minutes = 0


def links(console: Path) -> dict[str, str]:
    """Phone → token of the link it was sent last."""
    found = {}
    for line in console.read_text(encoding="utf-8").splitlines():
        message = json.loads(line)
        link = LINK.search(message["text"])
        if link:
            found[message["to"]] = link[1]
    return found
