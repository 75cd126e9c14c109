"""Recount: counts and sampling frame are computed again from ballots and coverage ledger.

The recount is compared with the stored numbers every night and before a closing. After a fault the
stored numbers can be rebuilt from it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from survey.ballots.aggregates import Aggregate, store_aggregate, stored_aggregate
from survey.ballots.contents import Ballot, open_counted
from survey.ballots.counting import lock
from survey.db import connection_of
from survey.models.ballot import BallotAggregate, CountedBallot
from survey.models.count import (
    LEVELS,
    Cell,
    Count,
    Frame,
    ProcedureFrame,
    add_counts,
    count_finished,
    drop_counts,
)
from survey.models.invitation import CoverageEntry, Decision
from survey.models.organisation import Agency
from survey.models.questionnaire import OVERALL
from survey.period import Month

CELL = Cell._fields
ROWS_AT_ONCE = 2000
FLAGGED = "ballot_aggregate.flagged"
# Tables that count by cell: their keys begin with the parts of a cell.
BY_CELL = {"count", "frame.finished", "frame.invited", "rated", FLAGGED}
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored number that differs from the recount of ballots and coverage ledger.

    With `table` "rated": a cell with more answers (`stored`) than invited citizens (`computed`).
    `key` names an agency by its code.
    """

    table: str
    key: Key
    stored: int
    computed: int


def described(difference: Difference) -> str:
    """A difference as one line of text for operators."""
    place = "/".join(map(str, difference.key))
    return f"{difference.table} {place}: {difference.stored} ≠ {difference.computed}"


@dataclass(frozen=True, slots=True)
class _Recount:
    """Counts and aggregates computed from the counted ballots.

    Sums per procedure are empty, because a counted ballot does not hold its procedure.
    """

    ratings: Counter[tuple[Cell, str, int]] = field(default_factory=Counter)
    aggregates: dict[Month, Aggregate] = field(default_factory=dict)


def ballots_of(session: Session, months: Sequence[Month] | None = None) -> Iterator[Ballot]:
    """Every counted ballot, or those of some months (YYYY-MM), streamed in small batches."""
    table = CountedBallot
    query = select(table.key, table.month, table.content_sealed)
    if months is not None:
        query = query.where(table.month.in_(months))
    # Set on the statement, because an option set on the connection would outlast this query.
    streamed = query.execution_options(yield_per=ROWS_AT_ONCE)
    for key, month, sealed in connection_of(session).execute(streamed):
        yield open_counted(session, bytes(key), month, bytes(sealed))


def check(session: Session) -> list[Difference]:
    """The differences of counts and sampling frame from a recount; empty if all numbers agree.

    Cells with more answers than invited citizens are differences too.
    """
    found: list[Difference] = []
    for name, only in (("finished", ()), ("invited", (CoverageEntry.decision == Decision.ASKED,))):
        stored = _sums(session, CELL, Frame, name)
        found += _differences(f"frame.{name}", stored, _ledger(session, CELL, *only))
    group = ("month", "procedure_code", "channel", "lateness")
    stored = _sums(session, group, ProcedureFrame, "finished")
    found += _differences("procedure_frame", stored, _ledger(session, group))
    return [*check_ballots(session), *_with_codes(session, found)]


def check_ballots(session: Session, months: Sequence[Month] | None = None) -> list[Difference]:
    """The part of `check` that reads ballots, for all months or some (YYYY-MM)."""
    again = _recount(session, months)
    found = _differences("count", _stored_counts(session, months), _levels(again.ratings))
    found += [*_aggregates(session, again, months), *_too_many(session, again)]
    return _with_codes(session, found)


def _with_codes(session: Session, found: Sequence[Difference]) -> list[Difference]:
    """The same differences, with agency codes in place of agency ids."""
    query = select(Agency.id, Agency.code)
    codes: dict[object, str] = dict(session.execute(query).all()) if found else {}
    return [
        replace(one, key=(codes[one.key[0]], *one.key[1:])) if one.table in BY_CELL else one
        for one in found
    ]


def rebuild(session: Session) -> int:
    """Rebuild counts and sampling frame from ballots and coverage ledger.

    Returns how many differences `check` found before. Sums per procedure stay as they are: they
    cannot be computed again, because a counted ballot does not hold its procedure, so `check`
    compares only their totals. `delivered` stays too, because the outbox writes it. The advisory
    lock makes the counting job wait until the transaction ends.
    """
    lock(session)
    wrong = len(check(session))
    again = _recount(session, None)
    drop_counts(session)
    add_counts(session, again.ratings)
    for month, sums in again.aggregates.items():
        sums.procedures.update(stored_aggregate(session, month).procedures)
        store_aggregate(session, month, sums)
    session.execute(delete(BallotAggregate).where(BallotAggregate.month.not_in(again.aggregates)))
    _rebuild_frame(session)
    return wrong


def _rebuild_frame(session: Session) -> None:
    cell = [getattr(CoverageEntry, part) for part in CELL]
    is_asked = CoverageEntry.decision == Decision.ASKED
    query = select(*cell, CoverageEntry.procedure_code, is_asked, func.count())
    finished: Counter[tuple[Cell, str]] = Counter()
    invited: Counter[Cell] = Counter()
    for *parts, procedure_code, asked, times in session.execute(
        query.group_by(*cell, CoverageEntry.procedure_code, is_asked)
    ):
        finished[Cell(*parts), procedure_code] += times
        invited[Cell(*parts)] += times if asked else 0
    session.execute(update(Frame).values(finished=0, invited=0))
    session.execute(update(ProcedureFrame).values(finished=0))
    count_finished(session, finished, invited)


def _recount(session: Session, months: Sequence[Month] | None) -> _Recount:
    found = _Recount()
    for ballot in ballots_of(session, months):
        for question, rating in ballot.counted.items():
            found.ratings[ballot.cell, question, rating] += 1
        found.aggregates.setdefault(ballot.cell.month, Aggregate()).add(ballot, "", 1)
    for sums in found.aggregates.values():
        sums.procedures.clear()
    return found


def _levels(ratings: Counter[tuple[Cell, str, int]]) -> Counter[Key]:
    return Counter(
        {(*cell, question, rating): n for (cell, question, rating), n in ratings.items()}
    )


def _stored_counts(session: Session, months: Sequence[Month] | None) -> Counter[Key]:
    found: Counter[Key] = Counter()
    columns = [getattr(Count, part) for part in (*CELL, "question", *LEVELS)]
    for row in session.execute(select(*columns).where(*_in(Count.month, months))):
        for rating, number in enumerate(row[len(CELL) + 1 :], start=1):
            if number:
                found[(*row[: len(CELL) + 1], rating)] = number
    return found


def _aggregates(
    session: Session, again: _Recount, months: Sequence[Month] | None
) -> list[Difference]:
    """Differences in the encrypted aggregates; sums per procedure are compared by their totals."""
    query = select(BallotAggregate.month).where(*_in(BallotAggregate.month, months))
    found: list[Difference] = []
    for month in sorted({*session.scalars(query), *again.aggregates}):
        stored, computed = (
            stored_aggregate(session, month),
            again.aggregates.get(month, Aggregate()),
        )
        for name in ("patterns", "late", "changed"):
            sums = [Counter(_keyed(month, getattr(one, name))) for one in (stored, computed)]
            found += _differences(f"ballot_aggregate.{name}", *sums)
        found += _differences(FLAGGED, *map(_flagged, (stored, computed)))
        totals: Counter[Key] = Counter()
        for (group, question, rating), times in stored.procedures.items():
            totals[month, group.channel, group.lateness, question, rating] += times
        counted: Counter[Key] = Counter()
        for (cell, question, rating), times in again.ratings.items():
            if cell.month == month:
                counted[month, cell.channel, cell.lateness, question, rating] += times
        found += _differences("ballot_aggregate.procedures", totals, counted)
    return found


def _keyed(month: Month, sums: Counter[object]) -> dict[Key, int]:
    return {(month, key): times for key, times in sums.items()}


def _flagged(sums: Aggregate) -> Counter[Key]:
    return Counter({(*cell, *rest): times for (cell, *rest), times in sums.flagged.items()})


def _too_many(session: Session, again: _Recount) -> Iterator[Difference]:
    """Cells with more answers than invited citizens: somebody voted more than once."""
    invited = _sums(session, CELL, Frame, "invited")
    rated: Counter[Key] = Counter()
    for (cell, question, _), times in again.ratings.items():
        if question == OVERALL:
            rated[tuple(cell)] += times
    for key, number in sorted(rated.items()):
        if number > invited[key]:
            yield Difference("rated", key, number, invited[key])


def _ledger(session: Session, parts: Sequence[str], *only: ColumnElement[bool]) -> Counter[Key]:
    """Number of coverage ledger entries, grouped by the columns `parts`."""
    key = [getattr(CoverageEntry, part) for part in parts]
    query = select(*key, func.count()).where(*only).group_by(*key)
    return Counter({tuple(row[:-1]): row[-1] for row in session.execute(query)})


def _sums(
    session: Session, parts: Sequence[str], table: type[Frame | ProcedureFrame], name: str
) -> Counter[Key]:
    columns = [getattr(table, part) for part in (*parts, name)]
    return Counter({tuple(row[:-1]): row[-1] for row in session.execute(select(*columns))})


def _in(
    month: InstrumentedAttribute[str], months: Sequence[Month] | None
) -> Iterable[ColumnElement[bool]]:
    return () if months is None else (month.in_(months),)


def _differences(table: str, stored: Counter[Key], computed: Counter[Key]) -> list[Difference]:
    keys = sorted({*stored, *computed}, key=repr)
    return [
        Difference(table, key, stored[key], computed[key])
        for key in keys
        if stored[key] != computed[key]
    ]
