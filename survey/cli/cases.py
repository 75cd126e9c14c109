"""`flask cases`: open cases, soonest due first."""

from datetime import datetime

import click
from sqlalchemy.orm import Session

from survey.cases.access_control import SeenCase
from survey.cases.labels import REASONS, STATES
from survey.cases.queue import open_cases
from survey.cases.search import Wanted, search
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import db
from survey.models.case import CaseState
from survey.models.staff import Staff
from survey.province.workdays import LOCAL


@click.group(help=gettext("Phản ánh cần người xử lý."))
def command() -> None:
    """Group the commands on cases."""


@command.command("list", help=gettext("Các phản ánh đang mở, đến hạn trước đứng trước."))
@click.option(
    "--state", type=click.Choice([str(one) for one in CaseState]), help=gettext("Trạng thái.")
)
@click.option(
    "--agency",
    default="",
    metavar=gettext("MÃ"),
    help=gettext("Cơ quan này và các đơn vị trực thuộc."),
)
@click.option(
    "--q",
    "text",
    default="",
    metavar=gettext("CHỮ"),
    help=gettext("Mã phản ánh, hoặc từ trong góp ý."),
)
@common_options
def show(*, state: str | None, agency: str, text: str, now: datetime, as_json: bool) -> None:
    """Print open cases, or those in a state; the output never identifies the citizen."""
    session: Session = db.session()
    cases = search(session, open_cases(session, state or ""), Wanted(agency=agency, text=text))
    nothing = gettext("Không tìm thấy phản ánh nào phù hợp.")
    if not (state or agency or text):
        nothing = gettext("Không có phản ánh nào đang mở.")
    emit(
        [_document(session, one, now) for one in cases],
        as_json=as_json,
        text="\n".join(_line(session, one, now) for one in cases) or nothing,
    )


def _document(session: Session, one: SeenCase, now: datetime) -> dict[str, object]:
    record, owner = one.record, _owner(session, one)
    due = one.case.deadline
    return {
        "code": one.code,
        "state": record.state,
        "reason": record.reason,
        "agency": one.agency.code,
        "sector": record.sector_code,
        "opened_at": record.opened_at.isoformat(),
        "due_at": due.isoformat() if due else None,
        "overdue": due is not None and due < now,
        "assignee": owner.email if owner else None,
        "contact_wished": one.case.wishes_call,
    }


def _line(session: Session, one: SeenCase, now: datetime) -> str:
    record, owner = one.record, _owner(session, one)
    due = one.case.deadline
    when = (
        gettext("hạn %(due)s", due=f"{due.astimezone(LOCAL):%H:%M %d/%m/%Y}")
        if due
        else gettext("chờ người dân")
    )
    overdue = gettext("QUÁ HẠN")
    late = f" ({overdue})" if due and due < now else ""
    words = (
        one.code,
        gettext(STATES[record.state]),
        gettext(REASONS[record.reason]),
        one.agency.name,
    )
    who = (owner.name or owner.email) if owner else gettext("chưa giao")
    return " · ".join((*words, when + late, who))


def _owner(session: Session, one: SeenCase) -> Staff | None:
    number = one.record.assignee_id
    return session.get(Staff, number) if number else None
