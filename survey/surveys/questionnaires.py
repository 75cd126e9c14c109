"""The questions of a questionnaire, and which version of it is in force on a day.

The questions of a version never change, so each process reads them once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, ScalarSelect, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from survey.db import connection_of
from survey.errors import Refused
from survey.models.questionnaire import (
    OVERALL,
    Questionnaire,
    QuestionnaireItem,
    QuestionnaireKind,
)
from survey.surveys.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of a questionnaire besides the overall one: codes of its factors, in order."""

    questionnaire_id: int
    factors: tuple[str, ...]

    def pattern(self, ratings: Mapping[str, int]) -> Pattern | None:
        """The ratings of a complete questionnaire; None without factors or with one unrated."""
        if not self.factors:
            return None
        given = tuple(ratings[one] for one in (*self.factors, OVERALL) if one in ratings)
        return Pattern(self.factors, given) if len(given) > len(self.factors) else None


_ITEMS = select(QuestionnaireItem.questionnaire_id, QuestionnaireItem.question).order_by(
    QuestionnaireItem.questionnaire_id, QuestionnaireItem.position
)
_CACHES: WeakKeyDictionary[Engine, Mapping[int, Questions]] = WeakKeyDictionary()


def questions_of(session: Session, questionnaire_id: int) -> Questions:
    """The questions of a questionnaire. Refused `no_questionnaire` for an unknown id."""
    engine = session.get_bind().engine
    found = _CACHES.get(engine, {}).get(questionnaire_id)
    if found is None:
        cache = _CACHES[engine] = _read(session)
        found = cache.get(questionnaire_id)
    if found is None:
        raise Refused("no_questionnaire")
    return found


def _read(session: Session) -> dict[int, Questions]:
    items: dict[int, list[str]] = {}
    for questionnaire_id, question in connection_of(session).execute(_ITEMS):
        items.setdefault(questionnaire_id, []).append(question)
    return {
        of: Questions(of, tuple(question for question in questions if question != OVERALL))
        for of, questions in items.items()
    }


def in_force(kind: QuestionnaireKind, day: date | InstrumentedAttribute[date]) -> ScalarSelect[int]:
    """SQL subquery: id of the questionnaire of a kind that invitations of a local day ask; NULL
    where none is valid yet.
    """
    one = Questionnaire.__table__.alias()
    return (
        select(one.c.id)
        .where(one.c.kind == kind, one.c.valid_from <= day)
        .order_by(one.c.valid_from.desc(), one.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )


def current(session: Session, kind: QuestionnaireKind, day: date) -> Questions | None:
    """The questions that invitations of a local day ask, for a kind; None where none is valid."""
    found = session.scalar(select(in_force(kind, day)))
    return None if found is None else questions_of(session, found)
