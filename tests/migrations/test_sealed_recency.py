"""What told which answers came last is sealed by an upgrade, and loses nothing either way."""

from datetime import UTC, date, datetime

import flask_migrate
import pytest
import sqlalchemy as sa

from survey.db import db, transaction
from survey.models.response import Answer, Response
from survey.models.watch import AlertSignal, Progress, Signal, Sums, WatchChart, WatchRate
from survey.monitoring.signals import Place, raise_signal
from tests.features import answering
from tests.features.rated import say_all

NOW = datetime(2026, 6, 24, 3, tzinfo=UTC)
TOLD = Signal(date(2026, 6, 20), date(2026, 6, 24), 0.08, 9, 20, 0.01)
PROGRESS = (Progress(), Progress(7, date(2026, 6, 3), 40, 20, 9, 900, 400, 80))
SUMS = (Sums(), Sums(900, 400))
FROZEN = {
    "usual": 0.1,
    "careful": 0.12,
    "first_month": "2026-01",
    "last_month": "2026-04",
    "frozen_on": date(2026, 5, 15),
}
CHART = {
    "answer_rate": 0.5,
    "den": 8,
    "num": 1,
    "alarm_at": 60,
    "batch": 20,
    "false_alarms": 0.01,
    "rated": 400,
}
# Most rows that a migration reads at once, and some.
ANSWERS = 1010


@pytest.fixture
def filled(app):
    """A database of now: answers before and after a closing, charts, rates and an alert. The form
    of all answers.
    """
    with app.app_context():
        with transaction() as session:
            here, there = answering.agencies(session)[:2]
            for month, closing in (("2026-04", 0), ("2026-05", 1)):
                say_all(session, here, month, times=ANSWERS // 2, closing=closing)
            for agency, progress in zip((here, there), PROGRESS, strict=True):
                chart = WatchChart(agency_id=agency.id, sector_group="land", **FROZEN, **CHART)
                chart.keep(session, progress)
                session.add(chart)
            for agency_id, sums in zip((None, here.id), SUMS, strict=True):
                place = {"measure": "response", "agency_id": agency_id, "rho": 0.01}
                rate = WatchRate(**place, **FROZEN, batch_from=date(2026, 6, 1))
                rate.keep(session, sums)
                session.add(rate)
            raise_signal(session, Place("quality_drop", here.id, "land"), TOLD, NOW)
            form = ("web", answering.questionnaire_id(session))
        yield form


def in_clear(name):
    """A table of before, row by row."""
    tables = sa.MetaData()
    tables.reflect(db.engine, only=[name])
    with db.engine.connect() as connection:
        query = sa.select(tables.tables[name]).order_by(*tables.tables[name].primary_key)
        return connection.execute(query).mappings().all()


def test_what_is_sealed_stands_in_clear_before(filled):
    """Taken back, every column says what was sealed, and none is sealed any more."""
    flask_migrate.downgrade(revision="0007")
    assert sorted(row["closing"] for row in in_clear("answer")) == [0] * 505 + [1] * 505
    assert {(row["mode"], row["questionnaire_id"]) for row in in_clear("response")} == {filled}
    for row, progress in zip(in_clear("watch_chart"), PROGRESS, strict=True):
        assert Progress(**{name: row[name] for name in Progress.__slots__}) == progress
    for row, sums in zip(in_clear("watch_rate"), SUMS, strict=True):
        assert Sums(row["read_delivered"], row["read_answered"]) == sums
    (row,) = in_clear("alert_signal")
    assert Signal(**{name: row[name] for name in Signal.__slots__}) == TOLD
    tables = ("response", "answer", "watch_chart", "watch_rate", "alert_signal")
    names = {name for table in tables for row in in_clear(table) for name in row}
    assert not [name for name in names if name.endswith("_sealed")]


def test_an_upgrade_seals_what_stood_in_clear(filled):
    """Back and forth again, everything opens and says the same."""
    flask_migrate.downgrade(revision="0007")
    flask_migrate.upgrade()
    with transaction() as session:
        closings = [one.closing(session) for one in session.scalars(sa.select(Answer))]
        assert sorted(closings) == [0] * 505 + [1] * 505
        assert {one.form(session) for one in session.scalars(sa.select(Response))} == {filled}
        charts = session.scalars(sa.select(WatchChart).order_by(WatchChart.id))
        assert [one.progress(session) for one in charts] == [*PROGRESS]
        rates = session.scalars(sa.select(WatchRate).order_by(WatchRate.id))
        assert [one.sums(session) for one in rates] == [*SUMS]
        told = session.scalars(sa.select(AlertSignal)).one()
        assert told.signal(session) == TOLD
