"""Open alerts: at most one per rule, agency and scope; one with cases closes with its last case."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session

from survey.models.alert import Alert, AlertRule, unordered_id
from survey.models.case import Case, CaseState


def join_alert(
    session: Session, rule: AlertRule, agency_id: int | None, at: datetime, scope: str = ""
) -> int:
    """Id of the open alert of this rule, agency (None: the province) and scope, opened if there is
    none.

    Safe when many do it at once: the partial unique index lets one insert through, and a shared
    lock keeps the alert from being closed until the case that joins it is committed.
    """
    postgresql = session.get_bind().dialect.name == "postgresql"
    insert = insert_postgresql if postgresql else insert_sqlite
    key = {"rule": rule, "agency_id": agency_id, "scope": scope}
    opened = insert(Alert).values(id=unordered_id(), opened_at=at, **key)
    found = select(Alert.id).filter_by(**key, closed_at=None)
    while True:
        session.execute(opened.on_conflict_do_nothing())
        # Empty only when somebody closed the alert between the two statements.
        if (alert_id := session.scalar(found.with_for_update(read=True))) is not None:
            return alert_id


def settle_alert(session: Session, alert_id: int | None, now: datetime) -> None:
    """Close an alert when none of its cases is open; one that lost all its cases is taken back."""
    if alert_id is None:
        return
    alert = session.get(Alert, alert_id, with_for_update=True, populate_existing=True)
    if alert is None or alert.closed_at is not None:
        return
    states = set(session.scalars(select(Case.state).where(Case.alert_id == alert_id).distinct()))
    if not states:
        session.execute(delete(Alert).where(Alert.id == alert_id))
    elif states == {CaseState.CLOSED}:
        alert.closed_at = now
        session.flush()
