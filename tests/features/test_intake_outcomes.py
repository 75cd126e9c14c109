"""A file is split into chunks of cleaned rows, and a failure on the way is a sentence."""

from datetime import date

import pytest

from survey.db import db
from survey.errors import Invalid
from survey.intake.known import read_catalogue, read_header_words
from survey.intake.reader import open_table
from survey.intake.row_chunks import CHUNK_ROWS, chunks
from survey.intake.wording import refusal
from tests.features.exports import row, write_csv

LAST_DAY = date(2026, 3, 20)
ROWS = CHUNK_ROWS + 300


@pytest.fixture
def long_file(sqlite_app, tmp_path):
    """The table of a file of two chunks, and the catalogue."""
    rows = [row(n, code=f"H32.15-260302-{n:05}") for n in range(1, ROWS + 1)]
    rows[ROWS - 9][1] = rows[5][1]
    path = write_csv(tmp_path / "long.csv", rows)
    with sqlite_app.app_context():
        session = db.session()
        yield open_table(path, read_header_words(session)), read_catalogue(session)


def test_chunks_follow_each_other_and_remember_what_came_before(long_file):
    """Each chunk begins where the one before ends, and knows the dossier codes of those before."""
    first, second = chunks(*long_file, LAST_DAY)
    assert (first.first_row, first.next_row, second.next_row) == (2, 2 + CHUNK_ROWS, 2 + ROWS)
    assert {one.outcome for one in first.outcomes} == {"accepted"}
    assert [one.row for one in second.outcomes if one.outcome == "duplicate"] == [ROWS - 7]


def test_a_file_deleted_meanwhile_is_a_refusal(long_file, tmp_path):
    """A file that was deleted after opening is refused as damaged instead of raising an internal
    error.
    """
    (tmp_path / "long.csv").unlink()
    with pytest.raises(Invalid) as told:
        list(chunks(*long_file, LAST_DAY))
    assert told.value.code == "file_damaged"
    assert told.value.detail == refusal("file_damaged", "long.csv").detail
