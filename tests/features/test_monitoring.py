"""Control charts: baselines, one score per agency and sector group, data alerts before quality."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from survey import audit, indices, monitoring
from survey.errors import Invalid, NotFound
from survey.jobs import counting
from survey.models.control_chart import ControlAlert, ControlChart, RateChart
from survey.models.message import Message, MessageState
from survey.models.staff import Scope
from survey.monitoring import baselines
from survey.period import Month
from survey.province.workdays import LOCAL, Calendar
from tests.features.answering import add_staff, agencies
from tests.features.control_charts import (
    LAND,
    LATER,
    MONTHS,
    NOW,
    after,
    change_limits,
    findings,
    night,
    record,
    say,
)
from tests.seeding import NOW as ASKED_AT
from tests.seeding import Wanted, ask_everybody, finish


@pytest.fixture
def watched(transact):
    """Six communes with four ordinary months, closed and used as baseline."""
    with transact() as session:
        for agency in agencies(session)[:6]:
            for month in MONTHS:
                say(session, agency, month)
        for month in MONTHS:
            indices.close(session, month, NOW)
        monitoring.set_baseline(session, MONTHS[0], MONTHS[-1], NOW)
    return transact


def outage(session, units, day):
    """Add waiting answers: twenty for each of three days from `day` on at the first unit, and sixty
    for the last of these days at the second.
    """
    here, crowded = units
    for days in range(3):
        say(session, here, Month("2026-04"), (12, 8, 0), day + timedelta(days=days))
    say(session, crowded, Month("2026-04"), (36, 24, 0), day + timedelta(days=2))


def test_an_outage_is_read_day_by_day(watched):
    """Answers of three days that one night's counting finds move the scores like three nights, each
    at the end of its day; those of one day move them like one night.
    """
    with watched() as session:
        nightly, here, crowded = units = agencies(session)[:3]
        change_limits(session, [one.id for one in units], batch=20, alarm_at=10**9)
        for day in range(2, 5):
            say(session, nightly, Month("2026-04"), (12, 8, 0), date(2026, 4, day))
            counting.count(session, after(date(2026, 4, day)))
        outage(session, (here, crowded), date(2026, 4, 12))
        counting.count(session, after(date(2026, 4, 14)))
        charts = {one.chart.agency_id: one.state for one in monitoring.stands(session)}
        told = [charts[one.id] for one in units]
    assert told[0].score == told[1].score == 3 * told[2].score > 0
    assert [one.since_rated for one in told] == [60, 60, 60]
    assert [one.since for one in told] == [
        *(date(2026, 4, 2), date(2026, 4, 12), date(2026, 4, 14)),
    ]


def test_what_arrived_in_an_outage_is_not_missed_before_it_is_over(watched):
    """Deliveries during an outage of the counting are compared with answers only at the newest day,
    when these are known too.
    """
    with watched() as session:
        units = agencies(session)[:6]
        for day in range(2, 16):
            for agency in units:
                say(session, agency, Month("2026-04"), (6, 0, 9), date(2026, 4, day))
        counting.count(session, after(date(2026, 4, 15)))
        assert findings(session) == []
        for agency in units:
            say(session, agency, Month("2026-04"), (2, 0, 58), date(2026, 4, 16))
        counting.count(session, after(date(2026, 4, 25)))
        assert [told.key[:2] for told in findings(session)] == [("response_dip", None)]


def scores(session):
    """The score of every chart."""
    return [stand.state.score for stand in monitoring.stands(session)]


def test_a_fall_raises_one_alert_with_what_since_and_how_sure(watched):
    """Rising dissatisfied answers raise one alert with the usual and the observed share."""
    with watched() as session:
        here, there = agencies(session)[:2]
        for day in range(2, 9):
            say(session, here, Month("2026-04"), (3, 4, 11))
            say(session, there, Month("2026-04"), (6, 1, 11))
            night(session, date(2026, 4, day))
        (told,) = findings(session)
        signal = told.signal
        assert told.key[:2] == ("quality_drop", here.id)
        assert told.key.scope == LAND
        assert signal.since == date(2026, 4, 2)
        assert signal.expected == pytest.approx(0.1, abs=0.02)
        assert signal.seen / signal.out_of == pytest.approx(4 / 7)
        chances = [stand.limits.false_alarms for stand in monitoring.stands(session)]
        assert 0 < signal.chance < 1
        assert sum(chances) < 1
        assert [alert.agency.id for alert in monitoring.open_alerts(session, Scope())] == [here.id]
        assert not monitoring.open_alerts(session, Scope(frozenset({there.id})))
        assert audit.verify(session)[1]


def test_single_answers_are_never_read_alone(watched):
    """With fewer than five new ratings a chart does not move, and a night that is run again adds
    nothing.
    """
    with watched() as session:
        here = agencies(session)[0]
        chart = session.scalars(select(ControlChart).where(ControlChart.agency_id == here.id)).one()
        before = chart.state
        say(session, here, Month("2026-04"), (0, 4, 6))
        night(session, date(2026, 4, 2))
        assert chart.state == before
        say(session, here, Month("2026-04"), (1, 0, 0))
        night(session, date(2026, 4, 3))
        after = chart.state
        assert after.score > before.score
        assert after.read_rated == before.read_rated + 5
        # Run again for the same night: nothing new, nothing moves.
        assert night(session, date(2026, 4, 3)) == 0
        assert chart.state == after


def test_a_stolen_chart_tells_nothing_of_what_it_read(watched):
    """A night changes no clear value and no length of a ciphertext, since the difference would
    reveal the last few answers.
    """
    with watched() as session:
        before = in_clear(session)
        say(session, agencies(session)[0], Month("2026-04"), (0, 30, 30))
        assert night(session, date(2026, 4, 2)) == 1
        assert in_clear(session) == before


def in_clear(session):
    """Every column of the charts; of encrypted ones the length."""
    return [
        {
            one.name: len(value) if isinstance(value, bytes) else value
            for one in table.__table__.columns
            for value in [getattr(row, one.name)]
        }
        for table in (ControlChart, RateChart)
        for row in session.scalars(select(table).order_by(table.id))
    ]


def test_a_crowded_night_counts_as_one_batch(watched):
    """Answers of one night are correlated, so a night above the batch size moves the score like one
    batch.
    """
    with watched() as session:
        here, there = agencies(session)[:2]
        mine = ControlChart.agency_id.in_([here.id, there.id])
        change_limits(session, [here.id, there.id], batch=20)
        charts = select(ControlChart).where(mine).order_by(ControlChart.agency_id == there.id)
        say(session, here, Month("2026-04"), (12, 8, 0))
        say(session, there, Month("2026-04"), (120, 80, 0))
        night(session, date(2026, 4, 2))
        usual, crowded = (chart.state for chart in session.scalars(charts))
        assert usual.score == crowded.score > 0
        assert (usual.since_rated, crowded.since_rated) == (20, 200)


def test_tet_is_read_and_does_not_count(watched):
    """Answers of the weeks around Tết do not move a score, and later ones do."""
    calendar = Calendar()
    assert calendar.tet(2026) == (date(2026, 2, 16), date(2026, 2, 20))
    assert calendar.in_tet_weeks(date(2026, 3, 6))
    assert not calendar.in_tet_weeks(date(2026, 3, 7))
    with watched() as session:
        here = agencies(session)[0]
        for day in range(10, 20):
            say(session, here, Month("2026-02"), (3, 4, 11))
            assert night(session, date(2026, 2, day)) == 0
        assert not any(scores(session))
        say(session, here, Month("2026-03"), (3, 4, 11))
        night(session, date(2026, 3, 9))
        assert any(scores(session))


def test_missing_answers_raise_a_data_alert_instead(watched):
    """When the response rate falls, the alert is about the data and not about the unit's bad
    answers.
    """
    with watched() as session:
        units = agencies(session)[:6]
        for week in range(1, 4):
            for agency in units:
                say(session, agency, Month("2026-04"), (1, 4, 95))
            night(session, date(2026, 4, 1) + timedelta(weeks=week))
        (told,) = findings(session)
        assert told.key == ("response_dip", None, "")
        signal = told.signal
        assert signal.expected == pytest.approx(0.6, abs=0.02)
        assert signal.seen / signal.out_of == pytest.approx(0.95)
        # A fall so deep that all the silent together could not undo it is told all the same.
        say(session, units[0], Month("2026-04"), (0, 200, 10))
        night(session, date(2026, 4, 30))
        assert ("quality_drop", units[0].id) in [told.key[:2] for told in findings(session)]


def test_messages_that_do_not_arrive_raise_a_data_alert(transact):
    """A day on which a third of all invitations is lost raises one alert for the province."""
    with transact() as session:
        ask_everybody(session)
        agency = agencies(session)[0]
        for month in MONTHS:
            say(session, agency, month)
            indices.close(session, month, NOW)
        monitoring.set_baseline(session, MONTHS[0], MONTHS[-1], NOW)
        finish(session, [Wanted(number) for number in range(1, 61)])
        ids = list(session.scalars(select(Message.id)))
        for state, some in (
            (MessageState.UNDELIVERED, ids[:20]),
            (MessageState.DELIVERED, ids[20:]),
        ):
            session.execute(update(Message).where(Message.id.in_(some)).values(state=state))
        today = ASKED_AT.astimezone(LOCAL).date()
        for rate in session.scalars(select(RateChart)):
            rate.batch_from = today
        assert night(session, today) == 0  # receipts have a day to come in
        assert night(session, today + timedelta(days=1)) == 1
        (told,) = findings(session)
        signal = told.signal
        assert told.key[:2] == ("delivery_dip", None)
        assert (signal.seen, signal.out_of) == (20, 60)
        assert (signal.since, signal.until) == (today, today)


def test_a_person_closes_an_alert_with_words_and_the_chart_begins_at_zero(watched):
    """Closing an alert needs a text, is recorded, and happens once; the chart begins at zero, and
    the next fall is a new alert.
    """
    with watched() as session:
        here = agencies(session)[0]
        say(session, here, Month("2026-04"), (0, 30, 30))
        assert night(session, date(2026, 4, 2)) == 1
        analyst = add_staff(session, "analyst")
        (alert,) = session.scalars(select(ControlAlert))
        with pytest.raises(Invalid, match="alert_words"):
            monitoring.close(session, alert.id, analyst, "  ", NOW)
        monitoring.close(session, alert.id, analyst, "Máy lấy số hỏng, đã sửa.", LATER)
        closed = alert.record
        assert (closed.closed_at, closed.closed_by) == (LATER, analyst.id)
        assert closed.close_words == "Máy lấy số hỏng, đã sửa."
        assert not any(scores(session))
        with pytest.raises(NotFound):
            monitoring.close(session, alert.id, analyst, "Lần nữa", NOW)
        (entry,) = audit.entries(session, action="control_alert.closed")
        assert (entry.staff_id, entry.subject) == (analyst.id, f"alert:{alert.id}")
        say(session, here, Month("2026-04"), (0, 30, 30))
        assert night(session, date(2026, 4, 3)) == 1


def test_limits_are_frozen_by_a_person_from_closed_ordinary_months(watched):
    """A baseline is set from closed months without Tết, is recorded, and starts from the current
    counts.
    """
    with watched() as session:
        for month in (Month("2026-01"), Month("2026-02"), Month("2026-03")):
            say(session, agencies(session)[0], month)
        indices.close(session, Month("2026-01"), NOW)
        indices.close(session, Month("2026-02"), NOW)
        with pytest.raises(Invalid, match="baseline_open_month"):
            monitoring.set_baseline(session, Month("2026-01"), Month("2026-03"), NOW)
        with pytest.raises(Invalid, match="baseline_months"):
            monitoring.set_baseline(session, Month("2026-01"), Month("2026-02"), NOW)
        analyst = add_staff(session, "analyst")
        baseline = monitoring.set_baseline(
            session, Month("2025-12"), Month("2026-02"), NOW, staff_id=analyst.id
        )
        assert baseline.months == ("2025-12", "2026-01")
        charts = list(session.scalars(select(ControlChart)))
        assert {chart.baseline_by for chart in charts} == {analyst.id}
        assert len(charts) == baseline.charts
        *_, newest = audit.entries(session, action="baseline.set")
        assert newest.detail["months"] == ["2025-12", "2026-01"]
        assert night(session, date(2026, 4, 2)) == 0
        assert not any(scores(session))


def test_one_agency_is_frozen_anew_and_the_others_stay(watched):
    """A new baseline of one agency leaves the others' limits and scores, and all charts together
    keep less than one false alarm a month, however often it is repeated and also for an agency
    without a chart.
    """
    with watched() as session:
        here, there, *_, fresh = agencies(session)[:7]
        for month in (Month("2026-01"), Month("2026-03")):
            for agency in agencies(session)[:6]:
                say(session, agency, month)
            say(session, here, month, (20, 40, 40))
            say(session, fresh, month)
            indices.close(session, month, datetime(2026, 4, 16, tzinfo=UTC))
        night(session, date(2026, 4, 1))
        say(session, there, Month("2026-04"), (3, 4, 11))
        night(session, date(2026, 4, 2))
        before = record(session, here.id)
        assert any(getattr(one["opened"], "score", 0) for one in before)
        (old,) = session.scalars(select(ControlChart).where(ControlChart.agency_id == here.id))
        usual, analyst = old.limits.usual, add_staff(session, "analyst")
        baseline = monitoring.set_agency_baseline(
            session, here.code, Month("2026-01"), Month("2026-03"), LATER, staff_id=analyst.id
        )
        assert (baseline.months, baseline.charts) == (("2026-01", "2026-03"), 1)
        (chart,) = session.scalars(select(ControlChart).where(ControlChart.agency_id == here.id))
        assert chart.limits.usual > usual + 0.2
        assert chart.state.score == 0
        assert (chart.first_month, chart.baseline_by) == ("2026-01", analyst.id)
        assert record(session, here.id) == before
        *_, newest = audit.entries(session, action="baseline.set")
        assert (newest.action, newest.subject) == ("baseline.set", f"agency:{here.code}")
        assert newest.staff_id == analyst.id
        for agency in (here, fresh, there):
            monitoring.set_agency_baseline(session, agency.code, MONTHS[0], Month("2026-03"), LATER)
        alarms = [stand.limits.false_alarms for stand in monitoring.stands(session)]
        assert len(alarms) == 7
        assert sum(alarms) < monitoring.FALSE_ALARMS_A_MONTH
        # What is there was read: the next night finds nothing new to count.
        assert night(session, date(2026, 4, 12)) == 0


def test_an_agency_alone_is_refused_with_a_reason(watched):
    """An unknown code, no ratings, open months, no baseline of the province, or charts that use all
    allowed false alarms are refused, and nothing changes.
    """
    with watched() as session:
        here, *_, silent = agencies(session)[:7]
        before = record(session, None)
        for code, last, why in (
            ("LOC-X", MONTHS[-1], "unknown_agency"),
            (silent.code, MONTHS[-1], "baseline_no_ratings"),
            (here.code, Month("2026-03"), "baseline_open_month"),
        ):
            with pytest.raises(Invalid, match=why):
                monitoring.set_agency_baseline(session, code, MONTHS[0], last, NOW)
        assert record(session, None) == before
        others = [one.chart.agency_id for one in monitoring.stands(session)]
        change_limits(session, {*others} - {here.id}, false_alarms=0.2)
        with pytest.raises(Invalid, match="baseline_no_room"):
            monitoring.set_agency_baseline(session, here.code, MONTHS[0], MONTHS[-1], NOW)
        session.execute(delete(ControlChart))
        with pytest.raises(Invalid, match="baseline_missing"):
            monitoring.set_agency_baseline(session, here.code, MONTHS[0], MONTHS[-1], NOW)


def test_the_worker_reads_every_night(watched, runner):
    """The nightly job raises the alert by itself."""
    with watched() as session:
        say(session, agencies(session)[0], Month("2026-04"), (0, 30, 30))
    ran = runner("worker", "--once", "--now", "2026-04-03T05:00:00+07:00")
    assert ran.code == 0, ran.err
    with watched() as session:
        assert [told.key.rule for told in findings(session)] == ["quality_drop"]


def test_months_that_allow_no_limit_are_refused(watched, monkeypatch):
    """Months from which no limit keeps the false-alarm rate are refused; old charts stay."""
    monkeypatch.setattr(baselines, "FALSE_ALARMS_A_MONTH", 0.0)
    with watched() as session:
        before = record(session, None)
        with pytest.raises(Invalid, match="baseline_unsettled"):
            monitoring.set_baseline(session, MONTHS[0], MONTHS[-1], NOW)
        assert record(session, None) == before
