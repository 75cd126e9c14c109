"""Reads counts and frame of a month, added up by what is shown. Costs the same at any number of
answers.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from survey.indices.figures import Breakdown, Tally
from survey.models.count import Count, Frame, ProcedureCount, ProcedureFrame
from survey.models.dossier import Channel
from survey.models.organisation import Agency, Procedure, Sector

LEVELS = ("n1", "n2", "n3", "n4", "n5")
CHANNEL_NAMES = {
    Channel.COUNTER: "Trực tiếp",
    Channel.ONLINE: "Trực tuyến",
    Channel.POST: "Bưu chính công ích",
    Channel.UNKNOWN: "Không rõ",
}
COLUMNS: Mapping[Breakdown, str] = {
    Breakdown.SECTOR: "sector_code",
    Breakdown.AGENCY: "agency_id",
    Breakdown.PROCEDURE: "procedure_code",
    Breakdown.CHANNEL: "channel",
}


def tallies(session: Session, month: str, by: Breakdown, question: str) -> list[Tally]:
    """Finished dossiers and ratings of a month per key, in the order of the keys' codes.

    Overall is always one line; otherwise only keys with finished dossiers have one.
    """
    if by is Breakdown.OVERALL:
        return [_overall(session, month, question)]
    counted: type[Count | ProcedureCount] = Count
    framed: type[Frame | ProcedureFrame] = Frame
    if by is Breakdown.PROCEDURE:
        counted, framed = ProcedureCount, ProcedureFrame
    name = COLUMNS[by]
    finished = _sums(session, framed, month, name)
    rated = _sums(session, counted, month, name, counted.question == question)
    labels = _labels(session, by)
    found = [
        Tally(
            key=labels[key][0],
            label=labels[key][1],
            finished=row.finished,
            ratings=_ratings(rated.get(key)),
        )
        for key, row in finished.items()
        if row.finished
    ]
    return sorted(found, key=lambda tally: tally.key)


def _overall(session: Session, month: str, question: str) -> Tally:
    finished = session.scalar(select(func.sum(Frame.finished)).where(Frame.month == month))
    levels = [func.sum(getattr(Count, level)).label(level) for level in LEVELS]
    rated = session.execute(
        select(*levels).where(Count.month == month, Count.question == question)
    ).one()
    return Tally("overall", "Toàn tỉnh", finished or 0, _ratings(rated))


def _sums(
    session: Session,
    table: type[Count | ProcedureCount | Frame | ProcedureFrame],
    month: str,
    name: str,
    *only: ColumnElement[bool],
) -> dict[Any, Row[Any]]:
    """Sums of a table's numbers per value of the column `name`."""
    key = table.__table__.columns[name]
    numbers = LEVELS if table in {Count, ProcedureCount} else ("finished",)
    sums = [func.sum(table.__table__.columns[number]).label(number) for number in numbers]
    query = select(key, *sums).where(table.month == month, *only).group_by(key)
    return {row[0]: row for row in session.execute(query)}


def _ratings(row: Row[Any] | None) -> tuple[int, int, int, int, int]:
    if row is None:
        return (0, 0, 0, 0, 0)
    n1, n2, n3, n4, n5 = (int(getattr(row, level) or 0) for level in LEVELS)
    return (n1, n2, n3, n4, n5)


def _labels(session: Session, by: Breakdown) -> dict[Any, tuple[str, str]]:
    """Key in the counts → code and name for people."""
    if by is Breakdown.CHANNEL:
        return {channel.value: (channel.value, name) for channel, name in CHANNEL_NAMES.items()}
    if by is Breakdown.AGENCY:
        agencies = session.execute(select(Agency.id, Agency.code, Agency.name))
        return {number: (code, name) for number, code, name in agencies}
    table: type[Sector | Procedure] = Sector if by is Breakdown.SECTOR else Procedure
    return {code: (code, name) for code, name in session.execute(select(table.code, table.name))}
