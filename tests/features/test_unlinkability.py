"""A stolen database, without a token, does not tell who answered what."""

import copy
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from scipy.stats import spearmanr
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.db import db, transaction
from survey.models.response import Answer
from tests.conftest import Ran, run_command, unit_of_work
from tests.features import answering
from tests.features.stolen import CELL, Row, Tables, dump, sortable
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
AGENCIES = ("LOC-KH-W22366", "LOC-KH-W22333", "LOC-KH-SXD")
PROCEDURES = ("1.012784", "2.000815")
DOSSIERS = 300
ANSWERS_OF_A_PAGE = 24
OFFICES = 60
# Tables that lead to a citizen, and tables that lead to an answer, with what joins them.
CITIZEN_SIDE = {
    "dossier": "id",
    "coverage_entry": "dossier_id",
    "invitation": "dossier_id",
    "message": "invitation_id",
}
ANSWER_SIDE = {"response": "id", "answer": "response_id"}


@dataclass(frozen=True)
class Attack:
    """One way of guessing, and how often it was right."""

    name: str
    right: int
    tried: int

    @property
    def share(self) -> float:
        """Share of right guesses."""
        return self.right / self.tried if self.tried else 0.0


def citizens(tables: Tables) -> dict[str, Row]:
    """Dossier code → everything the dump tells of it, by table.column."""
    by_invitation = {row["id"]: row["dossier_id"] for row in tables["invitation"]}
    codes = {row["id"]: row["code"] for row in tables["dossier"]}
    found: dict[str, Row] = defaultdict(dict)
    for name, key in CITIZEN_SIDE.items():
        for row in tables[name]:
            number = by_invitation.get(row[key]) if name == "message" else row[key]
            if number is None:  # a message that leads to no dossier
                continue
            for column, value in row.items():
                found[codes[number]][f"{name}.{column}"] = value
    return found


def answers(tables: Tables) -> dict[str, Row]:
    """Response id → everything the dump tells of it; no case and no act joins it."""
    found: dict[str, Row] = defaultdict(dict)
    for name, key in ANSWER_SIDE.items():
        for row in sorted(tables[name], key=lambda row: row.get("version", 0)):
            for column, value in row.items():
                found[row[key]][f"{name}.{column}"] = value
    return found


def attacks(
    people: Mapping[str, Row], given: Mapping[str, Row], truth: Mapping[str, int]
) -> list[Attack]:
    """Pair answers with dossiers inside each cell, by every pair of sortable columns."""
    people_cells = _by_cell(people, "coverage_entry")
    answer_cells = _by_cell(given, "response")
    left = sorted({column for row in people.values() for column in row})
    right = sorted({column for row in given.values() for column in row})
    found = []
    for one in left:
        ranked_people = {cell: _ranked(rows, people, one) for cell, rows in people_cells.items()}
        for other in right:
            hits = tried = 0
            for cell, rows in answer_cells.items():
                if len(rows) < 2:
                    continue
                ranked = _ranked(rows, given, other)
                for code, response in zip(ranked_people[cell], ranked, strict=False):
                    tried += 1
                    hits += given[response]["answer.overall"] == truth[code]
            found.append(Attack(f"{one} ~ {other}", hits, tried))
    return found


def _by_cell(rows: Mapping[str, Row], table: str) -> dict[tuple[Any, ...], list[str]]:
    cells: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for key, row in rows.items():
        cells[tuple(row[f"{table}.{part}"] for part in CELL)].append(key)
    return cells


def _ranked(keys: Sequence[str], rows: Mapping[str, Row], column: str) -> list[str]:
    """Keys that have the column, in its order; keys without it are left out."""
    have = [key for key in keys if rows[key].get(column) is not None]
    return sorted(have, key=lambda key: sortable(rows[key][column]))


def chance(given: Mapping[str, Row]) -> float:
    """How often blind pairing inside the cells is right."""
    right = total = 0.0
    for rows in _by_cell(given, "response").values():
        if len(rows) < 2:
            continue
        ratings = Counter(given[row]["answer.overall"] for row in rows)
        right += sum(number * number for number in ratings.values()) / len(rows)
        total += len(rows)
    return right / total


def answer_all(
    app: Flask, tokens: Mapping[str, str], wanted: Sequence[Wanted], seed: int
) -> dict[str, int]:
    """Everybody answers, in an order of their own; one in five changes the answer later."""
    dice = random.Random(seed)
    order = list(wanted)
    dice.shuffle(order)
    truth = {}
    with app.app_context():
        for one in order:
            truth[one.code] = _say(dice, tokens[one.mobile])
        for one in dice.sample(order, len(order) // 5):
            truth[one.code] = _say(dice, tokens[one.mobile])
    return truth


def _say(dice: random.Random, token: str) -> int:
    rating = dice.randint(1, 5)
    comment = "Cần giải thích rõ hơn." if rating <= 2 else None
    with transaction() as session:
        answers.submit(session, token, Submission(overall=rating, comment=comment), NOW)
    return rating


def spread(tried: int, expected: float) -> float:
    """Standard deviation of the share of right guesses when guessing blindly."""
    return (expected * (1 - expected) / tried) ** 0.5


# Answering takes long: the promises about one engine read the same dump.
dumps: dict[str, tuple[Tables, dict[str, int]]] = {}


@pytest.fixture
def answered(
    engine: str,
    app: Flask,
    transact: Transact,
    runner: Callable[..., Ran],
    environment: dict[str, str],
) -> tuple[Tables, dict[str, int]]:
    """A dump after hundreds of answers, and the truth it must not tell."""
    if engine in dumps:
        return copy.deepcopy(dumps[engine])
    dice = random.Random(7)
    wanted = [
        Wanted(number, agency=dice.choice(AGENCIES), procedure=dice.choice(PROCEDURES))
        for number in range(1, DOSSIERS - len(AGENCIES) + 1)
    ]
    for number, agency in enumerate(AGENCIES, start=DOSSIERS - len(AGENCIES) + 1):
        wanted.append(Wanted(number, agency=agency, channel="post"))  # alone in their cells
    with transact() as session:
        ask_everybody(session)
        finish(session, wanted)
    assert (
        runner("messages", "send-due", "--now", NOW.isoformat(), "--json").json["sent"] == DOSSIERS
    )
    truth = answer_all(app, links(Path(environment["SMS_CONSOLE_FILE"])), wanted, seed=11)
    with app.app_context():
        dumps[engine] = (dump(db.session()), truth)
    return copy.deepcopy(dumps[engine])


def test_dump_without_token_names_nobody(
    answered: tuple[Tables, dict[str, int]], report: Callable[[str], None]
) -> None:
    """No column and no order of any table pairs a dossier with its rating better than chance."""
    tables, truth = answered
    people, given = citizens(tables), answers(tables)
    expected = chance(given)
    found = attacks(people, given, truth)
    strong = [attack for attack in found if attack.tried >= DOSSIERS // 10]
    best = max(
        strong, key=lambda attack: (attack.share - expected) / spread(attack.tried, expected)
    )
    single = sum(len(rows) == 1 for rows in _by_cell(given, "response").values())
    report(
        f"{len(found)} attacks; chance {expected:.3f}, "
        f"mean {statistics.mean(attack.share for attack in strong):.3f}, "
        f"best {best.share:.3f} by {best.name}; "
        f"answers alone in their cell: {single / len(given):.2%}"
    )
    limit = expected + 5 * spread(best.tried, expected)
    assert best.share < limit, best


def test_the_attack_finds_a_planted_leak(answered: tuple[Tables, dict[str, int]]) -> None:
    """The attack is no paper tiger: where both sides keep one order it finds nearly all."""
    tables, truth = answered
    people, given = citizens(tables), answers(tables)
    for cell, codes in _by_cell(people, "coverage_entry").items():
        rows = _by_cell(given, "response")[cell]
        for place, code in enumerate(sorted(codes, key=lambda code: (truth[code], code))):
            people[code]["dossier.leak"] = place
        ranked = sorted(rows, key=lambda row: given[row]["answer.overall"])
        for place, row in enumerate(ranked):
            given[row]["response.leak"] = place
    best = max(attacks(people, given, truth), key=lambda attack: attack.share)
    assert best.share > 0.99


def test_no_value_stands_on_both_sides(answered: tuple[Tables, dict[str, int]]) -> None:
    """No key, hash, id or words of an answer occur in any other table: of dossiers, cases, acts."""
    tables, _ = answered
    rows = [(name, row) for name, rows in tables.items() for row in rows]
    here = {_long(value) for name, row in rows if name in ANSWER_SIDE for value in row.values()}
    there = {
        _long(value) for name, row in rows if name not in ANSWER_SIDE for value in row.values()
    }
    assert not (here & there) - {None}


def test_an_answer_does_not_tell_that_it_came_late(
    transact: Transact, runner: Callable[..., Ran], environment: dict[str, str]
) -> None:
    """Of two answers alike, one before and one after the closing of their month, a dump shows the
    same: few links are open at a closing, so the late ones would name their authors.
    """
    early, late = Wanted(1), Wanted(2)
    asked = datetime(2026, 6, 14, 3, tzinfo=UTC)
    with transact() as session:
        ask_everybody(session)
        finish(session, [early, late], asked)
    assert runner("messages", "send-due", "--now", asked.isoformat()).code == 0
    tokens = links(Path(environment["SMS_CONSOLE_FILE"]))
    with transact() as session:
        answers.submit(session, tokens[early.mobile], Submission(overall=4), asked)
    closing = asked + timedelta(days=1)
    assert runner("index", "close", "--period", "2026-05", "--now", closing.isoformat()).code == 0
    with transact() as session:
        answers.submit(session, tokens[late.mobile], Submission(overall=4), closing)
        closings = {one.closing(session) for one in session.scalars(select(Answer))}
        assert closings == {0, 1}
        tables = dump(session)
    for name in ANSWER_SIDE:
        one, other = map(_shape, tables[name])
        assert one == other


def _shape(row: Row) -> Row:
    """A row without its place; of what is drawn at random or sealed, the length."""
    return {
        name: len(_long(value)) if _long(value) else value
        for name, value in row.items()
        if name != "place"
    }


def _long(value: Any) -> Any:
    """Values long enough to be a key; short ones (agency, month, rating) are shared by many."""
    if isinstance(value, memoryview):
        value = bytes(value)
    return value if isinstance(value, str | bytes) and len(value) >= 16 else None


def test_the_place_of_a_row_tells_no_time(
    transact: Transact,
    runner: Callable[..., Ran],
    environment: dict[str, str],
) -> None:
    """Answers of many cells, one after the other, lie in an order of their own, as do the counts
    they move: a cell's place does not tell when it was answered. No row of the frame moves.
    """
    with transact() as session:
        ask_everybody(session)
        offices = answering.agencies(session)[:OFFICES]
        ids = {f"+84905{number:06d}": one.id for number, one in enumerate(offices)}
        phones = zip(offices, ids, strict=True)
        finish(session, [Wanted(n, one.code, phone=p) for n, (one, p) in enumerate(phones)])
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    tokens = links(Path(environment["SMS_CONSOLE_FILE"]))
    with transact() as session:
        frame = dump(session)["frame"]
    order = []
    for phone in sorted(tokens, reverse=True):
        with transact() as session:
            answers.submit(session, tokens[phone], Submission(overall=4), NOW)
        order.append(ids[phone])
    with transact() as session:
        tables = dump(session)
    assert tables["frame"] == frame
    keyed_by_agency = session.get_bind().dialect.name == "sqlite"
    for name in ("response",) if keyed_by_agency else ("response", "count"):
        places = {row["agency_id"]: row["place"] for row in tables[name]}
        result = spearmanr([places[agency_id] for agency_id in order], range(OFFICES))
        assert abs(result.statistic) < 0.55, name


def test_a_copy_keeps_no_order(
    sqlite_app: Flask, sqlite_environment: dict[str, str], tmp_path: Path
) -> None:
    """A page of a copied SQLite database does not tell which of its answers was written first."""
    with unit_of_work(sqlite_app) as session:
        ask_everybody(session)
        finish(session, [Wanted(number) for number in range(ANSWERS_OF_A_PAGE)])
    sent = run_command(sqlite_app, "messages", "send-due", "--now", NOW.isoformat())
    assert sent.code == 0
    written = []
    for token in links(Path(sqlite_environment["SMS_CONSOLE_FILE"])).values():
        with unit_of_work(sqlite_app) as session:
            made = answers.submit(session, token, Submission(overall=3), NOW)
            written.append(made.response_id.encode())
    file = tmp_path / "night.backup"
    assert run_command(sqlite_app, "storage", "backup", str(file)).code == 0
    in_order = pairs = 0
    for page in pages(file):
        # A page is filled from its end.
        lying = sorted(filter(page.count, written), key=page.index, reverse=True)
        for one, other in combinations(map(written.index, lying), 2):
            in_order, pairs = in_order + (one < other), pairs + 1
    assert pairs > ANSWERS_OF_A_PAGE
    assert 0.2 < in_order / pairs < 0.8


def pages(file: Path) -> list[bytes]:
    """The pages of an SQLite database."""
    content = file.read_bytes()
    size = int.from_bytes(content[16:18], "big")
    return [content[start : start + size] for start in range(0, len(content), size)]
