"""Months filled with ballots, through the product's own box and counting job."""

import random
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from survey.ballots.contents import Ballot, Current, Pooled, pooled_row
from survey.bulk import write_many
from survey.db import table_of
from survey.models.ballot import Mode, PooledBallot
from survey.models.count import Cell, Frame
from survey.models.organisation import Procedure
from survey.models.questionnaire import QuestionnaireKind
from survey.period import Month
from survey.province.workdays import local_day
from survey.surveys import Questions, current

LEVELS, SHARES = (1, 2, 3, 4, 5), (2, 3, 10, 35, 50)
SLOTS = 144
COMPLETE, COMMENTED = 0.3, 0.2
ROWS_AT_ONCE = 5000
COMMENT = "Cán bộ hướng dẫn rõ ràng, nhưng chờ hơi lâu."


def asked(session: Session, kind: QuestionnaireKind) -> Questions:
    """What a kind of questionnaire asks today."""
    found = current(session, kind, local_day(datetime.now(UTC)))
    if found is None:
        message = "no questionnaire is valid"
        raise RuntimeError(message)
    return found


def fill_pool(session: Session, ballots: int, seed: int = 1) -> Month:
    """Put so many ballots of the fullest month into the pool; gives the month."""
    month = session.scalars(
        select(Frame.month).group_by(Frame.month).order_by(func.sum(Frame.finished).desc())
    ).first()
    if month is None:
        message = "no dossier has finished"
        raise RuntimeError(message)
    columns = [getattr(Frame, part) for part in Cell._fields]
    cells = [Cell(*row) for row in session.execute(select(*columns).where(Frame.month == month))]
    statement = insert(table_of(PooledBallot))
    made = _rows(session, cells, ballots, random.Random(seed))
    rows: list[dict[str, object]] = []
    for row in made:
        rows.append(row)
        if len(rows) == ROWS_AT_ONCE:
            write_many(session, statement, rows)
            rows = []
    write_many(session, statement, rows)
    return month


def _rows(
    session: Session, cells: Sequence[Cell], ballots: int, draw: random.Random
) -> Iterator[dict[str, object]]:
    procedures = dict(session.execute(select(Procedure.sector_code, Procedure.code)).all())
    full, short = (
        asked(session, kind) for kind in (QuestionnaireKind.FULL, QuestionnaireKind.SHORT)
    )
    day = local_day(datetime.now(UTC))
    for _ in range(ballots):
        cell, key = draw.choice(cells), secrets.token_bytes(16)
        ratings = {"overall": draw.choices(LEVELS, SHARES)[0]}
        questions = full if draw.random() < COMPLETE else short
        ratings |= {factor: draw.choices(LEVELS, SHARES)[0] for factor in questions.factors}
        pooled = Pooled(
            ballot=Ballot(key=key, cell=cell, mode=Mode.WEB, questions=questions),
            current=Current(ratings),
            day=day,
            slot=draw.randrange(SLOTS),
            procedure_code=procedures[cell.sector_code],
        )
        comment = COMMENT if draw.random() < COMMENTED else ""
        yield pooled_row(session, pooled, comment)
