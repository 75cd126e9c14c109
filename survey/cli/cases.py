"""`flask cases`: open cases, soonest due first."""

from datetime import datetime

import click
from sqlalchemy.orm import Session

from survey.cases.labels import REASONS, STATES
from survey.cases.queue import deadline, open_cases
from survey.cli.options import common_options, emit
from survey.db import db
from survey.models.case import Case
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
        [_document(one, now) for one in cases],
        as_json=as_json,
        text="\n".join(_line(one, now) for one in cases) or "Không có phản ánh nào đang mở.",
    )


def _document(one: Case, now: datetime) -> dict[str, object]:
    due = deadline(one)
    return {
        "code": one.code,
        "state": one.state,
        "reason": one.reason,
        "agency": one.agency.code,
        "sector": one.sector_code,
        "opened_at": one.opened_at.isoformat(),
        "due_at": due.isoformat() if due else None,
        "overdue": due is not None and due < now,
        "assignee": one.assignee.email if one.assignee else None,
        "contact_wished": one.contact_phone_sealed is not None,
    }


def _line(one: Case, now: datetime) -> str:
    due = deadline(one)
    when = f"hạn {due.astimezone(LOCAL):%H:%M %d/%m/%Y}" if due else "chờ người dân"
    late = " (QUÁ HẠN)" if due and due < now else ""
    owner = (one.assignee.name or one.assignee.email) if one.assignee else "chưa giao"
    words = (one.code, STATES[one.state], REASONS[one.reason], one.agency.name, when + late, owner)
    return " · ".join(words)
