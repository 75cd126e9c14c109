"""Who may see what: cases by agency tree and sector, contact data by reason and on record.

The head of an agency reads the cases of that agency and never who complained.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases.timeline import add_event
from survey.errors import Invalid, NotFound, Refused
from survey.models.case import Case, CaseState, EventKind
from survey.models.staff import RoleName, Staff, count_use, scope_of, used_on
from survey.privacy.masking import mask_name
from survey.sealing import unseal
from survey.sms.phone import mask_phone
from survey.workdays import local_day

READERS = frozenset({RoleName.HANDLER, RoleName.AGENCY_HEAD})
# A person who looks at more identities than this in a day is collecting, not calling back.
REVEALS_A_DAY = 20
REASON_LENGTH = 300
# Looks at cases and in the inbox are counted together.
LOOK = "contact.reveal"


@dataclass(frozen=True, slots=True)
class Identity:
    """Name (may be empty), phone, and dossier code (empty while masked) of who wishes a call."""

    name: str
    phone: str
    dossier_code: str = ""


def visible(session: Session, staff: Staff) -> Select[Case]:
    """Query of the cases an account may see; nobody but handlers and heads of agencies sees any."""
    query = select(Case)
    if staff.role not in READERS:
        return query.where(false())
    scope = scope_of(session, staff)
    if scope.agency_ids is not None:
        query = query.where(Case.agency_id.in_(scope.agency_ids))
    if scope.sector_code is not None:
        query = query.where(Case.sector_code == scope.sector_code)
    return query


def find(session: Session, staff: Staff, code: str) -> Case:
    """One case by its code; NotFound `no_case` when there is none in this account's scope."""
    query = visible(session, staff).where(Case.code == code)
    case = session.scalars(query).first()
    if case is None:
        raise NotFound("no_case", code)
    return case


def masked_identity(session: Session, staff: Staff, case: Case) -> Identity | None:
    """The shape of name and number for handlers; None without a wish to be called or the role."""
    if staff.role is not RoleName.HANDLER or case.contact_phone_sealed is None:
        return None
    whole = _identity(session, case)
    return Identity(mask_name(whole.name), mask_phone(whole.phone))


def reveal(session: Session, staff: Staff, case: Case, reason: str, now: datetime) -> Identity:
    """Name, number and dossier for this one view; timeline and chain keep who looked, and why.

    Refused: `handlers_only`, `no_contact_wished`, `case_closed`, `reveal_quota` after 20 a day.
    Invalid `reveal_reason` without a reason of at most 300 characters.
    """
    if staff.role is not RoleName.HANDLER:
        raise Refused("handlers_only")
    if case.contact_phone_sealed is None:
        raise Refused("no_contact_wished")
    if case.state == CaseState.CLOSED:
        raise Refused("case_closed")
    reason = reason.strip()
    if not reason or len(reason) > REASON_LENGTH:
        raise Invalid("reveal_reason")
    # The account's row is held, so that two looks at once cannot both be the twentieth.
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update())
    if reveals_left(session, staff, now) < 1:
        raise Refused("reveal_quota", str(REVEALS_A_DAY))
    count_use(session, staff.id, LOOK, local_day(now))
    add_event(session, case, EventKind.REVEALED, now, staff_id=staff.id, text=reason)
    audit.record(session, now, "case.reveal", f"case:{case.code}", staff_id=staff.id)
    return _identity(session, case)


def reveals_left(session: Session, staff: Staff, now: datetime) -> int:
    """How often this account may still look at contact data today (local day)."""
    return max(0, REVEALS_A_DAY - used_on(session, staff.id, LOOK, local_day(now)))


def phone_of(session: Session, case: Case) -> str | None:
    """The number to call (E.164), for sending a message; None when no call is wished."""
    if case.contact_phone_sealed is None:
        return None
    return unseal(session, "case.phone", case.code, case.contact_phone_sealed)


def _identity(session: Session, case: Case) -> Identity:
    name = ""
    if case.contact_name_sealed:
        name = unseal(session, "case.name", case.code, case.contact_name_sealed)
    return Identity(name, phone_of(session, case) or "", case.contact_dossier_code or "")
