"""A file as chunks of cleaned rows, in order; the same file always gives the same chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from survey.intake.catalogue import Catalogue
from survey.intake.cleaning import FileCleaner, Outcome
from survey.intake.reader import Table

# A chunk blocks other writers, such as a citizen's answer, for about a quarter of a second; smaller
# ones would write the random pages of the indexes more often.
CHUNK_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive source rows that commit together; `next_row`: the one after them."""

    first_row: int
    next_row: int
    outcomes: Sequence[Outcome]


def chunks(table: Table, catalogue: Catalogue, export_day: date) -> Iterator[Chunk]:
    """All rows of a file, cleaned lazily."""
    cleaner = FileCleaner(table.header, catalogue, export_day)
    cleaned = (cleaner.clean(number, cells) for number, cells in table.rows())
    while outcomes := tuple(islice(cleaned, CHUNK_ROWS)):
        yield Chunk(outcomes[0].row, outcomes[-1].row + 1, outcomes)
