"""Approval of a closed month's report by a leader; until then every copy is a draft."""

from datetime import datetime

from sqlalchemy.orm import Session

from survey import audit, indices
from survey.db import advisory_lock
from survey.errors import Refused
from survey.models.snapshot import Approval
from survey.models.staff import Staff
from survey.period import Month
from survey.reports import phrases


def approve(session: Session, month: Month, staff: Staff, now: datetime) -> Approval:
    """Approve the report of a month (YYYY-MM); idempotent: the first approval is stored.

    Refused `not_closed` while the month is open, `snapshot_broken` when its figures do not match
    their digest.
    """
    advisory_lock(session, f"closing:{month}")
    snapshot = indices.first(session, month)
    if snapshot is None:
        raise Refused("not_closed", phrases.month_name(month))
    given = session.get(Approval, snapshot.id)
    if given is not None:
        return given
    indices.payload_of(snapshot)
    name = staff.name or staff.email
    approval = Approval(snapshot_id=snapshot.id, staff_id=staff.id, name=name, approved_at=now)
    session.add(approval)
    session.flush()
    detail = {"snapshot": snapshot.id, "digest": snapshot.digest}
    audit.append(session, now, "report.approve", f"month:{month}", staff_id=staff.id, detail=detail)
    return approval
