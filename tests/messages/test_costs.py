"""What messages cost, what they may cost, and what an operator hears of it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from survey.db import db, transaction
from survey.messages import outbox
from survey.messages.providers import SmsConfigFault, SmsNotSent, SmsRefused
from survey.models.message import Message, ProviderHealth
from survey.models.operator_alert import Alert
from survey.models.price import SmsPrice
from tests.conftest import run_command, unit_of_work
from tests.messages.gateway import NOW, Gateway, fails, queue, takes
from tests.messages.test_outbox import DAY, MINUTE
from tests.seeding import Wanted, ask_everybody, finish

LAST_OF_MAY = datetime(2026, 5, 31, 3, 0, tzinfo=UTC)


def priced(session):
    """Prices of the test's gateway: dearer from June on."""
    for day, dong in ((NOW.date(), 300), (datetime(2026, 6, 1, tzinfo=UTC).date(), 400)):
        session.add(SmsPrice(provider="fake", valid_from=day, dong_per_segment=dong))


def open_alerts():
    """Rule and scope of every open alert."""
    with transaction() as session:
        query = select(Alert.rule, Alert.scope).where(Alert.closed_at.is_(None))
        return sorted(tuple(row) for row in session.execute(query))


def send(gateway, now, messages):
    """Queue so many more messages and send what is due."""
    with transaction() as session:
        for number in range(messages):
            queue(session, number, due_at=now, expires_at=now + 60 * DAY)
    return outbox.send_due(gateway, now)


def test_budgets_warn_stop_and_keep(make_app):
    """At 80 % somebody is told, at 100 % nothing more leaves and nothing is lost; each period
    begins anew.
    """
    app = make_app(SMS_DAILY_BUDGET="5", SMS_MONTHLY_BUDGET="8")
    gateway = Gateway()
    with app.app_context():
        assert send(gateway, LAST_OF_MAY - DAY, 3).sent == 3
        assert open_alerts() == []
        assert send(gateway, LAST_OF_MAY - DAY + MINUTE, 1).sent == 1
        assert open_alerts() == [("sms_budget_near", "day")]
        assert send(gateway, LAST_OF_MAY, 6) == outbox.SendSummary(4, 0, 0, 2)
        assert open_alerts() == [("sms_budget_near", "day"), ("sms_budget_spent", "month")]
        told = run_command(app, "alerts", "list", "--json").json
        assert {(one["rule"], one["scope"], one["agency"]) for one in told} == {
            ("sms_budget_near", "day", None), ("sms_budget_spent", "month", None),
        }  # fmt: skip
        assert "hết hạn mức tin tháng" in run_command(app, "alerts", "list").out
        assert send(gateway, LAST_OF_MAY + DAY, 4) == outbox.SendSummary(5, 0, 0, 1)
        assert open_alerts() == [("sms_budget_spent", "day")]
        assert outbox.send_due(gateway, LAST_OF_MAY + 2 * DAY).waiting == 0
        assert open_alerts() == []
        assert len(gateway.taken) == 14


def test_a_budget_counts_every_provider(make_app):
    """Changing the provider does not begin a budget anew; a call that made nothing is free."""
    app = make_app(SMS_DAILY_BUDGET="3", SMS_MONTHLY_BUDGET="9")
    with app.app_context():
        first, other = Gateway(), Gateway()
        other.name = "other"
        assert send(first, NOW, 2).sent == 2
        other.before = fails(SmsNotSent("no connection"))
        assert send(other, NOW, 1).waiting == 1
        other.before = takes
        assert send(other, NOW + 2 * MINUTE, 1) == outbox.SendSummary(1, 0, 0, 1)
        health = db.session().get_one(ProviderHealth, "other")
        assert (health.day_segments, health.month_segments) == (1, 1)


def test_a_call_of_yesterday_is_given_back_to_yesterday(app):
    """What was booked on a day that is over does not lower the next day's account."""
    gateway = Gateway()

    def midnight(_):
        with app.app_context(), transaction() as session:
            health = session.get_one(ProviderHealth, "fake")
            health.day, health.month = (NOW + 30 * DAY).date(), "2026-06"
        raise SmsNotSent("no connection")

    gateway.before = midnight
    with app.app_context():
        send(gateway, NOW, 1)
        health = db.session().get_one(ProviderHealth, "fake")
        assert (health.day_segments, health.month_segments) == (1, 1)


def test_the_operator_hears_of_a_pause_and_of_doubts(app):
    """A provider that refuses our account, and doubts no machine settled, each raise one alert
    that closes by itself.
    """
    gateway = Gateway(can_list=False)
    with app.app_context():
        gateway.before = fails(SmsConfigFault("twilio 20003"))
        send(gateway, NOW, 1)
        outbox.send_due(gateway, NOW + MINUTE)
        assert open_alerts() == [("sms_paused", "fake")]
        gateway.before = fails(TimeoutError())
        outbox.send_due(gateway, NOW + 20 * MINUTE)
        gateway.before = takes
        assert send(gateway, NOW + 60 * MINUTE, 1).sent == 1
        assert open_alerts() == [("sms_unclear", "")]
        with transaction() as session:
            session.scalars(select(Message).where(Message.state == "unknown")).one().step("sent")
        outbox.send_due(gateway, NOW)  # an earlier T closes nothing that was opened after it
        assert open_alerts() == [("sms_unclear", "")]
        outbox.send_due(gateway, NOW + 61 * MINUTE)
        assert open_alerts() == []


def test_messages_cost(make_app):
    """`messages cost`: dong at the price of the day, per agency, and why the others did not go."""
    app = make_app(SMS_DAILY_BUDGET="9")
    gateway = Gateway()
    with unit_of_work(app) as session:
        priced(session)
        ask_everybody(session)
        done = NOW - timedelta(hours=1)
        both = [Wanted(1, finished_at=done), Wanted(2, finished_at=done)]
        finish(session, [*both, Wanted(3, agency="LOC-KH-SXD", finished_at=done)], NOW)
        queue(session, 9, due_at=NOW)
        queue(session, 8, due_at=NOW, expires_at=NOW)
    with app.app_context():
        outbox.send_due(gateway, NOW)
        gateway.before = fails(SmsRefused("bad_number"))
        send(gateway, NOW + MINUTE, 1)
        gateway.before = fails(TimeoutError())
        send(gateway, NOW + 2 * MINUTE, 1)
        send(gateway, NOW + 3 * MINUTE, 20)
    words = ("messages", "cost", "--month", "2026-05", "--now", (NOW + 4 * MINUTE).isoformat())
    told = run_command(app, *words, "--json").json
    assert {name: told[name] for name in ("messages", "segments", "dong", "unpriced")} == {
        "messages": 4, "segments": 4, "dong": 1200, "unpriced": 0,
    }  # fmt: skip
    assert [(one["key"], one["messages"], one["dong"]) for one in told["by_agency"]] == [
        ("LOC-KH-W22366", 2, 600), (None, 1, 300), ("LOC-KH-SXD", 1, 300),
    ]  # fmt: skip
    assert told["not_sent"]["bad_number"] == told["not_sent"]["expired"] == 1
    assert told["not_sent"]["unclear"] == 5
    assert told["not_sent"]["budget"] == 16
    assert told["budgets"] == [{"period": "day", "limit": 9, "used": 9}]
    text = run_command(app, *words).out
    for said in ("4 đoạn, 1.200 đồng", "Chờ vì đã hết hạn mức: 16", "Hạn mức ngày: 9/9 đoạn"):
        assert said in text
    assert run_command(app, "messages", "cost", "--month", "2026-06", "--json").json["dong"] == 0


def test_a_reminder_counts_for_no_agency(app):
    """What a reminder costs stands with the messages that belong to no agency."""
    gateway = Gateway()
    with unit_of_work(app) as session:
        priced(session)
        ask_everybody(session)
        finish(session, [Wanted(1)], NOW)
    with app.app_context():
        for instant in (NOW, NOW + 3 * DAY):
            assert outbox.send_due(gateway, instant).sent == 1
    words = ("messages", "cost", "--month", "2026-05")
    told = run_command(app, *words, "--json").json["by_agency"]
    assert sorted((one["key"] or "", one["dong"]) for one in told) == [
        ("", 300), ("LOC-KH-W22366", 300),
    ]  # fmt: skip
    assert "Nhắc lại và trả lời tin nhắn đến: 1 tin" in run_command(app, *words).out


def test_a_price_holds_from_its_day(app):
    """A message keeps the price of the day it was sent; one without a price is told apart."""
    gateway = Gateway()
    with app.app_context():
        with transaction() as session:
            priced(session)
        for now in (NOW - DAY, NOW, NOW + 14 * DAY):
            send(gateway, now, 1)
        costs = set(db.session().scalars(select(Message.cost_dong)))
    assert costs == {None, 300, 400}
    words = ("messages", "cost", "--month", "2026-05", "--json")
    told = run_command(app, *words).json
    assert (told["messages"], told["dong"], told["unpriced"]) == (2, 300, 1)
