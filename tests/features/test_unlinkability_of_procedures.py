"""A stolen database without its key does not show what was answered about which procedure.

A dossier is often the only one of its procedure, even if its cell holds others.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import answers, indices
from survey.answers import Submission
from survey.models.count import Cell
from survey.models.organisation import Procedure
from survey.period import Month
from tests import ballots
from tests.conftest import Ran
from tests.features import answering
from tests.features.stolen import Row, Tables, cell_of, dump
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
SECTOR, MONTH = "land", Month("2026-05")
CLOSING = datetime(2026, 6, 15, 1, tzinfo=UTC)
OFFICES, DOSSIERS, ANSWERS = 4, 60, 50


@dataclass(frozen=True)
class Month:
    """A month with few dossiers of many procedures: dumps before any answers, with all answers in
    the pool, and after the closing, which counts them.
    """

    before: Tables
    pool: Tables
    after: Tables
    # Codes of the procedures of which one dossier finished, that was answered, and whose cell
    # holds others.
    alone: Collection[str]

    def told(self, after: Tables) -> set[tuple[str, str]]:
        """(Table, procedure) of every row written since `before` that names one of `alone`."""
        return {
            (name, code)
            for name, rows in after.items()
            for text in {*map(_text, rows)} - {*map(_text, self.before[name])}
            for code in self.alone
            if code in text
        }


def _text(row: Row) -> str:
    """All values of a row except its place."""
    return repr([value for name, value in row.items() if name != "place"])


# Answering takes long: both promises about one engine read the same dumps.
months: dict[str, Month] = {}


@pytest.fixture
def month(request: pytest.FixtureRequest, engine: str) -> Month:
    """The month on one database engine, created once."""
    if engine not in months:
        names = ("transact", "runner", "environment")
        months[engine] = _lived(*map(request.getfixturevalue, names))
    return months[engine]


def _lived(transact: Transact, runner: Callable[..., Ran], environment: dict[str, str]) -> Month:
    """Random offices, procedures and citizens; those who answer fill in everything."""
    dice = random.Random(4)
    with transact() as session:
        ask_everybody(session)
        offices = [one.code for one in answering.agencies(session)[:OFFICES]]
        of_sector = select(Procedure.code).where(Procedure.sector_code == SECTOR)
        codes = session.scalars(of_sector.order_by(Procedure.code)).all()
        rare, common = codes[::2], codes[1::2]
        procedures = [*rare, *dice.choices(common, k=DOSSIERS - len(rare))]
        wanted = [
            Wanted(number, dice.choice(offices), procedure=code)
            for number, code in enumerate(procedures)
        ]
        finish(session, wanted)
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    with transact() as session:
        before = dump(session)
    tokens = links(Path(environment["SMS_CONSOLE_FILE"]))
    answered = dice.sample(wanted, ANSWERS)
    for one in answered:
        said = Submission(overall=dice.randint(1, 5), comment="Chờ lâu", contact=False)
        with transact() as session:
            answers.submit(session, tokens[one.mobile], said, NOW + timedelta(hours=1))
    with transact() as session:
        pool = dump(session)
    closing = ("index", "close", "--period", MONTH, "--now", CLOSING.isoformat())
    assert runner(*closing).code == 0
    with transact() as session:
        after = dump(session)
    return Month(before, pool, after, _alone(before, {one.procedure for one in answered}))


def _alone(tables: Tables, answered: Collection[str]) -> set[str]:
    entries = tables["coverage_entry"]
    cells = Counter(map(cell_of, entries))
    times = Counter(row["procedure_code"] for row in entries)
    return {
        row["procedure_code"]
        for row in entries
        if times[row["procedure_code"]] == 1
        and cells[cell_of(row)] > 1
        and row["procedure_code"] in answered
    }


def test_nothing_that_answers_move_names_a_procedure(
    month: Month, report: Callable[[str], None]
) -> None:
    """No row that answers or a closing write names a procedure, and the attack finds one planted in
    a row of sums or in the figures of a closing.
    """
    report(f"{len(month.alone)} of {ANSWERS} answers are about the only dossier of a procedure")
    assert len(month.alone) > ANSWERS / 10
    assert len(month.pool["ballot_pool"]) == len(month.after["ballot"]) == ANSWERS
    assert month.told(month.pool) == month.told(month.after) == set()
    for code in month.alone:
        row = {"month": MONTH, "sums": json.dumps([[code, "counter", 5, 1]]), "place": 0}
        figures = {"payload": json.dumps([[code, "counter", "on_time", 0, 0, 0, 0, 1]]), "place": 0}
        planted = {"ballot_aggregate": [row], "snapshot": [figures]}
        assert month.told(planted) == {("ballot_aggregate", code), ("snapshot", code)}


def test_what_is_encrypted_of_procedures_has_one_length(month: Month, transact: Transact) -> None:
    """The encrypted sums of a month have the same length for one answer as for fifty, and the
    figures of a closing a fixed one.
    """
    with transact() as session:
        agency, sector = answering.agencies(session)[0], answering.sectors(session)[0]
        ballots.rate(session, Cell(agency.id, sector, MONTH, "counter", "on_time"), {5: 1})
        (one,) = dump(session)["ballot_aggregate"]
    (fifty,) = month.after["ballot_aggregate"]
    assert len(one["sums_sealed"]) == len(fifty["sums_sealed"]) > 1 << 15
    (closing,) = month.after["snapshot"]
    assert len(closing["payload_sealed"]) > 1 << 16


def test_a_digest_cannot_be_found_by_trying(transact: Transact) -> None:
    """A thief who guesses all figures of a month cannot confirm them, since the digest of equal
    figures differs by its salt.
    """
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(1)])
        snapshot = indices.close(session, MONTH, CLOSING)
        text, digest = snapshot.payload, snapshot.digest
        salt = json.loads(text)["inputs"]["salt"]
        assert len(salt) == 32
        snapshot.store(text.replace(salt, "0" * len(salt)), snapshot.published)
        assert snapshot.digest != digest
        snapshot.store(text, snapshot.published)
        assert snapshot.digest == digest
