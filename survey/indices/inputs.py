"""Read from the database what the figures of a month need besides the answers."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.ballots.pool import Pool
from survey.disclosure import Breakdown
from survey.indices.line_counts import Stored, lines_of
from survey.indices.payload import Inputs, Row, cells_of, compose
from survey.indices.revision import revision
from survey.indices.scoring import rules_in_force
from survey.invitations.coverage import coverage
from survey.models.count import OF_FRAME, RATED, Cell, Count, Frame, ProcedureFrame
from survey.models.dossier import DossierChange
from survey.models.invitation import CoverageEntry
from survey.models.organisation import Agency
from survey.models.questionnaire import LOWEST_RATING, OVERALL, QuestionnaireKind
from survey.period import Month
from survey.surveys import current, names


def read_live(session: Session, month: Month, source: Stored) -> Inputs:
    """The current inputs."""
    covered = coverage(session, month)
    return Inputs(
        rules=rules_in_force(session, month),
        lines={by: lines_of(session, month, by, source) for by in Breakdown},
        frame=_frame(session, month, source.pool),
        procedure_frame=_procedure_frame(session, month),
        procedure_counts=_procedure_counts(source),
        coverage={"invited": covered.invited, "not_invited": covered.not_invited},
        corrections=_corrections(session, month),
        revision=revision(session, month.previous),
        factors=_factors(session, month, source),
    )


def _factors(session: Session, month: Month, source: Stored) -> list[Row]:
    """Code and name of the factors in the questionnaire in force at the end of a month, and of any
    others rated in it: invitations sent earlier ask the previous questionnaire.
    """
    asked = current(session, QuestionnaireKind.FULL, month.day_after - timedelta(days=1))
    rated = {question for (_, question, _), times in source.aggregate.procedures.items() if times}
    return [
        [code, name]
        for code, name in names(session).items()
        if code != OVERALL and (code in rated or (asked and code in asked.factors))
    ]


def _frame(session: Session, month: Month, pool: Pool) -> list[Row]:
    cell = (Agency.code, Frame.sector_code, Frame.channel, Frame.lateness)
    query = (
        select(*cell, Frame.finished, Frame.invited, Frame.delivered, RATED, Frame.agency_id)
        .join(Agency, Agency.id == Frame.agency_id)
        .join(Count, OF_FRAME, isouter=True)
        .where(Frame.month == month)
    )
    waiting = pool.rated()
    rows = []
    for code, sector, channel, lateness, *numbers, rated, agency_id in session.execute(query):
        more = waiting[Cell(agency_id, sector, month, channel, lateness)]
        rows.append([code, sector, channel, lateness, *numbers, rated + more])
    return sorted(rows)


def _procedure_frame(session: Session, month: Month) -> list[Row]:
    names = ("procedure_code", "channel", "lateness", "finished")
    query = select(*(getattr(ProcedureFrame, name) for name in names))
    return sorted(list(row) for row in session.execute(query.where(ProcedureFrame.month == month)))


def _procedure_counts(source: Stored) -> list[Row]:
    rows: dict[tuple[str, ...], list[int]] = {}
    for (group, question, rating), times in source.aggregate.procedures.items():
        levels = rows.setdefault((*group[1:], question), [0, 0, 0, 0, 0])
        levels[rating - LOWEST_RATING] += times
    return sorted([*key, *levels] for key, levels in rows.items() if any(levels))


def _corrections(session: Session, month: Month) -> int:
    query = (
        select(func.count(func.distinct(DossierChange.dossier_id)))
        .join(CoverageEntry, CoverageEntry.dossier_id == DossierChange.dossier_id)
        .where(CoverageEntry.month == month, DossierChange.after_finish.is_(True))
    )
    return session.scalar(query) or 0


def draft_payload(
    session: Session, month: Month, now: datetime, *, provisional: bool
) -> dict[str, Any]:
    """The payload computed from the current counts, with its inputs but without a digest."""
    source = Stored(session, month)
    inputs = read_live(session, month, source)
    payload = compose(month, now.isoformat(), inputs, source, provisional=provisional)
    counted = {"cells": cells_of(source)}
    return {**payload, "counted": counted, "inputs": inputs.to_json()}
