"""Sums over the ballots of a month that are finer than the clear counts: kept encrypted, as one.

A dossier is often the only one of its procedure in a month, whatever stands beside it in its cell;
so a stolen database must not show what was said about which procedure, nor which cell a flag or a
late answer belongs to.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from survey.ballots.bursts import with_bursts
from survey.ballots.contents import Ballot, counted_as, flags_of
from survey.ballots.pool import pool_of
from survey.db import connection_of, table_of
from survey.models.ballot import BallotAggregate
from survey.models.count import Cell, Group
from survey.models.questionnaire import FACTORS, Question
from survey.models.snapshot import closings_of

# What `Aggregate.patterns` counts: the questions of a complete questionnaire.
PATTERN = (*FACTORS, Question.OVERALL)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Sums over the ballots of one month.

    `procedures`: group, question, rating 1–5 → answers. `patterns`: ratings of complete
    questionnaires in the order of PATTERN → how often they were given together. `flagged`: cell,
    flags joined by ";", overall rating → answers that carry them. `late`, `changed`: sector →
    answers given, and answers changed, after the closing of the month.
    """

    procedures: Counter[tuple[Group, str, int]] = field(default_factory=Counter)
    patterns: Counter[tuple[int, ...]] = field(default_factory=Counter)
    flagged: Counter[tuple[Cell, str, int]] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def add(self, ballot: Ballot, procedure_code: str, step: int) -> None:
        """Count a ballot by its last version in (`step` 1) or out (-1); nothing without one."""
        if not ballot.versions:
            return
        cell, ratings = ballot.cell, ballot.counted
        group = Group(cell.month, procedure_code, cell.channel, cell.lateness)
        for question, rating in ratings.items():
            self.procedures[group, question, rating] += step
        if len(pattern := [ratings[one] for one in PATTERN if one in ratings]) == len(PATTERN):
            self.patterns[tuple(pattern)] += step
        self._add_rest(ballot, step)

    def _add_rest(self, ballot: Ballot, step: int) -> None:
        overall = ballot.counted[Question.OVERALL]
        if flags := flags_of(ballot.flags, ballot.counted):
            self.flagged[ballot.cell, ";".join(sorted(flags)), overall] += step
        if ballot.versions[-1].closing:
            moved = self.late if ballot.versions[0].closing else self.changed
            moved[ballot.cell.sector_code] += step

    def by_procedure(self, questions: Iterable[str]) -> dict[Group, list[int]]:
        """Group → ratings 1 … 5 of some questions together."""
        wanted, found = set(questions), dict[Group, list[int]]()
        for (group, question, rating), times in self.procedures.items():
            if question in wanted:
                found.setdefault(group, [0, 0, 0, 0, 0])[rating - 1] += times
        return found


def stored_aggregate(session: Session, month: str) -> Aggregate:
    """The sums of a month (YYYY-MM) as they were last counted."""
    query = select(BallotAggregate.sums_sealed).where(BallotAggregate.month == month)
    sealed = connection_of(session).scalar(query)
    if sealed is None:
        return Aggregate()
    packed = BallotAggregate.sums.decrypt(session, month, bytes(sealed))
    procedures, patterns, flagged, late, changed = packed
    found = Aggregate(late=Counter(late), changed=Counter(changed))
    for *group, question, rating, times in procedures:
        found.procedures[Group(month, *group), question, rating] = times
    for *ratings, times in patterns:
        found.patterns[tuple(ratings)] = times
    for agency_id, sector, channel, lateness, flags, rating, times in flagged:
        cell = Cell(agency_id, sector, month, channel, lateness)
        found.flagged[cell, flags, rating] = times
    return found


def aggregate_now(session: Session, month: str) -> Aggregate:
    """The sums of a month with what the pool adds to them."""
    found = stored_aggregate(session, month)
    closings = closings_of(session)[month]
    for one in with_bursts(session, pool_of(session).of({month}).ballots):
        found.add(one.ballot, one.procedure_code, -1)
        after = counted_as(one, one.ballot, closings)
        if after is not None:
            found.add(after, one.procedure_code, 1)
    return found


def store_aggregate(session: Session, month: str, sums: Aggregate) -> None:
    """Put the sums of a month in the place of those before; ValueError where one is negative."""
    kept = [_positive(one) for one in (sums.procedures, sums.patterns, sums.flagged)]
    packed = [
        [[*group[1:], question, rating, n] for (group, question, rating), n in kept[0]],
        [[*ratings, times] for ratings, times in kept[1]],
        [
            [cell.agency_id, cell.sector_code, cell.channel, cell.lateness, flags, rating, times]
            for (cell, flags, rating), times in kept[2]
        ],
        dict(_positive(sums.late)),
        dict(_positive(sums.changed)),
    ]
    sealed = BallotAggregate.sums.encrypt(session, month, packed)
    table = table_of(BallotAggregate)
    session.execute(delete(table).where(table.c.month == month))
    session.execute(insert(table).values(month=month, sums_sealed=sealed))


def _positive(sums: Mapping[Any, int]) -> Sequence[tuple[Any, int]]:
    if any(times < 0 for times in sums.values()):
        message = "more answers would be counted out than were counted in"
        raise ValueError(message)
    return sorted((key, times) for key, times in sums.items() if times)
