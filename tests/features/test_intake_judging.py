"""A long file is judged by a process of its own, ahead of the one that writes."""

import os
import signal
import time
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from survey.db import db
from survey.errors import Invalid
from survey.intake import judging
from survey.intake.judging import CHUNK_ROWS, chunks, chunks_ahead
from survey.intake.known import read_catalogue, read_header_words
from survey.intake.reader import open_table
from survey.intake.wording import refusal
from tests.features.exports import row, write_csv

LAST_DAY = date(2026, 3, 20)
# The second chunk does not fit into a pipe: its judge waits for the importer.
ROWS = 2 * CHUNK_ROWS + 300


@pytest.fixture
def long_file(app, tmp_path, monkeypatch):
    """The table of a file that is given a process of its own, and the catalogue."""
    monkeypatch.setattr(judging, "WORTH_A_PROCESS", CHUNK_ROWS)
    rows = [row(n, code=f"H32.15-260302-{n:05}") for n in range(1, ROWS + 1)]
    rows[ROWS - 9][1] = rows[5][1]
    rows[ROWS - 3][7] = "32/13/2026"
    path = write_csv(tmp_path / "long.csv", rows)
    with app.app_context():
        session = db.session()
        yield open_table(path, read_header_words(session)), read_catalogue(session)


def _broken_off(path, good, first):
    """Rows of a file whose disk fails after some of them."""
    for number in range(first, first + good):
        yield number, [str(cell) for cell in row(number)]
    raise refusal("file_damaged", path)


def _children():
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_judged_ahead_is_judged_the_same(long_file):
    """Another process comes to the same chunks: outcomes, reasons and records."""
    assert list(chunks_ahead(*long_file, LAST_DAY)) == list(chunks(*long_file, LAST_DAY))


def test_an_error_of_the_file_reaches_the_importer(long_file):
    """A file that cannot be read to its end gives its chunks first, and then its own sentence."""
    table, catalogue = long_file
    broken = replace(table, read=partial(_broken_off, table.name, 2600))
    got = []
    with pytest.raises(Invalid) as told:
        got.extend(chunks_ahead(broken, catalogue, LAST_DAY))
    assert told.value.code == "file_damaged"
    assert told.value.detail == refusal("file_damaged", table.name).detail


def test_a_file_that_is_gone_is_a_refusal(long_file, tmp_path):
    """A file deleted after it was opened is called damaged, not shown as a fault of ours."""
    (tmp_path / "long.csv").unlink()
    with pytest.raises(Invalid) as told:
        list(chunks_ahead(*long_file, LAST_DAY))
    assert told.value.code == "file_damaged"


def test_a_killed_judge_is_a_refusal_with_advice(long_file):
    """When the judging process is killed, the clerk is told to import the same file again."""
    before = _children()
    judged = chunks_ahead(*long_file, LAST_DAY)
    assert len(next(judged).outcomes)
    (judge,) = _children() - before
    os.kill(int(judge), signal.SIGKILL)
    with pytest.raises(Invalid, match="nạp lại chính tệp này"):
        list(judged)
    assert _children() == before


def test_a_judge_that_was_halted_loses_nothing(long_file, monkeypatch):
    """Halted in the middle of a chunk, the judge goes on with what is left of it, even where Python
    does not buffer.
    """
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    before = _children()
    judged = chunks_ahead(*long_file, LAST_DAY)
    first = next(judged)
    (judge,) = _children() - before
    for _ in range(100):
        for halt in (signal.SIGSTOP, signal.SIGCONT):
            os.kill(int(judge), halt)
            time.sleep(0.005)
    assert [first, *judged] == list(chunks(*long_file, LAST_DAY))


def test_an_importer_that_stops_leaves_no_process(long_file):
    """The judging process ends with the import that asked for it, finished or not."""
    before = _children()
    judged = chunks_ahead(*long_file, LAST_DAY)
    next(judged)
    assert _children() - before
    judged.close()
    assert _children() == before
