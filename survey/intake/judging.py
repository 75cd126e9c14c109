"""A file as chunks of judged rows, in order; the same file always falls into the same chunks.

An import judges ahead, in a process of its own, while the rows before are written: reading and
judging a row takes a fifth of the work, and a machine has a second core.
"""

import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import IO

from survey.errors import SurveyError
from survey.intake.catalogue import Catalogue
from survey.intake.cleaning import FileCleaner, Outcome
from survey.intake.reader import Table
from survey.intake.wording import refusal

# So many rows hold up other writers for about half a second; fewer would write the random pages
# of the indexes more often.
CHUNK_ROWS = 2500
# Below this, starting a process takes longer than it saves.
WORTH_A_PROCESS = 4 * CHUNK_ROWS
# Finds modules where we do.
CHILD = "import sys; sys.path[:] = sys.argv[1:]; from survey.intake.judging import speak; speak()"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive source rows that commit together; `next_row` is the one after them."""

    first_row: int
    next_row: int
    outcomes: Sequence[Outcome]


def chunks(table: Table, catalogue: Catalogue, export_day: date) -> Iterator[Chunk]:
    """All rows of a file, judged where they are asked for."""
    cleaner = FileCleaner(table.header, catalogue, export_day)
    judged = (cleaner.judge(number, cells) for number, cells in table.rows())
    while outcomes := tuple(islice(judged, CHUNK_ROWS)):
        yield Chunk(outcomes[0].row, outcomes[-1].row + 1, outcomes)


def chunks_ahead(table: Table, catalogue: Catalogue, export_day: date) -> Iterator[Chunk]:
    """The same chunks and errors, but a long file is judged by another process meanwhile.

    Invalid `reading_stopped` when that process was killed: a new import goes on from there.
    """
    if table.row_count < WORTH_A_PROCESS:
        yield from chunks(table, catalogue, export_day)
        return
    command = [sys.executable, "-c", CHILD, *sys.path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:  # noqa: S603 - our own code
        if process.stdin is None or process.stdout is None:  # pragma: no cover - asked for
            raise AssertionError
        try:
            # Where it died at once, its answer says so.
            with suppress(BrokenPipeError), process.stdin as task:
                pickle.dump((table, catalogue, export_day), task)
            yield from _heard(process.stdout, table.name)
        finally:
            process.kill()


def _heard(answer: IO[bytes], name: str) -> Iterator[Chunk]:
    """What the judging process sends, up to its last word."""
    while True:
        try:
            said: Chunk | Exception | None = pickle.load(answer)  # noqa: S301 - our own process
        except (EOFError, pickle.UnpicklingError):
            raise refusal("reading_stopped", name) from None
        if said is None:
            return
        if isinstance(said, Exception):
            raise said
        yield said


def speak() -> None:
    """The judging process: a task on stdin; chunks on stdout, then an error or None.

    Ctrl-C is the importer's to handle; it ends this process, or leaves it a broken pipe.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        table, catalogue, export_day = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent
    except (EOFError, pickle.UnpicklingError):  # the importer ended
        return
    last: Exception | None = None
    # Where PYTHONUNBUFFERED is set, sys.stdout writes in part when a signal comes, and goes on.
    with open(sys.stdout.fileno(), "wb") as answer:  # noqa: PTH123 - an open file, no path
        try:
            for chunk in chunks(table, catalogue, export_day):
                pickle.dump(chunk, answer)
                answer.flush()
        except SurveyError as error:  # raised again by the importer
            last = error
        except OSError:
            last = refusal("file_damaged", table.name)
        pickle.dump(last, answer)
