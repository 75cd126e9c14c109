"""How and when an answer came in is sealed by an upgrade, and loses nothing either way."""

import flask_migrate
import pytest
import sqlalchemy as sa

from survey.db import db, transaction
from survey.models.response import Answer, Response, seal_closing
from tests.features import answering
from tests.features.rated import say_all

# More rows than a migration reads at once.
ANSWERS = 1010
MONTHS = ("2026-04", "2026-05")


@pytest.fixture
def form(app):
    """A database of now with answers before and after a closing; the form of all."""
    with app.app_context():
        with transaction() as session:
            here = answering.agencies(session)[0]
            for month in MONTHS:
                say_all(session, here, month, times=ANSWERS // 2)
            late = sa.select(Answer).join(Response).where(Response.month == MONTHS[1])
            for one in session.scalars(late):
                one.closing_sealed = seal_closing(session, one.response_id, 1, 1)
            found = ("web", answering.questionnaire_id(session))
        yield found


def in_clear(name):
    """A table of before, row by row."""
    tables = sa.MetaData()
    tables.reflect(db.engine, only=[name])
    with db.engine.connect() as connection:
        return connection.execute(sa.select(tables.tables[name])).mappings().all()


def test_how_and_when_answers_came_is_sealed_and_opened(form):
    """Taken back, every column says what was sealed; forth again, everything opens as before."""
    flask_migrate.downgrade(revision="0007")
    answers, responses = in_clear("answer"), in_clear("response")
    assert sorted(row["closing"] for row in answers) == [0] * 505 + [1] * 505
    assert {(row["mode"], row["questionnaire_id"]) for row in responses} == {form}
    assert not [name for name in (*answers[0], *responses[0]) if name.endswith("_sealed")]
    flask_migrate.upgrade()
    with transaction() as session:
        closings = [one.closing(session) for one in session.scalars(sa.select(Answer))]
        assert sorted(closings) == [0] * 505 + [1] * 505
        assert {one.form(session) for one in session.scalars(sa.select(Response))} == {form}
