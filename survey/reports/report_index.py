"""Index of reports: which months can have one, which files are built, and what is missing."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.ballots.pool import pool_of
from survey.errors import NotFound, Refused
from survey.models.count import RATED, Count, Frame
from survey.models.organisation import Agency
from survey.models.questionnaire import OVERALL
from survey.models.report import ReportFile
from survey.models.snapshot import Approval, Snapshot
from survey.period import Month
from survey.province.workdays import LOCAL
from survey.reports.build import FORMATS, file_name
from survey.reports.figures import Approved, Stage

MOST_MONTHS = 36


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """One built file."""

    format: str
    name: str
    bytes: int
    built_at: datetime


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One month: its figures, stage, approval, silent units and built files."""

    month: Month
    finished: int
    answered: int
    closed_at: datetime | None
    closable_on: date
    approved: Approved | None
    silent: tuple[str, ...]
    files: tuple[ReadyFile, ...]


def months(session: Session) -> list[IndexEntry]:
    """Months with finished dossiers, newest first, with their built files."""
    query = (
        select(Frame.month, func.sum(Frame.finished))
        .where(Frame.finished > 0)
        .group_by(Frame.month)
        .order_by(Frame.month.desc())
        .limit(MOST_MONTHS)
    )
    rows = session.execute(query).all()
    query_rated = select(Count.month, func.sum(RATED)).where(Count.question == OVERALL)
    rated = Counter(dict(session.execute(query_rated.group_by(Count.month)).all()))
    for cell, waiting in pool_of(session).rated().items():
        rated[cell.month] += waiting
    query_closed = select(Snapshot.month, Snapshot.closed_at).where(Snapshot.number == 1)
    closed = {row.month: row.closed_at for row in session.execute(query_closed)}
    approved = _approvals(session)
    active = _active(session, rows[-1][0]) if rows else {}
    built = {(one.month, one.name): one for one in session.scalars(select(ReportFile))}
    return [
        IndexEntry(
            month=month,
            finished=finished,
            answered=rated.get(month, 0),
            closed_at=closed.get(month),
            closable_on=month.closable_from.astimezone(LOCAL).date(),
            approved=approved.get(month),
            silent=_silent(active, month),
            files=_ready(built, month, _stage(month in closed, month in approved)),
        )
        for month, finished in rows
    ]


def _approvals(session: Session) -> dict[str, Approved]:
    query = select(Snapshot.month, Approval).join(Approval, Approval.snapshot_id == Snapshot.id)
    return {
        month: Approved(given.name, given.approved_at) for month, given in session.execute(query)
    }


def _stage(is_closed: bool, is_approved: bool) -> Stage:  # noqa: FBT001 - two facts of one month
    if is_approved:
        return Stage.APPROVED
    return Stage.CLOSED if is_closed else Stage.OPEN


def _active(session: Session, since: Month) -> dict[Month, dict[int, Agency]]:
    """Month → units with finished dossiers."""
    query = (
        select(Frame.month, Agency)
        .join(Agency, Agency.id == Frame.agency_id)
        .where(Frame.month >= since, Frame.finished > 0)
        .distinct()
    )
    found: dict[Month, dict[int, Agency]] = {}
    for month, agency in session.execute(query):
        found.setdefault(month, {})[agency.id] = agency
    return found


def _silent(active: dict[Month, dict[int, Agency]], month: Month) -> tuple[str, ...]:
    """Units that had dossiers the month before, still exist, and have none this month."""
    before = active.get(month.previous, {})
    missing: Iterable[Agency] = (
        agency for number, agency in before.items() if number not in active.get(month, {})
    )
    return tuple(sorted(agency.name for agency in missing if agency.is_valid_on(month.first_day)))


def _ready(
    built: Mapping[tuple[Month, str], ReportFile], month: Month, stage: Stage
) -> tuple[ReadyFile, ...]:
    """Built files of a month's current stage; those of an earlier stage are not offered."""
    names = {name: file_name(month, name, stage) for name in FORMATS}
    files = {name: built.get((month, file)) for name, file in names.items()}
    return tuple(
        ReadyFile(name, one.name, one.size, one.built_at) for name, one in files.items() if one
    )


def file_of(session: Session, month: Month, name: str) -> ReportFile:
    """A built file; NotFound `no_report_file`, Refused `report_file_broken` if it was changed."""
    found = session.get(ReportFile, (month, name))
    if found is None:
        raise NotFound("no_report_file")
    if hashlib.sha256(found.content).hexdigest() != found.digest:
        raise Refused("report_file_broken", name)
    return found


def store(session: Session, month: Month, name: str, content: bytes, now: datetime) -> None:
    """Store a built file, replacing one of the same name."""
    file = session.get(ReportFile, (month, name)) or ReportFile(month=month, name=name)
    file.store(content, now)
    session.add(file)
