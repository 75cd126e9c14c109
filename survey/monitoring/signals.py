"""Alerts of the watch: raised once per rule, place and group, seen by scope, closed by a person."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases.clocks import day_of
from survey.errors import Invalid, NotFound
from survey.models.alert import unordered_id
from survey.models.organisation import Agency
from survey.models.staff import Scope, Staff
from survey.models.watch import (
    Finding,
    Place,
    Signal,
    WatchAlert,
    WatchChart,
    WatchRule,
    lock_watch,
    name_of,
)
from survey.monitoring.quality import forget

LONGEST_WORDS = 500
DATA_RULES = (WatchRule.DELIVERY_DIP, WatchRule.RESPONSE_DIP)


@dataclass(frozen=True, slots=True)
class Card:
    """An open alert of the watch, what it is about, and its agency (None: the whole province)."""

    id: int
    finding: Finding
    agency: Agency | None


def open_places(session: Session) -> set[Place]:
    """Where an alert of the watch is open."""
    return {finding.place for _, finding in _open(session)}


def _open(session: Session) -> Iterator[tuple[WatchAlert, Finding]]:
    for alert in session.scalars(select(WatchAlert)):
        finding = alert.finding
        if finding.closed_at is None:
            yield alert, finding


def raise_signal(session: Session, place: Place, signal: Signal, now: datetime) -> None:
    """Open an alert for a place without an open one, with what it says."""
    alert = WatchAlert(id=unordered_id())
    session.add(alert)
    alert.finding = Finding(place, day_of(now), signal)
    session.flush()
    detail = {"rule": place.rule, "agency": place.agency_id, "group": place.scope}
    audit.record(session, now, "watch.alert", f"alert:{alert.id}", detail=detail)


def extend(session: Session, place: Place, later: Signal) -> None:
    """It goes on: an open alert on the data counts a further batch, one on quality its newest sums.

    A fall whose chart began again stays as it was told.
    """
    at_place = WatchAlert.finding.holds(session, name_of(place))
    alert = session.scalars(select(WatchAlert).where(at_place)).one()
    finding = alert.finding
    signal = finding.signal
    if place.rule in DATA_RULES and later.until > signal.until:
        seen, out_of = signal.seen + later.seen, signal.out_of + later.out_of
        chance = min(signal.chance, later.chance)
        signal = replace(signal, seen=seen, out_of=out_of, until=later.until, chance=chance)
    elif later.since == signal.since:
        signal = replace(later, expected=signal.expected, chance=signal.chance)
    alert.finding = replace(finding, signal=signal)


def cards(session: Session, scope: Scope) -> list[Card]:
    """Open alerts of the watch within a scope, data before quality, newest first.

    Who sees one agency tree only sees no alert of the whole province.
    """
    agencies = {one.id: one for one in session.scalars(select(Agency))}
    found = [
        Card(alert.id, finding, agencies.get(finding.place.agency_id or 0))
        for alert, finding in _open(session)
        if scope.agency_ids is None or finding.place.agency_id in scope.agency_ids
    ]
    return sorted(found, key=_order)


def _order(card: Card) -> tuple[bool, float, str, str]:
    name = card.agency.name if card.agency else ""
    opened = card.finding.opened_at.timestamp()
    return card.agency is not None, -opened, name, card.finding.place.scope


def close(session: Session, alert_id: int, staff: Staff, words: str, now: datetime) -> None:
    """A person looked into an alert: it closes with what was found, and its chart begins at zero.

    NotFound `no_alert`; Invalid `alert_words` without words or with more than 500 characters.
    """
    lock_watch(session)
    alert = session.get(WatchAlert, alert_id, populate_existing=True)
    finding = alert.finding if alert else None
    if alert is None or finding is None or finding.closed_at is not None:
        raise NotFound("no_alert")
    # Other signs have no place in words, and take more room sealed.
    words = "".join(one for one in words if one.isprintable() or one == "\n").strip()
    if not words or len(words) > LONGEST_WORDS:
        raise Invalid("alert_words")
    alert.finding = replace(finding, closed_at=now, closed_by=staff.id, close_words=words)
    _reset(session, finding.place)
    session.flush()
    audit.record(session, now, "watch.close", f"alert:{alert.id}", staff_id=staff.id)


def _reset(session: Session, place: Place) -> None:
    chart = session.scalars(
        select(WatchChart).where(
            WatchChart.agency_id == place.agency_id, WatchChart.sector_group == place.scope
        )
    ).first()
    if chart is not None:
        progress = chart.progress
        progress.score = 0
        forget(progress)
        chart.progress = progress
