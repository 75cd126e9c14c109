"""A stolen database without any token does not reveal by time who answered, or whose answer is
which.
"""

import random
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

import pytest
from flask import Flask

from survey.db import db
from survey.models.case import Case, case_of
from survey.province.workdays import LOCAL
from tests import ballots
from tests.features.fortnight import Fortnight
from tests.features.stolen import Row, Tables, Web, cell_of, dump, sortable, timestamps
from tests.features.test_answers import TWO_WAY

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
# What leads to a citizen, and what to an answer; between them stands nothing but the cell.
OF_CITIZENS = frozenset({"dossier", "coverage_entry", "invitation", "message", "receipt"})
OF_BALLOTS = ("ballot", "ballot_pool")


@dataclass(frozen=True)
class Stolen:
    """A dump after two weeks, the links between its rows, and the truth it must not reveal: each
    ballot's overall rating and the code of its case.
    """

    tables: Tables
    web: Web
    life: Fortnight
    ratings: dict[bytes, int]
    cases: dict[bytes, str]

    def dossiers(self) -> dict[str, tuple[Row, datetime]]:
        """Code → ledger entry and the instant at which the invitation left."""
        codes = {row["id"]: row["code"] for row in self.tables["dossier"]}
        of = {row["id"]: row["dossier_id"] for row in self.tables["invitation"]}
        left = {
            of[row["invitation_id"]]: next(timestamps({"at": row["sent_at"]}))
            for row in self.tables["message"]
            if row["kind"] == "invitation"
        }
        entries = {row["dossier_id"]: row for row in self.tables["coverage_entry"]}
        return {codes[key]: (entries[key], timestamp) for key, timestamp in left.items()}


# Two weeks take long: the promises about one engine and one way read the same dump.
stolen_so_far: dict[tuple[str, str], Stolen] = {}


@pytest.fixture(params=["web", "sms"])
def stolen(request: pytest.FixtureRequest, engine: str, make_app: Callable[..., Flask]) -> Stolen:
    """The dump, with answers on pages or by SMS."""
    key = (engine, request.param)
    if key not in stolen_so_far:
        app = make_app(**TWO_WAY) if request.param == "sms" else make_app()
        life = Fortnight(app, request.param == "sms", random.Random(3))
        life.live()
        with app.app_context():
            session = db.session()
            tables = dump(session)
            found = ballots.all_found(session)
            ratings = {name: one.answer.overall for name, one in found.items()}
            cases = {
                name: code
                for name in found
                if (code := session.scalar(case_of(session, name).with_only_columns(Case.code)))
            }
            stolen_so_far[key] = Stolen(tables, Web(session, tables), life, ratings, cases)
    return stolen_so_far[key]


def test_nothing_leads_from_an_answer_to_a_time(stolen: Stolen) -> None:
    """A ballot, counted or not, is linked to no other row and holds no instant."""
    rows = [(name, row) for name in OF_BALLOTS for row in stolen.tables[name]]
    assert len(rows) == len(stolen.life.answered) > 40
    for name, row in rows:
        assert stolen.web.reach(name, row) == {(name, row["place"])}
        assert list(timestamps(row)) == []


def test_nothing_leads_from_a_dossier_to_who_answered(stolen: Stolen) -> None:
    """A dossier is linked to its invitation, and to a reminder only while one waits for every
    dossier.
    """
    for row in stolen.tables["dossier"]:
        reached = stolen.web.reach("dossier", row)
        assert {name for name, _ in reached} <= OF_CITIZENS
        messages = [stolen.web.row(node) for node in reached if node[0] == "message"]
        assert {(one["kind"], one["state"]) for one in messages} <= {
            ("invitation", "sent"),
            ("reminder", "ready"),
        }


def test_the_moment_names_nobody(stolen: Stolen, report: Callable[[str], None]) -> None:
    """Guessing that a very bad answer comes from the citizen who was asked last before it succeeds
    no more often than guessing within the cell, even with rating, cell and case of every ballot
    known.
    """
    right, tried, expected = _guess(stolen, {})
    report(f"{tried} very bad answers; by moments {right} right, by the cell alone {expected:.1f}")
    assert tried > 20
    assert right <= expected + 6 * expected**0.5


def test_that_attack_finds_a_planted_moment(stolen: Stolen) -> None:
    """The same attack finds most authors when the day of an answer is planted."""
    days = {
        code: datetime.combine(answered.astimezone(LOCAL), time(), LOCAL)
        for code, answered in stolen.life.answered.items()
    }
    right, tried, _ = _guess(stolen, days)
    assert right > tried / 2


def test_an_answer_leaves_no_footprint(stolen: Stolen) -> None:
    """No row holds the instant of an answer, nor does the message that thanks for it."""
    given = sorted(stolen.life.answered.values())
    found = {
        (name, row.get("kind"))
        for name, rows in stolen.tables.items()
        for row in rows
        if any(_is_beside(timestamp, given) for timestamp in timestamps(row))
    }
    assert found == set()
    kinds = {row["kind"] for row in stolen.tables["message"]}
    assert ("dialogue" in kinds) == stolen.life.two_way


def test_who_was_reminded_is_told_of_nobody(stolen: Stolen, report: Callable[[str], None]) -> None:
    """No column and no order matches a day's reminders to that day's dossiers better than knowing
    their number.
    """
    asked, reminders = _by_day(stolen)
    expected = sum(_by_number(asked[day], ended) for day, ended in reminders.items())
    tried = sum(len(ended) for ended in reminders.values())
    columns = {name for rows in asked.values() for row in rows for name in row}
    best, how = 0, ""
    for one, other in product(sorted(columns), sorted(stolen.tables["message"][0])):
        hits = sum(
            _hits(stolen, asked[day], ended, (one, other)) for day, ended in reminders.items()
        )
        best, how = max((best, how), (hits, f"{one} ~ {other}"))
    report(f"{tried} reminders; by number alone {expected:.1f} right, best {best} by {how}")
    assert tried > 80
    assert best < expected + 5 * (tried / 4) ** 0.5


def test_that_attack_finds_a_planted_order(stolen: Stolen) -> None:
    """The same attack finds each citizen when reminders keep the order of their dossiers."""
    asked, reminders = _by_day(stolen)
    for day, ended in reminders.items():
        silent = [{**row, "leak": row["code"] in stolen.life.answered} for row in asked[day]]
        planted = [{**row, "leak": row["state"] != "sent"} for row in ended]
        assert _hits(stolen, silent, planted, ("leak", "leak")) == len(ended)


def _by_day(stolen: Stolen) -> tuple[dict[date, list[Row]], dict[date, list[Row]]]:
    """Day → the dossiers whose reminder was due then; day → the reminders that ended."""
    asked, reminders = defaultdict(list), defaultdict(list)
    codes = {row["id"]: row["code"] for row in stolen.tables["dossier"]}
    of = {row["id"]: row for row in stolen.tables["invitation"]}
    for row in stolen.tables["message"]:
        day = next(timestamps({"due_at": row["due_at"]})).astimezone(LOCAL).date()
        if row["kind"] == "invitation":
            invitation = of[row["invitation_id"]]
            known = {f"invitation.{name}": value for name, value in invitation.items()} | row
            asked[day + 3 * DAY].append({**known, "code": codes[invitation["dossier_id"]]})
        elif row["kind"] == "reminder" and row["state"] in {"sent", "cancelled"}:
            reminders[day].append(row)
    return asked, reminders


def _by_number(asked: Sequence[Row], ended: Sequence[Row]) -> float:
    """Expected right guesses of an attacker who knows only how many of a day were reminded."""
    sent = sum(row["state"] == "sent" for row in ended)
    assert len(asked) == len(ended)
    return (sent**2 + (len(ended) - sent) ** 2) / len(ended)


def _hits(
    stolen: Stolen, asked: Sequence[Row], ended: Sequence[Row], columns: tuple[str, str]
) -> int:
    """Right guesses when both are matched in the order of two columns."""
    left = sorted(asked, key=lambda row: sortable(row.get(columns[0])))
    right = sorted(ended, key=lambda row: sortable(row.get(columns[1])))
    silent = [row["code"] not in stolen.life.answered for row in left]
    return sum(one == (row["state"] == "sent") for one, row in zip(silent, right, strict=True))


def _is_beside(timestamp: datetime, given: Sequence[datetime]) -> bool:
    """Whether an instant is within a second of one of these sorted ones."""
    place = bisect(given, timestamp)
    return any(abs(one - timestamp) < SECOND for one in given[max(0, place - 1) : place + 1])


def _guess(stolen: Stolen, planted: dict[str, datetime]) -> tuple[int, int, float]:
    """Right guesses, number of very bad answers, and right guesses expected from knowing only the
    cell.
    """
    dice, dossiers = random.Random(5), stolen.dossiers()
    cells = defaultdict(list)
    for code, (entry, asked) in dossiers.items():
        cells[cell_of(entry)].append((asked, code))
    right, tried, expected = 0, 0, 0.0
    for key, rating in stolen.ratings.items():
        if rating > 2:
            continue
        author = stolen.life.author[key.hex()]
        cell = sorted(cells[cell_of(dossiers[author][0])])
        known = [planted[author]] if planted else _moments_of(stolen, key)
        before = [one for one in cell if known and one[0] < _end(min(known))]
        guess = before[-1] if before else dice.choice(cell)
        right += guess[1] == author
        tried, expected = tried + 1, expected + 1 / len(cell)
    return right, tried, expected


def _moments_of(stolen: Stolen, key: bytes) -> list[datetime]:
    """Every instant linked to a ballot or to its case."""
    rows = [
        (name, row)
        for name, column, value in (
            ("ballot", "key", key),
            ("ballot_pool", "key", key),
            ("case", "code", stolen.cases.get(key)),
        )
        for row in stolen.tables[name]
        if row[column] == value
    ]
    assert len(rows) > 1
    reached = {node for name, row in rows for node in stolen.web.reach(name, row)}
    return [timestamp for node in reached for timestamp in timestamps(stolen.web.row(node))]


def _end(timestamp: datetime) -> datetime:
    """The end of a day, local or UTC; any other instant itself."""
    local = timestamp.astimezone(LOCAL)
    is_day = (timestamp.hour, timestamp.minute) == (0, 0) or (local.hour, local.minute) == (0, 0)
    return timestamp + DAY if is_day else timestamp
