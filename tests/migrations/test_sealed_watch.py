"""What the watch reads and says is sealed by an upgrade, and loses nothing either way."""

from datetime import UTC, date, datetime

import flask_migrate
import pytest
import sqlalchemy as sa

from survey.db import db, transaction
from survey.models.alert import Alert
from survey.models.watch import (
    Finding,
    Limits,
    Measure,
    Place,
    Progress,
    RateLimits,
    Signal,
    Sums,
    WatchAlert,
    WatchChart,
    WatchRate,
    WatchRule,
)
from survey.monitoring import quality, signals
from tests.features import answering

NOW = datetime(2026, 6, 24, 3, tzinfo=UTC)
OPENED = datetime(2026, 6, 23, 17, tzinfo=UTC)
FROZEN = {"first_month": "2026-01", "last_month": "2026-04", "frozen_on": date(2026, 5, 15)}
LIMITS = Limits(0.1, 0.12, 0.5, 8, 1, 60, 20, 0.01, 400)
PROGRESS = (Progress(), Progress(7, date(2026, 6, 3), 40, 20, 9, 900, 400, 80))
SHARES, SUMS = RateLimits(0.4, 0.5, 0.01), (Sums(), Sums(900, 400))
TOLD = Signal(date(2026, 6, 20), date(2026, 6, 24), 0.08, 9, 20, 0.01)
WORDS = "Đã kiểm tra máy lấy số ở quầy. " * 16


@pytest.fixture
def filled(app):
    """A database of now with charts, rates, two alerts of the watch (one closed) and one of
    sending: what those of the watch are about, by their ids.
    """
    with app.app_context():
        with transaction() as session:
            here, there = answering.agencies(session)[:2]
            for agency, progress in zip((here, there), PROGRESS, strict=True):
                chart = WatchChart(agency_id=agency.id, sector_group="land", **FROZEN)
                chart.freeze(session, LIMITS)
                chart.keep(session, progress)
                session.add(chart)
            for agency_id, sums in zip((None, here.id), SUMS, strict=True):
                place = {"measure": Measure.RESPONSE, "agency_id": agency_id}
                rate = WatchRate(batch_from=date(2026, 6, 1), **place, **FROZEN)
                rate.freeze(session, SHARES)
                rate.keep(session, sums)
                session.add(rate)
            staff = answering.add_staff(session, "analyst")
            dip = Place(WatchRule.RESPONSE_DIP, None)
            signals.raise_signal(session, dip, TOLD, NOW)
            (alert,) = session.scalars(sa.select(WatchAlert))
            signals.close(session, alert.id, staff, WORDS, NOW)
            fall = Place(WatchRule.QUALITY_DROP, there.id, "land")
            signals.raise_signal(session, fall, TOLD, NOW)
            session.add(Alert(rule="sms_paused", scope="twilio", opened_at=NOW))
        with transaction() as session:
            found = dict(_opened(session))
        yield found


def in_clear(name):
    """A table of before, row by row."""
    tables = sa.MetaData()
    tables.reflect(db.engine, only=[name])
    with db.engine.connect() as connection:
        query = sa.select(tables.tables[name]).order_by(*tables.tables[name].primary_key)
        return connection.execute(query).mappings().all()


def said(kind, row):
    """The columns of a row that something sealed is made of."""
    return kind(**{name: row[name] for name in kind.__slots__})


def test_what_the_watch_reads_and_says_is_sealed_and_opened(filled):
    """Taken back, every column says what was sealed; forth again, everything opens as before, and
    an open alert keeps its place.
    """
    flask_migrate.downgrade(revision="0008")
    _stands_in_clear(filled)
    flask_migrate.upgrade()
    with transaction() as session:
        _opens(session, filled)


def _stands_in_clear(filled):
    charts = in_clear("watch_chart")
    assert [said(Limits, row) for row in charts] == [LIMITS, LIMITS]
    assert [said(Progress, row) for row in charts] == [*PROGRESS]
    rates = in_clear("watch_rate")
    assert [said(RateLimits, row) for row in rates] == [SHARES, SHARES]
    assert [Sums(row["read_delivered"], row["read_answered"]) for row in rates] == [*SUMS]
    told = {row["alert_id"]: row for row in in_clear("alert_signal")}
    assert {key: said(Signal, row) for key, row in told.items()} == dict.fromkeys(filled, TOLD)
    alerts = {row["id"]: row for row in in_clear("alert")}
    assert len(alerts) == len(filled) + 1
    for key, finding in filled.items():
        row, end = alerts[key], told[key]
        assert (row["rule"], row["agency_id"], row["scope"]) == finding.place
        assert (end["closed_by"], end["close_words"]) == (finding.closed_by, finding.close_words)
        assert (row["closed_at"] is None) == (finding.closed_at is None)
        assert row["opened_at"].replace(tzinfo=row["opened_at"].tzinfo or UTC) == OPENED
    rows = [row for name in ("watch_chart", "watch_rate", "alert_signal") for row in in_clear(name)]
    assert not [name for row in rows for name in row if name.endswith("_sealed")]


def _opens(session, filled):
    stands = {one.chart.id: one for one in quality.stands(session)}
    assert [stands[key].limits for key in sorted(stands)] == [LIMITS, LIMITS]
    assert [stands[key].progress for key in sorted(stands)] == [*PROGRESS]
    rates = session.scalars(sa.select(WatchRate).order_by(WatchRate.id)).all()
    assert [one.limits(session) for one in rates] == [SHARES, SHARES]
    assert [one.sums(session) for one in rates] == [*SUMS]
    alerts = session.scalars(sa.select(WatchAlert)).all()
    assert {alert.id: alert.finding(session) for alert in alerts} == filled
    (fall,) = signals.open_places(session)
    signals.extend(session, fall, Signal(TOLD.since, date(2026, 6, 25), 0.1, 11, 24, 0.02))
    (found,) = [one for _, one in _opened(session) if one.closed_at is None]
    assert (found.signal.seen, found.signal.expected) == (11, TOLD.expected)
    assert session.scalars(sa.select(Alert.rule)).all() == ["sms_paused"]


def _opened(session) -> list[tuple[int, Finding]]:
    return [(one.id, one.finding(session)) for one in session.scalars(sa.select(WatchAlert))]
