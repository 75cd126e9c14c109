"""Connections to PostgreSQL from one page to the next: kept, looked at, written to by no reader."""

import psycopg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import InternalError

from survey.db import db
from survey.models.organisation import Agency
from tests.clocks import PATIENCE
from tests.web.citizens import invite

# The driver prepares a statement when it comes so often.
OFTEN = 6

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


def end_connections(url):
    """What a restart of the server does to every connection of a database."""
    server, _, name = url.replace("+psycopg", "").rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = %s",
            [PATIENCE * 1000, name],
        ).fetchall()
    assert ended
    assert all(is_gone for (is_gone,) in ended)


def test_a_connection_that_was_ended_costs_no_answer(client, transact, database_url):
    """When the server ended all connections a moment ago, the next page is shown and the next
    answer is stored on a new one.
    """
    with transact() as session:
        token = invite(session)
    assert client.get(f"/s/{token}").status_code == 200
    end_connections(database_url)
    assert client.post(f"/s/{token}", data={"overall": "4"}).status_code == 303
    end_connections(database_url)
    assert client.get(f"/s/{token}?page=thanks").status_code == 200


def test_who_only_reads_cannot_write(app):
    """Outside of a unit of work the database itself refuses a change."""
    with app.app_context(), pytest.raises(InternalError, match="read-only"):
        db.session.execute(update(Agency).values(name="Sở Khác"))


def test_what_every_answer_asks_is_planned_once(app, client, transact):
    """The statements of a page and of an answer stay prepared, also when other pages are read in
    between.
    """
    with transact() as session:
        tokens = [invite(session) for _ in range(OFTEN)]
    for token in tokens:
        client.get(f"/s/{token}")
        client.get("/privacy")
        client.post(f"/s/{token}", data={"overall": "5"})
    with app.app_context():
        kept = db.session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    for part in ("procedure.name AS procedure", "applicant_kind", "INSERT INTO ballot_pool"):
        assert any(part in statement for statement in kept)
