"""Counts computed again from the answers: compared every night, and put right after a fault."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from survey.models.count import LEVELS, Count, Frame, ProcedureFrame
from survey.models.invitation import CoverageEntry, Decision
from survey.models.procedure_count import ProcedureCount, procedure_counts
from survey.models.questionnaire import Question
from survey.models.response import Answer, Response, lock_answers

CELL = ("month", "agency_id", "sector_code", "channel", "lateness")
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored number that is not what the answers and the ledger say."""

    table: str
    key: Key
    stored: int
    computed: int


def check(session: Session) -> list[Difference]:
    """Every number of counts and frame that differs from a recount; empty when all agree."""
    answers = recount(session)
    found = [*_differences("count", _stored_counts(session), answers)]
    for name, computed in _frames(session).items():
        found += _differences(f"frame.{name}", _stored_frame(session, name), computed)
    found += _differences(
        "procedure_count", _sums_by_procedure_cell(session), _without_agency(answers)
    )
    found += _differences(
        "procedure_frame", _stored_procedure_frame(session), _procedure_frame(session)
    )
    return found


def rebuild(session: Session) -> int:
    """Write counts and frame anew from answers and ledger; how many numbers were wrong before.

    Counts per procedure cannot be computed again, since answers do not know their procedure:
    `check` compares their sums. `delivered` belongs to the outbox and stays. Answers wait.
    """
    for month in session.scalars(select(Frame.month).distinct().order_by(Frame.month)).all():
        lock_answers(session, month)
    wrong = len(check(session))
    session.execute(delete(Count))
    rows: dict[Key, dict[str, object]] = {}
    for key, number in recount(session).items():
        *cell, question, level = key
        row = rows.setdefault(
            (*cell, question),
            {
                **dict(zip(CELL, cell, strict=True)),
                "question": question,
                **dict.fromkeys(LEVELS, 0),
            },
        )
        row[str(level)] = number
    if rows:
        session.execute(insert(Count), list(rows.values()))
    for name, computed in _frames(session).items():
        session.execute(update(Frame).values({name: 0}))
        for key, number in computed.items():
            at_cell = [getattr(Frame, part) == value for part, value in zip(CELL, key, strict=True)]
            session.execute(update(Frame).where(*at_cell).values({name: number}))
    return wrong


def recount(session: Session) -> Counter[Key]:
    """(cell…, question, level) → answers, from the last version of every response."""
    newest = (
        select(Answer.response_id, func.max(Answer.version).label("version"))
        .group_by(Answer.response_id)
        .subquery()
    )
    cell = [getattr(Response, part) for part in CELL]
    found: Counter[Key] = Counter()
    for question in Question:
        rating: InstrumentedAttribute[int | None] = getattr(Answer, question)
        query = (
            select(*cell, rating, func.count())
            .join(Answer, Answer.response_id == Response.id)
            .join(
                newest,
                (newest.c.response_id == Answer.response_id) & (newest.c.version == Answer.version),
            )
            .where(rating.is_not(None))
            .group_by(*cell, rating)
        )
        for *key, level, number in session.execute(query):
            found[(*key, question.value, f"n{level}")] += number
    return found


def _stored_counts(session: Session) -> Counter[Key]:
    found: Counter[Key] = Counter()
    columns = [getattr(Count, part) for part in (*CELL, "question", *LEVELS)]
    for row in session.execute(select(*columns)):
        for place, level in enumerate(LEVELS, start=len(CELL) + 1):
            found[(*row[: len(CELL) + 1], level)] = row[place]
    return found


def _sums_by_procedure_cell(session: Session) -> Counter[Key]:
    months = session.scalars(select(ProcedureCount.month).distinct()).all()
    found: Counter[Key] = Counter()
    for month in months:
        for group, counts in procedure_counts(session, month).items():
            for question, ratings in counts.items():
                for level, number in zip(LEVELS, ratings, strict=True):
                    found[month, group.channel, group.lateness, question, level] += number
    return found


def _without_agency(counts: Counter[Key]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for (month, _agency, _sector, channel, lateness, question, level), number in counts.items():
        found[(month, channel, lateness, question, level)] += number
    return found


def _frames(session: Session) -> dict[str, Counter[Key]]:
    entry = [getattr(CoverageEntry, part) for part in CELL]
    return {
        "finished": _counted(session, entry),
        "invited": _counted(session, entry, CoverageEntry.decision == Decision.ASKED),
    }


def _counted(
    session: Session, key: Iterable[InstrumentedAttribute[object]], *only: ColumnElement[bool]
) -> Counter[Key]:
    parts = list(key)
    query = select(*parts, func.count()).where(*only).group_by(*parts)
    return Counter({tuple(row[:-1]): row[-1] for row in session.execute(query)})


def _stored_frame(session: Session, name: str) -> Counter[Key]:
    columns = [getattr(Frame, part) for part in (*CELL, name)]
    return Counter({tuple(row[:-1]): row[-1] for row in session.execute(select(*columns))})


def _procedure_frame(session: Session) -> Counter[Key]:
    parts = ("month", "procedure_code", "channel", "lateness")
    return _counted(session, [getattr(CoverageEntry, part) for part in parts])


def _stored_procedure_frame(session: Session) -> Counter[Key]:
    parts = ("month", "procedure_code", "channel", "lateness", "finished")
    columns = [getattr(ProcedureFrame, part) for part in parts]
    return Counter({tuple(row[:-1]): row[-1] for row in session.execute(select(*columns))})


def _differences(table: str, stored: Counter[Key], computed: Counter[Key]) -> list[Difference]:
    keys = sorted({*stored, *computed}, key=repr)
    return [
        Difference(table, key, stored[key], computed[key])
        for key in keys
        if stored[key] != computed[key]
    ]
