"""Time series of the index: all units and months in one computation, equal to single figures."""

import csv
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import indices
from survey.models.count import Cell, count_finished
from survey.models.organisation import Agency, Procedure
from survey.period import Month
from tests import ballots
from tests.conftest import Ran

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
LAND, COPY, HEALTH = "1.012784", "2.000815", "1.014092"
NOW = datetime(2026, 4, 20, 1, tzinfo=UTC)
CLOSED, OPEN, EMPTY = (
    (Month("2025-11"), Month("2025-12"), Month("2026-02")),
    Month("2026-03"),
    Month("2026-01"),
)
SPAN = (CLOSED[0], Month("2026-04"))
AT = ("--now", "2026-04-20T08:00:00+07:00")
Counted = dict[tuple[str, str, str], tuple[int, tuple[int, int, int, int, int]]]


def count(session: Session, agency: str, month: str, cells: Counted) -> None:
    """Count cells (procedure, channel, lateness) of an agency; their ballots wait in the pool."""
    agency_id = session.scalars(select(Agency.id).where(Agency.code == agency)).one()
    sectors = dict(session.execute(select(Procedure.code, Procedure.sector_code)).all())
    for (procedure, channel, lateness), (finished, ratings) in cells.items():
        cell = Cell(agency_id, sectors[procedure], month, channel, lateness)
        count_finished(session, {(cell, procedure): finished}, {cell: finished})
        levels = dict(enumerate(ratings, start=1))
        ballots.put_many(session, cell, levels, procedure=procedure)


def agencies(session: Session) -> list[str]:
    """Four agencies, in the order of their codes."""
    return list(session.scalars(select(Agency.code).order_by(Agency.code).limit(4)))


def scatter(session: Session, months: tuple[str, ...], seed: int) -> None:
    """Count some cells of some agencies in some of the months; the first agency has one sector
    only.
    """
    draw = random.Random(seed)
    for place, agency in enumerate(agencies(session)):
        procedures = (LAND, COPY, HEALTH)[: 1 if place == 0 else 3]
        for month in months:
            cells = drawn(draw, procedures, bad=place % 2)
            if draw.random() < 0.8:
                count(session, agency, month, cells)


def drawn(draw: random.Random, procedures: tuple[str, ...], *, bad: int) -> Counted:
    """A random half of all cells: without answers, with few or with many, complete or not."""
    cells: Counted = {}
    for key in product(
        procedures, ("counter", "online", "post", "unknown"), ("late", "none", "on_time")
    ):
        if draw.random() < 0.5:
            most = draw.choice((0, 2, 9, 60))
            one, two, three, four, five = (draw.randint(0, most) for _ in range(5))
            ratings = (bad * one, bad * two, three // 20, four, five)
            cells[key] = (sum(ratings) + draw.choice((0, 1, 30)), ratings)
    return {key: cell for key, cell in cells.items() if cell[0]}


@pytest.fixture
def scattered(transact: Transact) -> Transact:
    """Sparse counts over closed, open and empty months; part of the ballots waits to be counted."""
    with transact() as session:
        scatter(session, (*CLOSED, OPEN), seed=1)
        ballots.count(session)
    with transact() as session:
        for month in CLOSED:
            indices.close(session, month, NOW)
    with transact() as session:
        scatter(session, (CLOSED[0], OPEN), seed=2)  # after a closing, and in an open month
    return transact


def of_unit(time_series: indices.TimeSeries, unit: int, month: int) -> dict[str, Any]:
    """One point of a time series under the names of a figure."""
    index, target = time_series.index[unit, month], time_series.target[unit, month]
    return {
        "finished": time_series.finished[unit, month],
        "rated": time_series.rated[unit, month],
        "satisfied": time_series.satisfied[unit, month],
        "index": None if np.isnan(index) else pytest.approx(index, abs=1e-12),
        "low": pytest.approx(time_series.low[unit, month], abs=1e-12),
        "high": pytest.approx(time_series.high[unit, month], abs=1e-12),
        "target": None if np.isnan(target) else target,
        "verdict": time_series.verdict[unit, month] or None,
        "provisional": time_series.provisional[month],
    }


def shown(session: Session, month: str, by: str) -> dict[str, dict[str, Any]]:
    """The figures of a month by key, as `index show --revised` computes them."""
    names = (
        *("finished", "rated", "satisfied", "index", "low", "high"),
        *("target", "verdict", "provisional"),
    )
    found = indices.show(session, month, by, NOW, revised=True)
    return {one.key: {name: getattr(one, name) for name in names} for one in found}


@pytest.mark.parametrize("along", ["overall", "sector", "agency"])
def test_each_month_is_what_that_month_alone_shows(scattered: Transact, along: str) -> None:
    """Counts, index, interval, target and verdict of every unit equal `index show --revised`."""
    with scattered() as session:
        time_series = indices.time_series(session, *SPAN, NOW, along=along)
        assert time_series.months == (*CLOSED[:2], EMPTY, CLOSED[2], OPEN, SPAN[1])
        assert time_series.provisional.tolist() == [False, False, True, False, True, True]
        for month, name in enumerate(time_series.months):
            expected = shown(session, name, along)
            for unit, one in enumerate(time_series.units):
                key = one.agency or one.sector or "overall"
                if key in expected:
                    assert expected.pop(key) == of_unit(time_series, unit, month), (key, name)
                else:
                    assert time_series.finished[unit, month] == 0
            assert not expected
        if along == "agency":
            assert set(time_series.verdict.flat) == {"", "met", "not_met", "uncertain"}


def test_a_sector_at_an_agency_is_judged_like_a_whole(scattered: Transact) -> None:
    """Sectors at an agency add up to the agency, have the sector's target, and an only sector has
    the agency's figures.
    """
    with scattered() as session:
        whole = indices.time_series(session, *SPAN, NOW, along="agency")
        parts = indices.time_series(session, *SPAN, NOW)
        single = agencies(session)[0]
        targets = {one.key: one.target for one in indices.show(session, CLOSED[0], "sector", NOW)}
    for unit, one in enumerate(whole.units):
        own = [place for place, part in enumerate(parts.units) if part.agency == one.agency]
        for name in ("finished", "rated", "satisfied"):
            sums = getattr(parts, name)[own].sum(axis=0)
            assert sums.tolist() == getattr(whole, name)[unit].tolist()
        if one.agency == single:
            assert len(own) == 1
            for name in ("index", "low", "high"):
                np.testing.assert_allclose(getattr(parts, name)[own[0]], getattr(whole, name)[unit])
    for unit, one in enumerate(parts.units):
        assert parts.target[unit, 0] == targets[one.sector]
        assert one.agency_label
        assert one.sector_label


def test_one_agency_alone_is_the_same(scattered: Transact) -> None:
    """The series of one agency has the same lines as in the series of all, and no others."""
    with scattered() as session:
        every = indices.time_series(session, *SPAN, NOW)
        code = agencies(session)[2]
        alone = indices.time_series(session, *SPAN, NOW, agency=code)
    own = [place for place, unit in enumerate(every.units) if unit.agency == code]
    assert alone.units == tuple(every.units[place] for place in own)
    for name in ("finished", "rated", "satisfied", "verdict"):
        assert getattr(alone, name).tolist() == getattr(every, name)[own].tolist()
    for name in ("index", "low", "high", "target"):
        np.testing.assert_allclose(getattr(alone, name), getattr(every, name)[own])


def test_nothing_at_all_has_an_empty_course(transact: Transact, runner: Runner) -> None:
    """Months without dossiers give an empty series and no error."""
    with transact() as session:
        assert indices.time_series(session, *SPAN, NOW).index.shape == (0, 6)
    for along in ("overall", "sector", "agency", "agency_sector"):
        found = runner(
            *("index", "course", "--from", SPAN[0], "--to", SPAN[1]),
            *("--by", along, "--json", *AT),
        )
        assert (found.code, found.json) == (0, [])


def test_small_lines_stay_hidden_where_a_total_would_tell_them(
    transact: Transact, runner: Runner
) -> None:
    """Figures of 1–4 ratings are suppressed, as are those from which a total would reveal them."""
    many, few = (0, 0, 0, 20, 20), (0, 0, 1, 1, 1)
    with transact() as session:
        one, two, three, _ = agencies(session)
        for agency, small in ((one, COPY), (two, ""), (three, "")):
            cells: Counted = {
                (procedure, "counter", "on_time"): (
                    90,
                    few if procedure == small else many,
                )
                for procedure in (LAND, COPY, HEALTH)
            }
            count(session, agency, OPEN, cells)
    words = ("index", "course", "--from", OPEN, "--to", OPEN, *AT)
    lines = runner(*words, "--json").json
    suppressed = {(line["agency"], line["sector"]) for line in lines if line["hidden"]}
    assert (one, "justice") in suppressed
    # Neither the row of the agency nor the column of the sector has it alone.
    assert sum(agency == one for agency, _ in suppressed) >= 2
    assert sum(sector == "justice" for _, sector in suppressed) >= 2
    for line in lines:
        figures = [line[name] for name in ("rated", "satisfied", "index", "low", "high", "verdict")]
        assert line["finished"] == 90
        assert all(one is None for one in figures) if line["hidden"] else line["rated"] == 40
    text = runner(*words).out
    assert text.count("ẩn") == len(suppressed)
    assert "tạm tính" in text


def test_the_file_holds_the_lines_of_the_answer(
    scattered: Transact, runner: Runner, tmp_path: Path
) -> None:
    """`--csv` writes the lines of `--json`, one for each unit and month, with suppressed figures
    empty.
    """
    words = ("index", "course", "--from", SPAN[0], "--to", SPAN[1], *AT)
    lines = runner(*words, "--json").json
    path = tmp_path / "course.csv"
    decided = runner(*words, "--csv", str(path), "--json")
    assert decided.json == {"file": str(path), "rows": len(lines)}
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    texts = [
        {name: "" if value is None else str(value) for name, value in line.items()}
        for line in lines
    ]
    assert read == texts
    assert len({(line["agency"], line["sector"], line["month"]) for line in lines}) == len(lines)
    assert {line["month"] for line in lines} == {*CLOSED, OPEN}
    assert all(line["verdict"] is None for line in lines if line["provisional"])
    with scattered() as session:
        code = agencies(session)[1]
    own = runner(*words, "--agency", code, "--json").json
    assert {line["agency"] for line in own} == {code}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-03", "--to", "2026-01"), "2026-03 … 2026-01"),
        (("--from", "2026-01", "--to", "2026-05"), "2026-05"),
        (("--from", "2026-01", "--to", "2026-03", "--agency", "LOC-NOBODY"), "LOC-NOBODY"),
        (("--from", "2026-01", "--to", "2026-03", "--by", "procedure"), "procedure"),
        (("--from", "2026-01", "--to", "2026-03", "--by", "sector", "--agency", "X"), "X"),
        (("--from", "2026-01", "--to", "2026-03", "--csv", "/nowhere/x.csv"), "/nowhere/x.csv"),
    ],
)
def test_a_course_that_cannot_be_is_refused(
    runner: Runner, words: tuple[str, ...], said: str
) -> None:
    """Wrong months, units and files give exit code 2 and a sentence that names them."""
    refused = runner("index", "course", *words, *AT)
    assert refused.code == 2
    assert said in refused.err
