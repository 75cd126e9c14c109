"""Recount the ballots as they were before a period close, to verify a snapshot independently.

Nothing here reads the stored counts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from sys import intern
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.checking import ballots_of
from survey.ballots.contents import Ballot, Version
from survey.disclosure import Breakdown
from survey.indices.line_counts import (
    NO_RATINGS,
    OVERALL,
    Finished,
    Rated,
    Ratings,
    Stratum,
    summed,
)
from survey.indices.payload import Inputs, Row, read_inputs
from survey.models.organisation import Agency
from survey.models.questionnaire import LOWEST_RATING
from survey.models.questionnaire import OVERALL as OVERALL_QUESTION
from survey.period import Month
from survey.surveys import Pattern, rows_of

# Agency code, sector, channel, lateness, question, rating 1–5.
Place = tuple[str, str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Recount:
    """The recount for a period close: ratings by place, number of answers in each cell, rating
    patterns of complete questionnaires, and a SHA-256 over every version of every ballot; a
    replaced version enters with its own digest.
    """

    ratings: Counter[Place]
    answered: Counter[tuple[str, str, str, str]]
    patterns: Counter[Pattern]
    digest: str

    @property
    def rating_rows(self) -> list[Row]:
        """Agency code, sector, channel, lateness, question, n1 … n5."""
        rows: dict[tuple[Any, ...], list[int]] = {}
        for (*place, level), times in self.ratings.items():
            levels = rows.setdefault(tuple(place), [0, 0, 0, 0, 0])
            levels[level - LOWEST_RATING] = times
        return [[*place, *levels] for place, levels in rows.items()]

    @property
    def pattern_rows(self) -> list[Any]:
        """The patterns in the form that a payload stores."""
        return rows_of(self.patterns.items())


def recount(session: Session, month: Month, closing: int) -> Recount:
    """Count the last version of each ballot of a month (YYYY-MM) before closing number `closing`.

    The digest covers no comments, because the retention rules delete them, and nothing that a
    change of encryption keys alters.
    """
    codes = dict(session.execute(select(Agency.id, Agency.code)).all())
    ratings: Counter[Place] = Counter()
    answered: Counter[tuple[str, str, str, str]] = Counter()
    patterns: Counter[Pattern] = Counter()
    digests = []
    for ballot in ballots_of(session, [month]):
        before = [one for one in ballot.versions if one.closing < closing]
        if not before:
            continue
        cell = ballot.cell
        place = (codes[cell.agency_id], cell.sector_code, cell.channel, cell.lateness)
        digests.append(_digest(ballot, place, before))
        answered[place] += 1
        given = before[-1].ratings
        for question, rating in given.items():
            ratings[(*place, question, rating)] += 1
        if (pattern := ballot.questions.pattern(given)) is not None:
            patterns[pattern] += 1
    # Sorted, because ballots are read in no fixed order.
    digest = hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    return Recount(ratings, answered, patterns, digest)


def _digest(ballot: Ballot, place: Sequence[str], versions: Sequence[Version]) -> str:
    content = [
        [one.closing, sorted(one.ratings.items()), list(one.reasons), one.replaced]
        for one in versions
    ]
    return hashlib.sha256(json.dumps([ballot.key.hex(), *place, content]).encode()).hexdigest()


def source_of(payload: Mapping[str, Any]) -> "Recounted":
    """The counts stored in the payload of a closing, as a `Source` that never changes."""
    counted = payload["counted"]
    rows = [[*row[:4], OVERALL_QUESTION, *row[4:]] for row in counted["cells"]]
    return Recounted(read_inputs(payload["inputs"]), [*rows, *counted["factors"]])


class Recounted:
    """A `Source` computed from ballots and stored inputs instead of the stored counts.

    `ratings`: agency code, sector, channel, lateness, question, n1 … n5. To save memory, strings
    are interned; to save time, each sum is computed once.
    """

    def __init__(self, inputs: Inputs, ratings: Iterable[Row]) -> None:
        self._ratings = [_interned(row) for row in ratings]
        self._procedures = [_interned(row) for row in inputs.procedure_counts]
        self._finished = {by: _finished(inputs, by) for by in Breakdown}
        self._rated: dict[tuple[Breakdown, tuple[str, ...]], Rated] = {}
        self.factors = [code for code, _name in inputs.factors]

    def finished(self, by: Breakdown) -> Finished:
        """See `Source.finished`."""
        return self._finished[by]

    def rated(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        """See `Source.rated`."""
        wanted = by, tuple(questions)
        if wanted not in self._rated:
            self._rated[wanted] = self._sums(*wanted)
        return self._rated[wanted]

    def _sums(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        parts: Iterable[tuple[str, Stratum, tuple[Any, ...]]]
        if by is Breakdown.PROCEDURE:
            parts = ((row[0], _stratum("", *row[1:3]), row[3:]) for row in self._procedures)
        else:
            parts = ((_key(by, *row[:3]), _stratum(*row[1:4]), row[4:]) for row in self._ratings)
        found: dict[str, dict[Stratum, Ratings]] = {}
        for key, stratum, (question, *levels) in parts:
            if question in questions:
                strata = found.setdefault(key, {})
                strata[stratum] = summed([strata.get(stratum, NO_RATINGS), levels])
        return found


def _finished(inputs: Inputs, by: Breakdown) -> Finished:
    if by is Breakdown.PROCEDURE:
        parts = [(row[0], _stratum("", *row[1:3]), row[3]) for row in inputs.procedure_frame]
    else:
        parts = [(_key(by, *row[:3]), _stratum(*row[1:4]), row[4]) for row in inputs.frame]
    found: dict[str, dict[Stratum, int]] = {}
    for key, stratum, number in parts:
        if number:
            strata = found.setdefault(key, {})
            strata[stratum] = strata.get(stratum, 0) + number
    return found


def _key(by: Breakdown, agency: str, sector: str, channel: str) -> str:
    keys = {Breakdown.AGENCY: agency, Breakdown.SECTOR: sector, Breakdown.CHANNEL: channel}
    return keys.get(by, OVERALL)


@lru_cache(maxsize=2048)
def _stratum(sector: str, channel: str, lateness: str) -> Stratum:
    return sector, channel, lateness


def _interned(row: Row) -> tuple[Any, ...]:
    """The row with its strings interned."""
    return tuple(intern(part) if isinstance(part, str) else part for part in row)
