"""The cell a finished dossier is counted in, fixed when it finishes."""

from datetime import datetime
from typing import Protocol

from survey.errors import Refused
from survey.models.count import Cell
from survey.models.dossier import Lateness
from survey.period import Month
from survey.province.workdays import finish_instant, local_day


class FinishedDossier(Protocol):
    """The fields of a dossier that the coverage ledger needs: a model or a row just written."""

    id: int
    code: str
    agency_id: int
    procedure_code: str
    channel: str
    outcome: str
    due_at: datetime | None
    due_has_time: bool
    finished_at: datetime | None
    finished_has_time: bool
    phone_sealed: bytes | None
    phone_index: bytes | None
    phone_kind: str


def finished_instant(dossier: FinishedDossier) -> datetime:
    """Instant of the finish; a day without a time counts as 17:00 local.

    Refused `dossier_not_finished`.
    """
    if dossier.finished_at is None:
        raise Refused("dossier_not_finished", dossier.code)
    if dossier.finished_has_time:
        return dossier.finished_at
    return finish_instant(local_day(dossier.finished_at))


def lateness(dossier: FinishedDossier) -> Lateness:
    """Late when finished after the due date: by day, or to the minute when both have times."""
    if dossier.due_at is None or dossier.finished_at is None:
        return Lateness.NONE
    if dossier.due_has_time and dossier.finished_has_time:
        late = dossier.finished_at > dossier.due_at
    else:
        late = local_day(dossier.finished_at) > local_day(dossier.due_at)
    return Lateness.LATE if late else Lateness.ON_TIME


def cell_of(dossier: FinishedDossier, sector_code: str) -> Cell:
    """Agency × sector × local month of finish × channel × lateness."""
    return Cell(
        agency_id=dossier.agency_id,
        sector_code=sector_code,
        month=Month.at(finished_instant(dossier)),
        channel=dossier.channel,
        lateness=lateness(dossier),
    )
