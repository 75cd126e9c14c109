"""Cases written in clear are sealed by an upgrade, and stand in clear again when taken back."""

from datetime import UTC, datetime, timedelta

import flask_migrate
import pytest
import sqlalchemy as sa

from survey.cases.queue import alert_cards, open_cases
from survey.db import db, transaction
from survey.models.case import Case, case_of
from survey.models.count import LEVELS
from tests.features import answering
from tests.opened import opened, opened_cases

FIRST = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
# More than a migration reads at once.
CASES = 503
STATES = ("new", "in_progress", "replied", "closed")
GATHERING = ("very_bad_rating", "grave_words", "call_back_wish")


def code_of(number):
    """The code of a case."""
    return f"PA{number:06d}"


def old_tables():
    """The tables of before, as they are in the database now."""
    found = sa.MetaData()
    found.reflect(db.engine, only=["case", "case_event", "alert", "response"])
    return found.tables


def case_row(number, response_id, places):
    """One case of before: every third without its answer, every fourth closed."""
    agency_id, sector, staff_id = places
    state = STATES[number % 4]
    opened_at = FIRST + timedelta(days=number % 20)
    done = opened_at + timedelta(hours=30, microseconds=number)
    return {
        "id": 2**40 + number * 7919 % 2**20,
        "code": code_of(number),
        "response_id": response_id if number % 3 else None,
        "answer_version": 1 + number % 2,
        "agency_id": agency_id,
        "sector_code": sector,
        "alert_id": 1 if state != "closed" else 2,
        "reason": "grave_words" if number % 5 == 0 else "very_bad_rating",
        "words_version": 3,
        "state": state,
        "assignee_id": staff_id if state != "new" else None,
        "opened_at": opened_at,
        "first_due_at": opened_at + timedelta(days=1),
        "due_at": opened_at + timedelta(days=7),
        "postponed": number % 2,
        "first_reaction_at": None if state == "new" else done,
        "replied_at": done if state in {"replied", "closed"} else None,
        "closed_at": done if state == "closed" else None,
        "close_reason": "resolved" if state == "closed" else None,
        "reply": f"Trả lời {number}" if state in {"replied", "closed"} else None,
        "reopened": int(number % 7 == 0),
        "contact_phone_sealed": b"sealed" if number == 1 else None,
        "contact_index": b"index" if number == 1 else None,
        "contact_name_sealed": None,
        "contact_dossier_code": "H32.15-1" if number == 1 else None,
        "revision": 5,
    }


def event_rows(row):
    """The timeline of a case of before."""
    steps = [("opened", row["opened_at"], "")]
    if row["reply"]:
        steps.append(("replied", row["replied_at"], row["reply"]))
    if row["closed_at"]:
        steps.append(("closed", row["closed_at"], "Đã giải quyết xong"))
    return [
        {
            "case_id": row["id"],
            "number": number,
            "at": at,
            "staff_id": row["assignee_id"] if number > 1 else None,
            "kind": kind,
            "text": text,
        }
        for number, (kind, at, text) in enumerate(steps, 1)
    ]


@pytest.fixture
def written(app):
    """A database of before with cases in clear: its rows by code, within the application."""
    with app.app_context():
        with transaction() as session:
            agency, sector = answering.agencies(session)[0].id, answering.sectors(session)[0]
            staff_id = answering.add_staff(session).id
            ids = [answering.answer(session).response_id for _ in range(CASES)]
        flask_migrate.downgrade(revision="0005")
        places = (agency, sector, staff_id)
        rows = [case_row(number, ids[number], places) for number in range(CASES)]
        tables = old_tables()
        alerts = [
            {"id": 1, "rule": "very_bad_rating", "agency_id": agency, "closed_at": None},
            {"id": 2, "rule": "grave_words", "agency_id": agency, "closed_at": FIRST},
            {"id": 3, "rule": "sms_paused", "agency_id": None, "closed_at": None},
        ]
        with db.engine.begin() as connection:
            for alert in alerts:
                values = {**alert, "scope": "", "opened_at": FIRST}
                connection.execute(tables["alert"].insert().values(values))
            connection.execute(tables["case"].insert(), rows)
            events = [event for row in rows for event in event_rows(row)]
            connection.execute(tables["case_event"].insert(), events)
        yield {row["code"]: row for row in rows}


def test_what_cases_said_is_sealed_and_opens_again(written):
    """After the upgrade every case says what it said before, and is found by its answer."""
    flask_migrate.upgrade()
    with transaction() as session:
        for case in opened_cases(session):
            row = written[case.code]
            kept = ("state", "reason", "opened_at", "due_at", "replied_at", "closed_at", "reply")
            assert [getattr(case, name) for name in kept] == [row[name] for name in kept]
            assert (case.is_postponed, case.is_reopened) == (row["postponed"], row["reopened"])
            assert [one.text for one in case.events] == [one["text"] for one in event_rows(row)]
            assert case.month == "2026-11"
            assert len(case.answer_hash) == 16
            if row["response_id"]:
                found = session.scalars(case_of(session, row["response_id"])).one()
                assert found.code == case.code
        cards = alert_cards(open_cases(session))
        assert {card.rule for card in cards} == {"very_bad_rating", "grave_words"}
        rules = session.scalars(sa.text("SELECT rule FROM alert")).all()
        assert rules == ["sms_paused"]
        case = session.scalars(sa.select(Case).where(Case.code == code_of(1))).one()
        assert (case.contact_index, opened(session, case).contact_dossier_code) == (
            b"index",
            "H32.15-1",
        )


def test_rows_that_count_nothing_go(app):
    """Counts of versions before tell no more, by rows of nothing, where an answer was disowned."""
    cell = {"month": "2026-11", "channel": "counter", "lateness": "on_time", "question": "overall"}
    with app.app_context():
        with transaction() as session:
            place = {
                "agency_id": answering.agencies(session)[0].id,
                "sector_code": answering.sectors(session)[0],
            }
        flask_migrate.downgrade(revision="0005")
        with db.engine.begin() as connection:
            for one in (cell, {**cell, "question": "result", "n3": 1}):
                row = {**dict.fromkeys(LEVELS, 0), **one}
                for table, key in (
                    ("count", place),
                    ("procedure_count", {"procedure_code": "1.012784"}),
                ):
                    columns = [sa.column(name) for name in (*row, *key)]
                    connection.execute(sa.table(table, *columns).insert().values(**row, **key))
        flask_migrate.upgrade(revision="0006")
        with db.engine.connect() as connection:
            for table in ("count", "procedure_count"):
                query = sa.select(sa.table(table, sa.column("question")).c.question)
                assert connection.scalars(query).all() == ["result"]


def test_an_upgrade_taken_back_loses_nothing_of_a_case(written):
    """Up and down again: every column and step is as before, and open cases have one alert."""
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="0005")
    tables = old_tables()
    with db.engine.connect() as connection:
        rows = connection.execute(sa.select(tables["case"])).mappings().all()
        events = connection.execute(sa.select(tables["case_event"])).mappings().all()
        alerts = connection.execute(sa.select(tables["alert"])).mappings().all()
    open_alerts = {row["id"]: row["rule"] for row in alerts if row["rule"] in GATHERING}
    assert sorted(open_alerts.values()) == ["grave_words", "very_bad_rating"]
    for alert in alerts:
        if alert["rule"] in GATHERING:
            cases = [row["opened_at"] for row in rows if row["alert_id"] == alert["id"]]
            assert alert["opened_at"] == min(cases)
    for row in rows:
        before, now = dict(written[row["code"]]), {name: _utc(row[name]) for name in row}
        assert now.pop("revision") > 0
        alert_id = now.pop("alert_id")
        assert open_alerts.get(alert_id) == (row["reason"] if row["state"] != "closed" else None)
        assert now == {name: before[name] for name in now}
    steps = [{name: _utc(value) for name, value in event.items()} for event in events]
    wanted = [event for row in written.values() for event in event_rows(row)]
    assert sorted(steps, key=_place) == sorted(wanted, key=_place)


def _place(event):
    return event["case_id"], event["number"]


def _utc(value):
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
