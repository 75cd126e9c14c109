"""Figures while ballots wait to be counted: equal to those after counting, and of one instant."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from survey import answers, indices, insights
from survey.answers import Submission
from survey.ballots import storage
from survey.ballots.pool import pool_of
from survey.db import db
from survey.errors import Refused
from survey.models.ballot import Flag
from survey.models.count import RATED, Cell, count_finished
from survey.monitoring.integrity import signs
from survey.period import Month
from tests import ballots
from tests.conftest import Ran, unit_of_work
from tests.features.answering import agencies, change
from tests.seeding import NOW as SEEN
from tests.seeding import Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
BEFORE, MONTH = Month("2026-04"), Month("2026-05")
LAND = "1.012784"
NOW = datetime(2026, 6, 15, 1, tzinfo=UTC)


def cell_of(session: Session, month: str) -> Cell:
    """A cell of a month."""
    return Cell(agencies(session)[0].id, "land", month, "counter", "on_time")


def picture(session: Session) -> list[object]:
    """All figures of two months: drafts, tables, signs of manipulation, comparisons."""
    found: list[object] = [insights.live(session, MONTH)]
    for month in (BEFORE, MONTH):
        draft = indices.draft_payload(session, month, NOW, provisional=False)
        found += [draft, indices.published_tables(session, month, NOW), signs(session, month)]
    return found


def say_otherwise(session: Session, cell: Cell, keys: list[bytes]) -> None:
    """Change two of five ballots, repudiate two, and add four with very good ratings."""
    for key in keys[:2]:
        change(session, key, overall=3)
    for key in keys[2:4]:
        found = storage.find(session, key)
        withdrawn = ballots.waiting(found.ballot, SEEN)
        storage.put(session, withdrawn, "", found)
    ballots.put_many(session, cell, {5: 4})


def test_no_figure_moves_when_ballots_are_counted(transact: Transact) -> None:
    """New, changed and repudiated ballots of open and closed months have the same effect before
    counting as after, including those that are a burst only together.
    """
    with transact() as session:
        given: dict[Cell, list[bytes]] = {cell_of(session, one): [] for one in (BEFORE, MONTH)}
        full = {"overall": 4, **dict.fromkeys(ballots.FACTORS, 4)}
        for cell, keys in given.items():
            count_finished(session, {(cell, LAND): 200}, {cell: 200})
            keys += [ballots.put(session, cell, full, reasons=["result"]) for _ in range(5)]
            ballots.put_many(session, cell, {1: 2, 2: 3, 3: 10, 4: 10})
        ballots.count(session)
        indices.close(session, BEFORE, NOW)
    with transact() as session:
        before = picture(session)
        for cell, keys in given.items():
            say_otherwise(session, cell, keys)
        waiting = picture(session)
        ballots.count(session)
        assert waiting == picture(session) != before
        assert [
            one.flagged[Flag.BURST] for month in (BEFORE, MONTH) for one in signs(session, month)
        ] == [4, 4]


def waiting_beside_counted(transact: Transact) -> None:
    """Two counted ballots, and ten that wait."""
    with transact() as session:
        cell = cell_of(session, MONTH)
        count_finished(session, {(cell, LAND): 100}, {cell: 100})
        ballots.rate(session, cell, {4: 1, 5: 1})
        ballots.put_many(session, cell, {4: 10})


@pytest.mark.parametrize("first", ["pool", "counts"])
def test_a_page_shows_one_moment(app: Flask, transact: Transact, first: str) -> None:
    """Ballots counted while a page is drawn are included once, whether the page reads the pool
    first or the counts.
    """
    waiting_beside_counted(transact)
    with app.app_context():
        page = db.session()
        counted = page.scalar(select(func.sum(RATED))) if first == "counts" else None
        waits = pool_of(page).rated().total() if first == "pool" else None
        with unit_of_work(app) as other:
            assert ballots.count(other) == 10
        counted = counted or page.scalar(select(func.sum(RATED)))
        waits = waits or pool_of(page).rated().total()
        assert (counted, waits) == (2, 10)
        for by in ("overall", "procedure"):
            assert [one.rated for one in indices.show(page, MONTH, by, NOW)] == [12]
    with transact() as session:
        assert pool_of(session).rated().total() == 0
        assert [one.rated for one in indices.show(session, MONTH, "overall", NOW)] == [12]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_who_reads_and_writes_holds_the_counting_back(app: Flask, transact: Transact) -> None:
    """A transaction that writes what it read of the pool keeps the pool unchanged to its end."""
    waiting_beside_counted(transact)
    with transact() as session:
        assert pool_of(session).rated().total() == 10
        with unit_of_work(app) as other:
            other.execute(text("SET LOCAL lock_timeout = '200ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                ballots.count(other)
        assert [one.rated for one in indices.show(session, MONTH, "overall", NOW)] == [12]
    with transact() as session:
        assert ballots.count(session) == 10


def test_the_limit_of_changes_is_of_a_day(
    transact: Transact, runner: Runner, environment: dict[str, str]
) -> None:
    """A link may change its answer again on the next day, also if the night counted nothing."""
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(1)])
    runner("messages", "send-due", "--now", SEEN.isoformat())
    (token,) = links(Path(environment["SMS_CONSOLE_FILE"])).values()

    def say(overall: int, day: int) -> None:
        with transact() as session:
            at = SEEN + timedelta(days=day)
            answers.submit(session, token, Submission(overall=overall), at)

    for day in range(2):
        for number in range(51 - day):
            say(1 + (number + day) % 2, day)
        with pytest.raises(Refused, match="too_many_changes"):
            say(5, day)
