"""Counting again from the answers, as they stood before a closing: the second way to a snapshot.

Nothing here reads the counts that move with each answer.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.indices.figures import Breakdown
from survey.indices.payload import COUNTED, Inputs, read_inputs
from survey.indices.tallies import OVERALL, Finished, Rated, Ratings, Stratum
from survey.models.organisation import Agency
from survey.models.questionnaire import FACTORS, HIGHEST_RATING, LOWEST_RATING, Question
from survey.models.response import Answer, Response, open_closing

# Agency code, sector, channel, lateness, question, rating 1–5.
Place = tuple[str, str, str, str, str, int]
# What `Ballot.patterns` counts: the questions of a complete questionnaire.
PATTERN = (*FACTORS, Question.OVERALL)


@dataclass(frozen=True, slots=True)
class Ballot:
    """What counts at a closing: ratings by place, the answers in each cell, the ratings that
    complete questionnaires give together (in the order of PATTERN), and a digest over every version
    that was there (cell, key of the response, version, ratings, reasons).
    """

    ratings: Counter[Place]
    answered: Counter[tuple[str, str, str, str]]
    patterns: Counter[tuple[int, ...]]
    digest: str

    @property
    def pattern_rows(self) -> list[list[int]]:
        """Ratings of PATTERN and how often they were given together, in their order."""
        return [[*ratings, times] for ratings, times in sorted(self.patterns.items())]


def ballot(session: Session, month: str, closing: int) -> Ballot:
    """Count the last version of each answer of a month (YYYY-MM) before the closing `closing`.

    The digest covers no comment (retention erases those) and nothing that changes with a key.
    """
    digest = hashlib.sha256()
    last: dict[str, tuple[Any, ...]] = {}
    for row in _versions(session, month, closing):
        digest.update(repr(row).encode())
        last[row[0]] = row
    ratings: Counter[Place] = Counter()
    answered: Counter[tuple[str, str, str, str]] = Counter()
    patterns: Counter[tuple[int, ...]] = Counter()
    for row in last.values():
        agency, sector, channel, lateness = row[3:7]
        answered[agency, sector, channel, lateness] += 1
        given = {
            question.value: rating
            for question, rating in zip(Question, row[8:], strict=True)
            if rating is not None
        }
        for question, rating in given.items():
            ratings[agency, sector, channel, lateness, question, rating] += 1
        if len(given) == len(PATTERN):
            patterns[tuple(given[question] for question in PATTERN)] += 1
    return Ballot(ratings, answered, patterns, digest.hexdigest())


def _versions(session: Session, month: str, closing: int) -> list[tuple[Any, ...]]:
    """Versions before a closing: response, version, closings before it, cell, reasons, ratings."""
    key = (Answer.response_id, Answer.version)
    cell = (Agency.code, Response.sector_code, Response.channel, Response.lateness)
    rated = [getattr(Answer, question) for question in Question]
    query = (
        select(*key, Answer.closing_sealed, *cell, Answer.reasons, *rated)
        .join(Response, Response.id == Answer.response_id)
        .join(Agency, Agency.id == Response.agency_id)
        .where(Response.month == month)
    )
    opened = (
        (response_id, version, open_closing(session, response_id, version, sealed), *more)
        for response_id, version, sealed, *more in session.execute(query)
    )
    # Sorted here: databases do not agree on the order of texts.
    return sorted(row for row in opened if row[2] < closing)


def source_of(payload: Mapping[str, Any]) -> "Recounted":
    """The counts that a closing kept, of the overall question: a `Source` that never changes."""
    ratings = {
        (*cell, Question.OVERALL.value, level): times
        for *cell, n1, n2, n3, n4, n5 in payload[COUNTED]["cells"]
        for level, times in enumerate((n1, n2, n3, n4, n5), start=LOWEST_RATING)
        if times
    }
    return Recounted(read_inputs(payload["inputs"]), ratings)


class Recounted:
    """A `Source` from answers and stored inputs instead of the counts."""

    def __init__(self, inputs: Inputs, ratings: Mapping[Place, int]) -> None:
        self.inputs = inputs
        self.ratings = ratings

    def finished(self, by: Breakdown) -> Finished:
        """As `Source` says."""
        found: dict[str, dict[Stratum, int]] = {}
        if by is Breakdown.PROCEDURE:
            for procedure, channel, lateness, number in self.inputs.procedure_frame:
                if number:
                    found.setdefault(procedure, {})[("", channel, lateness)] = number
            return found
        for agency, sector, channel, lateness, number, *_ in self.inputs.frame:
            if number:
                strata = found.setdefault(_key(by, agency, sector, channel), {})
                stratum = (sector, channel, lateness)
                strata[stratum] = strata.get(stratum, 0) + number
        return found

    def rated(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        """As `Source` says."""
        if by is Breakdown.PROCEDURE:
            parts: Iterable[tuple[str, Stratum, str, Sequence[int]]] = (
                (row[0], ("", row[1], row[2]), row[3], row[4:])
                for row in self.inputs.procedure_counts
            )
        else:
            parts = (
                (
                    _key(by, agency, sector, channel),
                    (sector, channel, lateness),
                    question,
                    _one(rating, times),
                )
                for (agency, sector, channel, lateness, question, rating), times in (
                    self.ratings.items()
                )
            )
        found: dict[str, dict[Stratum, Ratings]] = {}
        for key, stratum, question, numbers in parts:
            if question in questions:
                strata = found.setdefault(key, {})
                so_far = strata.get(stratum, (0, 0, 0, 0, 0))
                n1, n2, n3, n4, n5 = (a + b for a, b in zip(so_far, numbers, strict=True))
                strata[stratum] = (n1, n2, n3, n4, n5)
        return found


def _key(by: Breakdown, agency: str, sector: str, channel: str) -> str:
    keys = {Breakdown.AGENCY: agency, Breakdown.SECTOR: sector, Breakdown.CHANNEL: channel}
    return keys.get(by, OVERALL)


def _one(rating: int, times: int) -> list[int]:
    return [times if level == rating else 0 for level in range(LOWEST_RATING, HIGHEST_RATING + 1)]
