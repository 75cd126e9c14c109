"""Access control: cases by agency tree and sector, contact data only with a logged reason.

The head of an agency reads the cases of that agency but never the citizen's identity. A case with
grave words is closed to every account of an agency until the hotline releases it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases.records import OpenedCase, opened_in_work, opened_where
from survey.cases.timeline import add_event
from survey.errors import Invalid, NotFound, Refused
from survey.formats import mask_phone
from survey.models.case import (
    Case,
    CaseEvent,
    CaseRecord,
    CaseState,
    EventKind,
    in_work,
)
from survey.models.organisation import Agency, Sector
from survey.models.staff import RoleName, Scope, Staff, count_use, scope_of, used_on
from survey.period import Month
from survey.privacy.masking import mask_name
from survey.province.workdays import local_day

READERS = frozenset({RoleName.HANDLER, RoleName.AGENCY_HEAD})
# An account that reveals more identities than this a day is collecting data, not calling back.
REVEALS_A_DAY = 20
REASON_LENGTH = 300
# Reveals in cases and in the inbox count towards the same daily limit.
REVEAL = "contact.reveal"


@dataclass(frozen=True, slots=True)
class Identity:
    """Name (may be empty), phone and dossier code (empty while masked) of who asked for a call."""

    name: str
    phone: str
    dossier_code: str = ""


class SeenCase(NamedTuple):
    """A decrypted case that an account may see, with the agency and sector it is about."""

    case: OpenedCase
    agency: Agency
    sector: Sector

    @property
    def record(self) -> CaseRecord:
        """The case's agency, sector, state and deadlines."""
        return self.case.record

    @property
    def code(self) -> str:
        """The public case code."""
        return self.case.code

    @property
    def is_closed(self) -> bool:
        """Whether the case is closed."""
        return self.case.record.state == CaseState.CLOSED


def visible(session: Session, staff: Staff) -> list[SeenCase]:
    """The unarchived cases that an account may see, soonest due first.

    Only handlers and heads of agencies see cases.
    """
    if staff.role not in READERS:
        return []
    return seen(session, opened_in_work(session), scope_of(session, staff))


def archived(session: Session, staff: Staff, month: Month) -> list[SeenCase]:
    """The archived cases of a month (YYYY-MM) that an account may see."""
    if staff.role not in READERS:
        return []
    cases = opened_where(session, Case.is_archived, Case.month == month)
    return seen(session, cases, scope_of(session, staff))


def archived_under(session: Session, staff: Staff, code: str) -> list[SeenCase]:
    """The archived case with this code, if there is one and the account may see it."""
    if staff.role not in READERS:
        return []
    cases = opened_where(session, Case.is_archived, Case.code == code)
    return seen(session, cases, scope_of(session, staff))


def damaged(session: Session, staff: Staff, visible_cases: Sequence[SeenCase]) -> list[str]:
    """Codes of unarchived cases that cannot be decrypted.

    Which agency they belong to is unknown, so only handlers of the whole province get the list.
    """
    if not may_release(session, staff):
        return []
    # An account that may release cases sees every case, so a difference means damaged ones.
    listed = select(func.count()).select_from(Case).where(Case.is_archived.is_(False))
    if session.scalar(listed) == len(visible_cases):
        return []
    codes = session.scalars(in_work().with_only_columns(Case.code))
    return sorted(set(codes) - {one.code for one in visible_cases})


def seen(session: Session, cases: Iterable[OpenedCase], scope: Scope) -> list[SeenCase]:
    """The decrypted cases within a scope, with their agency and sector."""
    within = [one for one in cases if _is_within(scope, one.record)]
    ids = {one.record.agency_id for one in within}
    agencies = {one.id: one for one in session.scalars(select(Agency).where(Agency.id.in_(ids)))}
    sectors = {one.code: one for one in session.scalars(select(Sector))}
    return [
        SeenCase(one, agencies[one.record.agency_id], sectors[one.record.sector_code])
        for one in within
    ]


def is_seen(session: Session, staff: Staff, record: CaseRecord) -> bool:
    """Whether an account may see a case with this record."""
    return staff.role in READERS and _is_within(scope_of(session, staff), record)


def may_release(session: Session, staff: Staff) -> bool:
    """Whether an account may release held cases: only handlers of the whole province."""
    return staff.role is RoleName.HANDLER and scope_of(session, staff) == Scope()


def _is_within(scope: Scope, record: CaseRecord) -> bool:
    """Whether a case is within a scope; a held case is in the scope of no agency."""
    if record.is_held and scope.agency_ids is not None:
        return False
    return scope.holds(record.agency_id, record.sector_code)


def find(session: Session, staff: Staff, code: str) -> Case:
    """The case with this code; NotFound `no_case` if there is none in this account's scope."""
    case = session.scalars(select(Case).where(Case.code == code)).first()
    if case is None or not is_seen(session, staff, case.record):
        raise NotFound("no_case", code)
    return case


def masked_identity(staff: Staff, case: Case) -> Identity | None:
    """Masked name and phone for handlers; None for other roles or without a callback request."""
    wish = case.contact if staff.role is RoleName.HANDLER else None
    return Identity(mask_name(wish.name), mask_phone(wish.phone_e164)) if wish else None


def reveal(session: Session, staff: Staff, case: Case, reason: str, now: datetime) -> Identity:
    """Return name, phone and dossier code for one view; timeline and audit log store who and why.

    Refused: `handlers_only`, `no_contact_wished`, `case_closed`, `reveal_quota` after 20 a day.
    Invalid `reveal_reason` without a reason of at most 300 characters.
    """
    if staff.role is not RoleName.HANDLER:
        raise Refused("handlers_only")
    wish = case.contact
    if wish is None:
        raise Refused("no_contact_wished")
    if case.record.state == CaseState.CLOSED:
        raise Refused("case_closed")
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise Invalid("reveal_reason")
    # The account's row is locked, so that two concurrent reveals cannot both be the twentieth.
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update())
    if reveals_left(session, staff, now) < 1:
        raise Refused("reveal_quota", str(REVEALS_A_DAY))
    count_use(session, staff.id, REVEAL, local_day(now))
    add_event(session, case, CaseEvent(now, staff.id, EventKind.REVEALED, reason))
    audit.append(session, now, "case.reveal", f"case:{case.code}", staff_id=staff.id)
    return Identity(wish.name, wish.phone_e164, wish.dossier_code)


def reveals_left(session: Session, staff: Staff, now: datetime) -> int:
    """How many more contacts this account may reveal today (local day)."""
    return max(0, REVEALS_A_DAY - used_on(session, staff.id, REVEAL, local_day(now)))
