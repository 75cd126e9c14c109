"""Who may see what: cases by agency tree and sector, contact data by reason and on record.

The head of an agency reads the cases of that agency and never who complained. A case with grave
words is closed to every account of an agency until the hotline releases it.
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
# A person who looks at more identities than this in a day is collecting, not calling back.
REVEALS_A_DAY = 20
REASON_LENGTH = 300
# Looks at cases and in the inbox are counted together.
REVEAL = "contact.reveal"


@dataclass(frozen=True, slots=True)
class Identity:
    """Name (may be empty), phone, and dossier code (empty while masked) of who wishes a call."""

    name: str
    phone: str
    dossier_code: str = ""


class SeenCase(NamedTuple):
    """An opened case that an account may see, with the agency and sector it is about."""

    case: OpenedCase
    agency: Agency
    sector: Sector

    @property
    def record(self) -> CaseRecord:
        """What the case is about and where it stands."""
        return self.case.record

    @property
    def code(self) -> str:
        """What people quote."""
        return self.case.code

    @property
    def is_closed(self) -> bool:
        """Whether nobody works on it any more."""
        return self.case.record.state == CaseState.CLOSED


def visible(session: Session, staff: Staff) -> list[SeenCase]:
    """The cases an account may see, but those filed away; soonest due first.

    Nobody but handlers and heads of agencies sees any.
    """
    if staff.role not in READERS:
        return []
    return seen(session, opened_in_work(session), scope_of(session, staff))


def archived(session: Session, staff: Staff, month: Month) -> list[SeenCase]:
    """The cases of a month (YYYY-MM) that were filed away and that an account may see."""
    if staff.role not in READERS:
        return []
    cases = opened_where(session, Case.is_archived, Case.month == month)
    return seen(session, cases, scope_of(session, staff))


def archived_under(session: Session, staff: Staff, code: str) -> list[SeenCase]:
    """The case of a code, if it was filed away and the account may see it."""
    if staff.role not in READERS:
        return []
    cases = opened_where(session, Case.is_archived, Case.code == code)
    return seen(session, cases, scope_of(session, staff))


def damaged(session: Session, staff: Staff, visible_cases: Sequence[SeenCase]) -> list[str]:
    """Codes of cases in work that do not open: damaged.

    No agency or sector is known, so only the hotline of the whole province sees them.
    """
    if not may_release(session, staff):
        return []
    # Whoever may release sees all of them.
    listed = select(func.count()).select_from(Case).where(Case.is_archived.is_(False))
    if session.scalar(listed) == len(visible_cases):
        return []
    codes = session.scalars(in_work().with_only_columns(Case.code))
    return sorted(set(codes) - {one.code for one in visible_cases})


def seen(session: Session, cases: Iterable[OpenedCase], scope: Scope) -> list[SeenCase]:
    """Opened cases with agency and sector, as far as they lie within a scope."""
    within = [one for one in cases if _is_within(scope, one.record)]
    ids = {one.record.agency_id for one in within}
    agencies = {one.id: one for one in session.scalars(select(Agency).where(Agency.id.in_(ids)))}
    sectors = {one.code: one for one in session.scalars(select(Sector))}
    return [
        SeenCase(one, agencies[one.record.agency_id], sectors[one.record.sector_code])
        for one in within
    ]


def is_seen(session: Session, staff: Staff, record: CaseRecord) -> bool:
    """Whether an account may see the case that stands so."""
    return staff.role in READERS and _is_within(scope_of(session, staff), record)


def may_release(session: Session, staff: Staff) -> bool:
    """Whether an account may release held cases: the hotline of the whole province alone."""
    return staff.role is RoleName.HANDLER and scope_of(session, staff) == Scope()


def _is_within(scope: Scope, record: CaseRecord) -> bool:
    """Whether a scope holds a case; a held one lies in the scope of no agency."""
    if record.is_held and scope.agency_ids is not None:
        return False
    return scope.holds(record.agency_id, record.sector_code)


def find(session: Session, staff: Staff, code: str) -> Case:
    """One case by its code; NotFound `no_case` when there is none in this account's scope."""
    case = session.scalars(select(Case).where(Case.code == code)).first()
    if case is None or not is_seen(session, staff, case.record):
        raise NotFound("no_case", code)
    return case


def masked_identity(staff: Staff, case: Case) -> Identity | None:
    """The shape of name and number for handlers; None without a wish to be called or the role."""
    wish = case.contact if staff.role is RoleName.HANDLER else None
    return Identity(mask_name(wish.name), mask_phone(wish.phone_e164)) if wish else None


def reveal(session: Session, staff: Staff, case: Case, reason: str, now: datetime) -> Identity:
    """Name, phone number and dossier for this one view; timeline and audit log record who looked,
    and why.

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
    # The account's row is held, so that two looks at once cannot both be the twentieth.
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update())
    if reveals_left(session, staff, now) < 1:
        raise Refused("reveal_quota", str(REVEALS_A_DAY))
    count_use(session, staff.id, REVEAL, local_day(now))
    add_event(session, case, CaseEvent(now, staff.id, EventKind.REVEALED, reason))
    audit.append(session, now, "case.reveal", f"case:{case.code}", staff_id=staff.id)
    return Identity(wish.name, wish.phone_e164, wish.dossier_code)


def reveals_left(session: Session, staff: Staff, now: datetime) -> int:
    """How often this account may still look at contact data today (local day)."""
    return max(0, REVEALS_A_DAY - used_on(session, staff.id, REVEAL, local_day(now)))
