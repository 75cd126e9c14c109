"""Answers and staff for the tests of alerts and cases, without the road of SMS before them."""

import secrets
from datetime import UTC, datetime

from sqlalchemy import select

from survey import accounts, alerts
from survey.cases.steps import Ending
from survey.models.case import CloseReason
from survey.models.message import Message
from survey.models.organisation import Agency, Sector
from survey.models.questionnaire import Questionnaire
from survey.models.response import Answer, Form, Mode, Response, seal_closing, seal_form
from survey.models.staff import RoleName
from survey.sealing import unseal

# A Friday, 16:40 in Viet Nam.
NOW = datetime(2026, 11, 20, 9, 40, tzinfo=UTC)
# Words that a case may be closed with though nobody replied.
WORDS = "Chúng tôi đã chuyển phản ánh của Ông/Bà để xem xét."
WISH = alerts.ContactWish("+84905000111", "Nguyễn Văn An", "H32.12-261118-0042")


def ending(reason):
    """How a case is closed for a reason, with words for the citizen."""
    receiver = "Thanh tra tỉnh" if reason == CloseReason.TRANSFERRED else ""
    return Ending(CloseReason(reason), WORDS, receiver)


ENDING = ending(CloseReason.TRANSFERRED)


def agencies(session, level="commune"):
    """Agencies of one level that exist today, by code."""
    query = select(Agency).where(Agency.level == level, Agency.valid_to.is_(None))
    return list(session.scalars(query.order_by(Agency.code)))


def sectors(session):
    """Codes of sectors, sorted."""
    return sorted(session.scalars(select(Sector.code)))


def questionnaire_id(session):
    """Id of a questionnaire, made if the reference data brought none."""
    found = session.scalar(select(Questionnaire.id).limit(1))
    if found is None:
        made = Questionnaire(kind="short", version=1, valid_from=NOW)
        session.add(made)
        session.flush()
        found = made.id
    return found


def answer(session, agency=None, sector=None, *, overall=1, comment=None, mode="web"):
    """A stored answer of version 1."""
    agency = agency or agencies(session)[0]
    response_id, form = secrets.token_hex(16), Form(Mode(mode), questionnaire_id(session))
    response = Response(
        id=response_id,
        key=secrets.token_bytes(16),
        agency_id=agency.id,
        sector_code=sector or sectors(session)[0],
        month="2026-11",
        channel="counter",
        lateness="on_time",
        form_sealed=seal_form(session, response_id, form),
    )
    session.add(response)
    return change(session, response, overall=overall, comment=comment)


def change(session, response, *, overall, comment=None):
    """A further version of an answer."""
    version = len(response.answers) + 1
    sealed = seal_closing(session, response.id, version, 0)
    made = Answer(version=version, closing_sealed=sealed, overall=overall, comment=comment)
    response.answers.append(made)
    session.flush()
    return made


def raise_case(session, now=NOW, *, contact=None, **answer_parts):
    """Answer and let the alerts look at it; the case or None."""
    made = answer(session, **answer_parts)
    return alerts.raise_for_answer(session, now, made.response, made, contact)


def add_staff(session, role=RoleName.HANDLER, *, agency=None, sector="", now=NOW):
    """An account of a role, with the agency and sector it may see."""
    email = f"{secrets.token_hex(4)}@example.vn"
    wanted = accounts.NewAccount(
        email=email,
        role=RoleName(role),
        agency_code=agency.code if agency else "",
        sector_code=sector,
        name=f"Cán bộ {email[:4]}",
    )
    return accounts.add(session, now, wanted)[0]


def prepare(transact, *, contact=None, **answer_parts):
    """One case and one handler of the whole province: code and staff id."""
    with transact() as session:
        case = raise_case(session, contact=contact, **answer_parts)
        return case.code, add_staff(session).id


def texts(session):
    """What waits to be sent, in order."""
    rows = session.scalars(select(Message).order_by(Message.due_at))
    return [unseal(session, "message.body", one.id, one.body_sealed) for one in rows]
