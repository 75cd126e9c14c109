"""`flask cases`: open cases, soonest due first."""

from datetime import datetime

import click
from sqlalchemy.orm import Session

from survey.cases.labels import REASONS, STATES
from survey.cases.queue import deadline, open_cases
from survey.cases.sight import SeenCase
from survey.cli.options import common_options, emit
from survey.db import db
from survey.models.staff import Staff
from survey.workdays import LOCAL


@click.group(help="Phản ánh cần người xử lý.")
def command() -> None:
    """Group the commands on cases."""


@command.command("list", help="Các phản ánh đang mở, đến hạn trước đứng trước.")
@common_options
def show(*, now: datetime, as_json: bool) -> None:
    """Print open cases; nothing in it names who complained."""
    session: Session = db.session()
    cases = open_cases(session)
    emit(
        [_document(session, one, now) for one in cases],
        as_json=as_json,
        text="\n".join(_line(session, one, now) for one in cases)
        or "Không có phản ánh nào đang mở.",
    )


def _document(session: Session, one: SeenCase, now: datetime) -> dict[str, object]:
    standing, owner = one.standing, _owner(session, one)
    due = deadline(standing)
    return {
        "code": one.code,
        "state": standing.state,
        "reason": standing.reason,
        "agency": one.agency.code,
        "sector": standing.sector_code,
        "opened_at": standing.opened_at.isoformat(),
        "due_at": due.isoformat() if due else None,
        "overdue": due is not None and due < now,
        "assignee": owner.email if owner else None,
        "contact_wished": one.case.contact_sealed is not None,
    }


def _line(session: Session, one: SeenCase, now: datetime) -> str:
    standing, owner = one.standing, _owner(session, one)
    due = deadline(standing)
    when = f"hạn {due.astimezone(LOCAL):%H:%M %d/%m/%Y}" if due else "chờ người dân"
    late = " (QUÁ HẠN)" if due and due < now else ""
    words = (one.code, STATES[standing.state], REASONS[standing.reason], one.agency.name)
    who = (owner.name or owner.email) if owner else "chưa giao"
    return " · ".join((*words, when + late, who))


def _owner(session: Session, one: SeenCase) -> Staff | None:
    number = one.standing.assignee_id
    return session.get(Staff, number) if number else None
