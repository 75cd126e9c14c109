"""A stolen database does not show which answers came before a change of keys."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from scipy.stats import spearmanr
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.crypto import keys
from survey.models.response import Response
from survey.responses import Submission
from tests.conftest import Ran, run_command, unit_of_work
from tests.features.stolen import Row, dump
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
DOSSIERS = 80
# So many bytes are never equal by chance.
SLICE = 4
ANSWERS = {"response": "id", "answer": "response_id"}


@dataclass(frozen=True)
class Changed:
    """The application with new keys in force, and the ids of the responses from before."""

    app: Flask
    before: frozenset[str]


@pytest.fixture
def changed(
    transact: Transact,
    app: Flask,
    runner: Callable[..., Ran],
    environment: dict[str, str],
) -> Changed:
    """Half of a cell answered before the keys changed and half after, all alike."""
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(number) for number in range(DOSSIERS)])
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    tokens = list(links(Path(environment["SMS_CONSOLE_FILE"])).values())
    early, late = tokens[: DOSSIERS // 2], tokens[DOSSIERS // 2 :]
    for token in early:
        with transact() as session:
            answers.submit(session, token, Submission(overall=4), NOW)
    with transact() as session:
        before = frozenset(session.scalars(select(Response.id)))
    with transact() as session:
        keys.draw_next(session, NOW)
        keys.put_in_force(session)
    keys.forget(session.get_bind().engine)
    for token in late:
        with unit_of_work(app) as session:
            answers.submit(session, token, Submission(overall=4), NOW)
    return Changed(app, before)


def test_an_answer_does_not_name_its_key(changed: Changed) -> None:
    """Before all is encrypted anew no value or part of one is shared by answers of one key only."""
    with unit_of_work(changed.app) as session:
        tables = dump(session)
    for name, key in ANSWERS.items():
        assert len(tables[name]) == DOSSIERS
        sides: list[set[tuple[str, object]]] = []
        for is_early in (True, False):
            rows = [row for row in tables[name] if (row[key] in changed.before) == is_early]
            assert len(rows) == DOSSIERS // 2
            sides.append(_shared(rows))
        assert sides[0] == sides[1], name


def _shared(rows: list[Row]) -> set[tuple[str, object]]:
    """What more than one row says in the same column, at the same place of it."""
    once, again = set(), set()
    for said in (one for row in rows for one in _said(row)):
        (again if said in once else once).add(said)
    return again


def _said(row: Row) -> Iterator[tuple[str, object]]:
    for column, value in row.items():
        if isinstance(value, bytes | memoryview):
            content = bytes(value)
            yield column, len(content)
            for start in range(len(content) - SLICE + 1):
                yield column, (start, content[start : start + SLICE])
        else:
            yield column, value


def test_the_place_of_an_answer_does_not_name_its_key(changed: Changed) -> None:
    """After `rekey --full` answers from before and after the change lie among each other."""
    assert run_command(changed.app, "privacy", "rekey", "--full").code == 0
    with unit_of_work(changed.app) as session:
        tables = dump(session)
    for name, key in ANSWERS.items():
        assert len(tables[name]) == DOSSIERS
        is_early = [row[key] in changed.before for row in tables[name]]
        result = spearmanr(is_early, range(DOSSIERS))
        assert abs(result.statistic) < 0.5, name
