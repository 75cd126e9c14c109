"""Read everything a report prints: snapshot or live counts, cases and corrections.

Cases and corrections are read as of the period close, from timestamps and timelines that never
change, and months are compared by the counts stored at each period close. So the report of a closed
month is the same whenever it is built.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import audit, indices, insights
from survey.ballots.pool import pool_of
from survey.db import settings_of
from survey.errors import Refused
from survey.indices import Status, read_figure
from survey.models.count import OF_FRAME, RATED, Count, Frame
from survey.models.dossier import Dossier, DossierChange
from survey.models.invitation import CoverageEntry
from survey.models.snapshot import Approval, Snapshot
from survey.models.target import Target
from survey.period import MONTHS_OF_YEAR, Month, Period
from survey.province import province_of
from survey.province.targets import schedule
from survey.reference.files import letterhead_file
from survey.reports import phrases
from survey.reports.case_times import read_cases
from survey.reports.figures import (
    Approved,
    Before,
    Correction,
    FrameFigures,
    LevelToHold,
    Origin,
    Report,
    by_status,
    read_report,
)


def gather(session: Session, month: Month, now: datetime) -> Report:
    """The report of a month (YYYY-MM) as of `now`; without a snapshot a draft from live counts.

    Invalid `future_period`, `reference_broken`; Refused `empty_month` when no dossier finished,
    `no_province`, `snapshot_broken`.
    """
    indices.check_period(month, now)
    snapshot = indices.first(session, month)
    if snapshot is None:
        payload = indices.draft_payload(session, month, now, provisional=True)
        payload["closed_at"] = None
    else:
        payload = indices.payload_of(snapshot)
    if not payload["frame"]["finished"]:
        raise Refused("empty_month", phrases.month_name(month))
    as_of = snapshot.closed_at if snapshot else now
    return read_report(
        indices.suppressed_payload(session, payload),
        _origin(session, month, snapshot, now),
        read_cases(session, month, as_of),
        _corrections(session, month, as_of),
        _before(session, month),
        insights.closed(session, snapshot) if snapshot else None,
    )


def _origin(session: Session, month: Month, snapshot: Snapshot | None, now: datetime) -> Origin:
    province = province_of(session)
    return Origin(
        province=province.name,
        snapshot=snapshot.id if snapshot else None,
        digest=snapshot.digest if snapshot else None,
        audit_head=audit.head(session),
        made_at=now,
        template=letterhead_file(settings_of(session).province),
        kept=_kept(session, month),
        approved=_approved(session, snapshot),
        formulas_url=f"{settings_of(session).public_url}/staff/formulas",
    )


def _approved(session: Session, snapshot: Snapshot | None) -> Approved | None:
    given = session.get(Approval, snapshot.id) if snapshot else None
    return Approved(given.name, given.approved_at) if given else None


def _kept(session: Session, month: Month) -> tuple[LevelToHold, ...]:
    """The targets of the span of years before `month`, by scope."""
    last = select(func.max(Target.by_year)).where(Target.by_year < month.year)
    by_year = session.scalar(last)
    if by_year is None:
        return ()
    steps = schedule(session, Month.numbered(by_year, MONTHS_OF_YEAR)).by_scope
    return tuple(
        LevelToHold(scope, float(target.value), by_year) for scope, target in sorted(steps.items())
    )


def _before(session: Session, month: Month) -> Before | None:
    earlier = month.previous
    snapshot = indices.first(session, earlier)
    if snapshot is None:
        return None
    figures = indices.payload_of(snapshot)["figures"]
    whole = read_figure(figures["overall"][0])
    sectors = [read_figure(row) for row in figures["sector"]]
    return Before(
        month=earlier,
        index=None if whole.is_suppressed else whole.index,
        sectors_met=len(by_status(sectors, Status.MET)),
        sectors=len(sectors),
        response_rate=whole.response_rate,
        cases_on_time=read_cases(session, earlier, snapshot.closed_at).total.on_time_share,
    )


def _corrections(session: Session, month: Month, as_of: datetime) -> list[Correction]:
    dossiers = func.count(func.distinct(DossierChange.dossier_id))
    agencies = func.count(func.distinct(Dossier.agency_id))
    query = (
        select(DossierChange.field, dossiers, agencies)
        .join(Dossier, Dossier.id == DossierChange.dossier_id)
        .join(CoverageEntry, CoverageEntry.dossier_id == Dossier.id)
        .where(
            CoverageEntry.month == month,
            DossierChange.after_finish.is_(True),
            DossierChange.changed_at <= as_of,
        )
        .group_by(DossierChange.field)
        .order_by(dossiers.desc(), DossierChange.field)
    )
    return [Correction(*row) for row in session.execute(query)]


def frame_of(session: Session, period: Period) -> FrameFigures:
    """Dossiers of a period finished, invited, delivered and rated (sampling frame), as of now."""
    numbers = (Frame.finished, Frame.invited, Frame.delivered, RATED)
    sums = [func.coalesce(func.sum(number), 0) for number in numbers]
    query = select(*sums).select_from(Frame).join(Count, OF_FRAME, isouter=True)
    row = session.execute(query.where(Frame.month.in_(period.months))).one()
    finished, invited, delivered, rated = map(int, row)
    rated += pool_of(session).of(period.months).rated().total()
    return FrameFigures(finished, invited, delivered, rated)
