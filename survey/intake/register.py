"""Import runs: chunks of rows that commit one by one; an interrupted run can be resumed.

The caller opens one transaction for `begin`, one for each chunk, one for `finish`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from survey.bulk import write_many
from survey.db import table_of
from survey.dossiers import Comparison, DossierFacts, Verdict, compare, record
from survey.errors import Conflict
from survey.intake.cleaning import ACCEPTED, DUPLICATE, Outcome
from survey.intake.reader import Table
from survey.intake.row_chunks import CHUNK_ROWS, Chunk
from survey.invitations import register_finished
from survey.models.intake import ImportRow, ImportRun

WRITE_ROW = insert(table_of(ImportRow))
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Run:
    """An open import: the last day of its export, and the first source row not stored yet."""

    id: int
    export_day: date
    next_row: int


@dataclass(slots=True)
class ImportCounts:
    """Number of source rows by outcome and by reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: str, reason: str, times: int = 1) -> None:
        """Count rows of one outcome and its reasons joined by ";"."""
        self.outcomes[outcome] += times
        for one in reason.split(";"):
            if one:
                self.reasons[one] += times

    def as_counts(self) -> dict[str, int]:
        """Counts by name: rows, accepted, rejected, duplicate."""
        named = {name: self.outcomes[name] for name in ("accepted", "rejected", "duplicate")}
        return {"rows": self.outcomes.total(), **named}


def begin(session: Session, table: Table, export_day: date, now: datetime) -> Run:
    """Open a run for a file, or resume the unfinished one of the same bytes.

    A resumed run keeps its export day, so that all its rows are cleaned by the same rules.
    """
    query = (
        select(ImportRun)
        .where(ImportRun.digest == table.digest, ImportRun.finished_at.is_(None))
        .where(ImportRun.export_day <= export_day)
        .order_by(ImportRun.id.desc())
    )
    run = session.scalars(query).first()
    if run is None:
        run = ImportRun(
            digest=table.digest,
            file_name=table.name[:NAME_LENGTH],
            export_day=export_day,
            started_at=now,
            next_row=table.first_row,
        )
        session.add(run)
        session.flush()
    return Run(run.id, run.export_day, run.next_row)


def preview(session: Session, chunk: Chunk, now: datetime) -> list[Outcome]:
    """The outcomes that `store` would return; writes nothing."""
    return _final(chunk, compare(session, _facts(chunk), now))


def store(session: Session, run: Run, chunk: Chunk, now: datetime) -> Run:
    """Register a chunk and store the outcome of each row; returns the run after it.

    Conflict `import_running` if another process stored this chunk meanwhile.
    """
    row = session.get_one(ImportRun, run.id, with_for_update=True, populate_existing=True)
    if row.next_row != chunk.first_row:
        raise Conflict("import_running", row.file_name)
    recorded = record(session, _facts(chunk), now)
    register_finished(session, recorded.finished, recorded.recipients, now)
    write_many(
        session,
        WRITE_ROW,
        [
            {
                "run_id": run.id,
                "row": one.row,
                "outcome": one.outcome,
                "reason": ";".join(one.reasons),
                "dossier_code": one.dossier_code,
            }
            for one in _final(chunk, recorded.comparisons)
        ],
    )
    row.next_row = chunk.next_row
    session.flush()
    return replace(run, next_row=chunk.next_row)


def finish(session: Session, run: Run, now: datetime) -> ImportCounts:
    """Close the run and count all its rows, including those stored before it was resumed."""
    session.get_one(ImportRun, run.id).finished_at = now
    session.flush()
    return import_counts(session, run.id)


def import_counts(session: Session, run_id: int) -> ImportCounts:
    """The rows of a run by outcome and reason."""
    counts = ImportCounts()
    query = (
        select(ImportRow.outcome, ImportRow.reason, func.count())
        .where(ImportRow.run_id == run_id)
        .group_by(ImportRow.outcome, ImportRow.reason)
    )
    for outcome, reason, times in session.execute(query):
        counts.add(outcome, reason, times)
    return counts


def outcomes_of(session: Session, run_id: int) -> Iterator[tuple[int, str, str, str]]:
    """(row, outcome, reason, dossier code) of every source row of a run, in order."""
    query = select(ImportRow.row, ImportRow.outcome, ImportRow.reason, ImportRow.dossier_code)
    query = query.where(ImportRow.run_id == run_id).order_by(ImportRow.row)
    yield from session.execute(query.execution_options(yield_per=CHUNK_ROWS))


def _facts(chunk: Chunk) -> list[DossierFacts]:
    return [one.record.facts for one in chunk.outcomes if one.record is not None]


def _final(chunk: Chunk, comparisons: Sequence[Comparison]) -> list[Outcome]:
    """Outcomes after comparison with known dossiers: unchanged: duplicate, changed: updated."""
    known = {
        one.facts.code: one.verdict is Verdict.CHANGED
        for one in comparisons
        if one.verdict is not Verdict.NEW
    }
    return [
        one
        if one.record is None or one.dossier_code not in known
        else _of_known(one, changed=known[one.dossier_code])
        for one in chunk.outcomes
    ]


def _of_known(one: Outcome, *, changed: bool) -> Outcome:
    if changed:
        return one._replace(outcome=ACCEPTED, reasons=("updated", *one.reasons))
    return one._replace(outcome=DUPLICATE, reasons=("unchanged",), record=None)


def recent_runs(session: Session, besides: Sequence[int], most: int) -> list[ImportRun]:
    """The newest finished imports, except those whose ids are in `besides`; at most `most`."""
    query = select(ImportRun).where(
        ImportRun.finished_at.is_not(None), ImportRun.id.not_in(besides)
    )
    return list(session.scalars(query.order_by(ImportRun.id.desc()).limit(most)))
