"""Alerts of the watch: raised once per rule, place and group, seen by scope, closed by a person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from survey import audit
from survey.cases.clocks import day_of
from survey.errors import Invalid, NotFound
from survey.models.alert import Alert, AlertRule, unordered_id
from survey.models.organisation import Agency
from survey.models.staff import Scope, Staff
from survey.models.watch import AlertSignal, Signal, WatchChart
from survey.monitoring.quality import forget

LONGEST_WORDS = 500
DATA_RULES = (AlertRule.DELIVERY_DIP, AlertRule.RESPONSE_DIP)


@dataclass(frozen=True, slots=True)
class Card:
    """An open alert of the watch, its place (None: the whole province) and what it says."""

    alert: Alert
    agency: Agency | None
    signal: Signal


@dataclass(frozen=True, slots=True)
class Place:
    """Rule, agency (None: the whole province) and sector group (empty: all) of an alert."""

    rule: AlertRule
    agency_id: int | None
    scope: str = ""


def open_places(session: Session) -> set[Place]:
    """Where an alert of the watch is open."""
    query = (
        select(Alert.rule, Alert.agency_id, Alert.scope)
        .join(AlertSignal, AlertSignal.alert_id == Alert.id)
        .where(Alert.closed_at.is_(None))
    )
    return {Place(AlertRule(rule), agency, scope) for rule, agency, scope in session.execute(query)}


def raise_signal(session: Session, place: Place, signal: Signal, now: datetime) -> None:
    """Open an alert for a place without an open one, with what it says."""
    row = AlertSignal(alert_id=_join_alert(session, place, day_of(now)))
    row.keep(session, signal)
    session.add(row)
    session.flush()
    detail = {"rule": place.rule, "agency": place.agency_id, "group": place.scope}
    audit.record(session, now, "watch.alert", f"alert:{row.alert_id}", detail=detail)


def _join_alert(session: Session, place: Place, at: datetime) -> int:
    """Id of the open alert of a place, opened if there is none; safe when two do it at once."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    key = {"rule": place.rule, "agency_id": place.agency_id, "scope": place.scope}
    opened = dialect.insert(Alert).values(id=unordered_id(), opened_at=at, **key)
    session.execute(opened.on_conflict_do_nothing())
    return session.scalars(select(Alert.id).filter_by(**key, closed_at=None)).one()


def extend(session: Session, place: Place, later: Signal) -> None:
    """It goes on: an open alert on the data counts a further batch, one on quality its newest sums.

    A fall whose chart began again stays as it was told.
    """
    query = (
        select(AlertSignal)
        .join(Alert, Alert.id == AlertSignal.alert_id)
        .where(Alert.closed_at.is_(None))
        .filter(Alert.rule == place.rule, Alert.scope == place.scope)
        .filter(Alert.agency_id.is_not_distinct_from(place.agency_id))
    )
    row = session.scalars(query).one()
    signal = row.signal(session)
    if place.rule in DATA_RULES and later.until > signal.until:
        seen, out_of = signal.seen + later.seen, signal.out_of + later.out_of
        chance = min(signal.chance, later.chance)
        longer = replace(signal, seen=seen, out_of=out_of, until=later.until, chance=chance)
        row.keep(session, longer)
    elif later.since == signal.since:
        row.keep(session, replace(later, expected=signal.expected, chance=signal.chance))


def cards(session: Session, scope: Scope) -> list[Card]:
    """Open alerts of the watch within a scope, data before quality, newest first.

    Who sees one agency tree only sees no alert of the whole province.
    """
    query = (
        select(Alert, Agency, AlertSignal)
        .join(AlertSignal, AlertSignal.alert_id == Alert.id)
        .outerjoin(Agency, Agency.id == Alert.agency_id)
        .where(Alert.closed_at.is_(None))
        .order_by(Alert.agency_id.is_not(None), Alert.opened_at.desc(), Agency.name, Alert.scope)
    )
    if scope.agency_ids is not None:
        query = query.where(Alert.agency_id.in_(scope.agency_ids))
    rows = session.execute(query)
    return [Card(alert, agency, row.signal(session)) for alert, agency, row in rows]


def close(session: Session, alert_id: int, staff: Staff, words: str, now: datetime) -> None:
    """A person looked into an alert: it closes with what was found, and its chart begins at zero.

    NotFound `no_alert`; Invalid `alert_words` without words or with more than 500 characters.
    """
    row = session.get(AlertSignal, alert_id, with_for_update=True)
    if row is None or row.alert.closed_at is not None:
        raise NotFound("no_alert")
    words = words.strip()
    if not words or len(words) > LONGEST_WORDS:
        raise Invalid("alert_words")
    row.closed_by, row.close_words = staff.id, words
    alert = row.alert
    alert.closed_at = now
    reset(session, [alert])
    session.flush()
    audit.record(session, now, "watch.close", f"alert:{alert.id}", staff_id=staff.id)


def reset(session: Session, alerts: Sequence[Alert]) -> None:
    """Let the charts of these alerts begin at zero."""
    for alert in alerts:
        chart = session.scalars(
            select(WatchChart).where(
                WatchChart.agency_id == alert.agency_id, WatchChart.sector_group == alert.scope
            )
        ).first()
        if chart is not None:
            progress = chart.progress(session)
            progress.score = 0
            forget(progress)
            chart.keep(session, progress)
