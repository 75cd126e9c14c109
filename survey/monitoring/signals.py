"""Control chart alerts: one open alert per rule, agency and sector group, closed by a person."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases.deadlines import day_of
from survey.errors import Invalid, NotFound
from survey.models.control_chart import (
    AlertKey,
    AlertRecord,
    ControlAlert,
    ControlChart,
    ControlRule,
    Signal,
    lock_control_charts,
    name_of,
)
from survey.models.operator_alert import unordered_id
from survey.models.organisation import Agency
from survey.models.staff import Scope, Staff
from survey.monitoring.quality import forget

LONGEST_WORDS = 500
DATA_RULES = (ControlRule.DELIVERY_DIP, ControlRule.RESPONSE_DIP)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An open control chart alert with its record and its agency (None: the whole province)."""

    id: int
    record: AlertRecord
    agency: Agency | None


def open_alert_keys(session: Session) -> set[AlertKey]:
    """The keys of all open control chart alerts."""
    return {record.key for _, record in _open(session)}


def _open(session: Session) -> Iterator[tuple[ControlAlert, AlertRecord]]:
    for alert in session.scalars(select(ControlAlert)):
        record = alert.record
        if record.closed_at is None:
            yield alert, record


def raise_signal(session: Session, key: AlertKey, signal: Signal, now: datetime) -> None:
    """Open an alert; the caller has checked that none is open for the key."""
    alert = ControlAlert(id=unordered_id())
    session.add(alert)
    alert.record = AlertRecord(key, day_of(now), signal)
    session.flush()
    detail = {"rule": key.rule, "agency": key.agency_id, "group": key.scope}
    audit.append(session, now, "control_alert.opened", f"alert:{alert.id}", detail=detail)


def extend(session: Session, key: AlertKey, later: Signal) -> None:
    """Update an open alert: a data alert adds a further batch, a quality alert takes the new sums.

    A quality alert whose chart has restarted since keeps its old sums.
    """
    by_key = ControlAlert.record.holds(session, name_of(key))
    alert = session.scalars(select(ControlAlert).where(by_key)).one()
    record = alert.record
    signal = record.signal
    if key.rule in DATA_RULES and later.until > signal.until:
        seen, out_of = signal.seen + later.seen, signal.out_of + later.out_of
        chance = min(signal.chance, later.chance)
        signal = replace(signal, seen=seen, out_of=out_of, until=later.until, chance=chance)
    elif later.since == signal.since:
        signal = replace(later, expected=signal.expected, chance=signal.chance)
    alert.record = replace(record, signal=signal)


def open_alerts(session: Session, scope: Scope) -> list[OpenAlert]:
    """Open control chart alerts within a scope: those of the province first, then newest first.

    A scope limited to some agencies excludes the alerts of the whole province.
    """
    agencies = {one.id: one for one in session.scalars(select(Agency))}
    found = [
        OpenAlert(alert.id, record, agencies.get(record.key.agency_id or 0))
        for alert, record in _open(session)
        if scope.agency_ids is None or record.key.agency_id in scope.agency_ids
    ]
    return sorted(found, key=_order)


def _order(alert: OpenAlert) -> tuple[bool, float, str, str]:
    name = alert.agency.name if alert.agency else ""
    opened = alert.record.opened_at.timestamp()
    return alert.agency is not None, -opened, name, alert.record.key.scope


def close(session: Session, alert_id: int, staff: Staff, words: str, now: datetime) -> None:
    """Close an alert with the findings of a person in `words`, and reset its chart to zero.

    NotFound `no_alert`; Invalid `alert_words` without words or with more than 500 characters.
    """
    lock_control_charts(session)
    alert = session.get(ControlAlert, alert_id, populate_existing=True)
    record = alert.record if alert else None
    if alert is None or record is None or record.closed_at is not None:
        raise NotFound("no_alert")
    # Unprintable characters are dropped; they would also make the encrypted column longer.
    words = "".join(one for one in words if one.isprintable() or one == "\n").strip()
    if not words or len(words) > LONGEST_WORDS:
        raise Invalid("alert_words")
    alert.record = replace(record, closed_at=now, closed_by=staff.id, close_words=words)
    _reset(session, record.key)
    session.flush()
    audit.append(session, now, "control_alert.closed", f"alert:{alert.id}", staff_id=staff.id)


def _reset(session: Session, key: AlertKey) -> None:
    chart = session.scalars(
        select(ControlChart).where(
            ControlChart.agency_id == key.agency_id, ControlChart.sector_group == key.scope
        )
    ).first()
    if chart is not None:
        state = chart.state
        state.score = 0
        forget(state)
        chart.state = state
