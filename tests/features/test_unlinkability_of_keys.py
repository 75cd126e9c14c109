"""A stolen database does not show which answers came before a key rotation."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from scipy.stats import spearmanr
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.crypto import keys
from survey.jobs.counting import count_and_clean
from tests import ballots
from tests.conftest import Ran, run_command, unit_of_work
from tests.features.stolen import Row, dump
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
DOSSIERS = 80
# So many bytes are never equal by chance.
SLICE = 4
# Ballots that wait, and ballots that were counted.
TABLES = ("ballot_pool", "ballot")


@dataclass(frozen=True)
class Changed:
    """The application with new keys in force, and the keys of the ballots from before."""

    app: Flask
    before: frozenset[bytes]


@pytest.fixture
def changed(
    transact: Transact,
    app: Flask,
    runner: Callable[..., Ran],
    environment: dict[str, str],
) -> Changed:
    """Half of a cell answered before the key rotation and half after it, all alike."""
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
        before = frozenset(ballots.keys(session))
    with transact() as session:
        keys.draw_next(session, NOW)
        keys.put_in_force(session)
    keys.forget(session.get_bind().engine)
    for token in late:
        with unit_of_work(app) as session:
            answers.submit(session, token, Submission(overall=4), NOW)
    return Changed(app, before)


@pytest.mark.parametrize("table", TABLES)
def test_an_answer_does_not_name_its_key(changed: Changed, table: str) -> None:
    """Before the re-encryption no value or part of one is common to answers of one key only,
    waiting or counted.
    """
    rows = _stolen(changed, table)
    sides: list[set[tuple[str, object]]] = []
    for is_early in (True, False):
        side = [row for row in rows if (bytes(row["key"]) in changed.before) == is_early]
        assert len(side) == DOSSIERS // 2
        sides.append(_shared(side))
    assert sides[0] == sides[1]


def _stolen(changed: Changed, table: str) -> list[Row]:
    """The ballots of a stolen database: in the pool, or after the nightly job."""
    with changed.app.app_context():
        if table == "ballot":
            assert count_and_clean(NOW) == DOSSIERS
    with unit_of_work(changed.app) as session:
        rows = dump(session)[table]
    assert len(rows) == DOSSIERS
    return list(rows)


def _shared(rows: list[Row]) -> set[tuple[str, object]]:
    """The parts of values that several rows have in the same column at the same position."""
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
    """After the nightly job and `rekey --full`, ballots from before and after the key rotation are
    mixed.
    """
    _stolen(changed, "ballot")
    assert run_command(changed.app, "privacy", "rekey", "--full").code == 0
    is_early = [bytes(row["key"]) in changed.before for row in _stolen_again(changed)]
    result = spearmanr(is_early, range(DOSSIERS))
    assert abs(result.statistic) < 0.5


def _stolen_again(changed: Changed) -> list[Row]:
    with unit_of_work(changed.app) as session:
        return list(dump(session)["ballot"])
