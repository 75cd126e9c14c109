"""Lines of several tables over the same cells: what protects them, and when nothing can."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from analysis import AnalysisError
from analysis.disclosure import Lines, audit, protect_lines


def test_a_line_that_only_a_fixed_total_could_cover_is_refused():
    """Where all that could be hidden is hidden and a secret still follows, nobody is told so."""
    lines = Lines(np.array([3.0]), csr_array([[1], [1]]), np.array([False, True]))
    with pytest.raises(AnalysisError) as told:
        protect_lines(lines, [1, 0], [1, 0], 5)
    assert told.value.kind == "cannot_protect"


@pytest.mark.parametrize(
    ("members", "hidden"), [([[1, 0], [0, 1], [1, 1]], [1, 0]), ([[1], [1], [1]], [1, 0, 0])]
)
def test_lines_and_marks_must_fit(members, hidden):
    """Marks or cells of another number than the lines and sums are refused, not stretched."""
    lines = Lines(np.array([3.0, 9.0]), csr_array(members), np.array([False, False, True]))
    with pytest.raises(AnalysisError) as told:
        protect_lines(lines, hidden, hidden, 5)
    assert told.value.kind == "invalid_counts"


def test_no_small_line_follows_from_what_is_left():
    """On random tables each secret can take two values that far apart, by trying every table."""
    draw = np.random.default_rng(4)
    sums = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]])
    members, fixed = csr_array([*sums, [1, 1, 1, 1]]), np.arange(6) == 5
    for cells in draw.integers((0, 0, 9, 0), (9, 9, 18, 9), (15, 4)).astype(float):
        lines = Lines(cells, members, fixed)
        secret = (lines.counts > 0) & (lines.counts < 5) & ~fixed
        hidden = protect_lines(lines, secret, secret, 5)
        values = np.arange(int(cells.sum()) + 1)
        tables = np.stack(np.meshgrid(*[values] * 4, indexing="ij")).reshape(4, -1)
        tables = tables[:, tables.sum(axis=0) == cells.sum()]
        told = members @ tables
        fits = (told[~hidden] == lines.counts[~hidden, None]).all(axis=0)
        for line in np.flatnonzero(secret):
            assert np.ptp(told[line, fits]) >= 5


def test_room_among_small_counts_of_a_large_table_is_found():
    """Where the large counts leave a secret no room the small ones are tried, and nothing more is
    hidden: 3 + 9 and 9 + 50 are printed, and the rest is free.
    """
    cells = np.array([3.0, 9.0, 50.0, *[50.0] * 1201])
    own = np.eye(cells.size)[4:]
    sums = [[1], [1, 1], [0, 1, 1], [1] * cells.size]
    rows = [np.pad(np.array(one, dtype=float), (0, cells.size - len(one))) for one in sums]
    lines = Lines(cells, csr_array(np.vstack([*rows, own])), np.arange(len(sums) + len(own)) == 3)
    secret = np.arange(lines.fixed.size) == 0
    assert protect_lines(lines, secret, secret, 5).tolist() == secret.tolist()


def test_many_secrets_are_proven_together():
    """The small counts of a square among hidden partners are safe, as the audit of it says."""
    cells = np.array([[2, 9, 3], [8, 1, 9], [4, 7, 30]], dtype=float).ravel()
    whole = np.eye(3)
    rows, columns = np.kron(whole, np.ones(3)), np.kron(np.ones(3), whole)
    lines = Lines(cells, csr_array(np.vstack([np.eye(9), rows, columns])), np.arange(15) > 8)
    secret = (np.arange(15) < 9) & (lines.counts < 5)
    hidden = secret | np.isin(np.arange(15), (1, 3, 7))
    found = protect_lines(lines, secret, hidden, 5)
    table = audit(cells.reshape(3, 3), found[:9].reshape(3, 3), 5)
    small = {divmod(place, 3) for place in np.flatnonzero(secret)}
    assert not [one for one in table.cells if one.disclosed and one.position in small]
