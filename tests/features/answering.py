"""Answers and staff for the tests of alerts and cases, stored without any SMS."""

import secrets
from dataclasses import replace

from sqlalchemy import select

from survey import accounts, case_triggers
from survey.ballots import storage
from survey.ballots.contents import replacing
from survey.cases.steps import Ending
from survey.models.ballot import Mode
from survey.models.case import CloseReason
from survey.models.count import Cell
from survey.models.message import Message
from survey.models.organisation import Agency, Sector
from survey.models.staff import RoleName
from survey.period import Month
from tests import ballots
from tests.clocks import NOW

# Words that a case may be closed with though nobody replied.
WORDS = "Chúng tôi đã chuyển phản ánh của Ông/Bà để xem xét."
WISH = case_triggers.ContactWish("+84905000111", "Nguyễn Văn An", "H32.12-261118-0042")


def ending(reason):
    """How a case is closed for a reason, with a text for the citizen."""
    receiver = "Thanh tra tỉnh" if reason == CloseReason.TRANSFERRED else ""
    return Ending(CloseReason(reason), WORDS, receiver)


ENDING = ending(CloseReason.TRANSFERRED)


def agencies(session, level="commune"):
    """Agencies of one level that exist today, in the order of their codes."""
    query = select(Agency).where(Agency.level == level, Agency.valid_to.is_(None))
    return list(session.scalars(query.order_by(Agency.code)))


def sectors(session):
    """Codes of sectors, sorted."""
    return sorted(session.scalars(select(Sector.code)))


def answer(session, agency=None, sector=None, *, overall=1, comment=None, mode="web"):
    """Store a first answer; return the change that `alerts` is given."""
    agency = agency or agencies(session)[0]
    cell = Cell(agency.id, sector or sectors(session)[0], Month("2026-11"), "counter", "on_time")
    key = ballots.put(
        session, cell, {"overall": overall}, NOW, comment=comment or "", mode=Mode(mode)
    )
    return case_triggers.Change(key, cell, None, storage.find(session, key).answer)


def change(session, key, *, overall, comment=None):
    """Change the answer of a ballot; return the change that `alerts` is given."""
    before = storage.find(session, key)
    last = before.pooled.current if before.pooled else before.ballot.versions[-1]
    pooled = before.pooled or ballots.waiting(before.ballot, NOW)
    pooled = replace(pooled, current=replacing(last, {"overall": overall}, ()))
    storage.put(session, pooled, comment or "", before)
    after = storage.find(session, key).answer
    return case_triggers.Change(key, before.ballot.cell, before.answer, after)


def raise_case(session, now=NOW, *, contact=None, **answer_parts):
    """Answer and open the case that the answer needs; return the case or None."""
    return case_triggers.raise_for_answer(session, now, answer(session, **answer_parts), contact)


def add_staff(session, role=RoleName.HANDLER, *, agency=None, sector="", now=NOW):
    """Create an account of a role, with the agency and sector it may see."""
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
    """Create one case and one handler of the whole province; return code and staff id."""
    with transact() as session:
        case = raise_case(session, contact=contact, **answer_parts)
        return case.code, add_staff(session).id


def texts(session):
    """The texts of the messages in the queue, in order."""
    rows = session.scalars(select(Message).order_by(Message.due_at))
    return [one.body for one in rows]
