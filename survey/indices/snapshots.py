"""Closing a month: every figure a report may print, stored once, with formula and digest.

The payload is one JSON object:

    month, formula, closed_at
    figures   {by: [Figure]}                 the overall question, by every breakdown
    factors   {question: {by: [Figure]}}     the five factors, overall and by sector
    frame     {finished, invited, delivered, answered}
    coverage  {invited, not_invited: {reason: n}}
    late      {agency code: {finished, late}}
    rules     [{agency, label, rule, value, limit, operator, quote, source}]   bars an agency ran
    into corrections  number of dossiers changed after their cell was fixed
"""

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from survey import audit
from survey.errors import Refused
from survey.indices.figures import FORMULA, Breakdown, Figure
from survey.indices.live import live
from survey.indices.periods import check_month, closable_from
from survey.indices.targets import bars
from survey.invitations import coverage
from survey.models.count import Frame
from survey.models.dossier import DossierChange, Lateness
from survey.models.invitation import CoverageEntry
from survey.models.organisation import Agency
from survey.models.questionnaire import FACTORS, Question
from survey.models.response import lock_month
from survey.models.snapshot import Snapshot
from survey.workdays import local_day

LATE_BAR = "late_agency_not_good"
INDEX_BAR = "index_not_good"


def first(session: Session, month: str) -> Snapshot | None:
    """The closing that holds for a month, if it was closed."""
    return session.scalars(
        select(Snapshot).where(Snapshot.month == month).order_by(Snapshot.number).limit(1)
    ).first()


def close(session: Session, month: str, now: datetime) -> Snapshot:
    """Store the snapshot of a month; closed already: the first one, unchanged.

    Refused `too_early` before day 15 of the next month; Invalid `future_period`.
    """
    check_month(month, now)
    if now < closable_from(month):
        raise Refused("too_early", f"{local_day(closable_from(month)):%d/%m/%Y}")
    lock_month(session, month)
    stored = first(session, month)
    if stored is not None:
        return stored
    payload = payload_text(draft_payload(session, month, now, provisional=False))
    snapshot = Snapshot(
        month=month,
        number=1,
        closed_at=now,
        formula=FORMULA,
        digest=hashlib.sha256(payload.encode()).hexdigest(),
        payload=payload,
    )
    session.add(snapshot)
    session.flush()
    detail = {"digest": snapshot.digest, "formula": FORMULA}
    audit.record(session, now, "index.close", f"month:{month}", detail=detail)
    return snapshot


def closable_months(session: Session, now: datetime) -> list[str]:
    """Months with finished dossiers that may be closed now and are not."""
    closed = select(Snapshot.month)
    months = session.scalars(
        select(Frame.month).where(Frame.month.not_in(closed)).distinct().order_by(Frame.month)
    )
    return [month for month in months if now >= closable_from(month)]


def payload_text(payload: dict[str, Any]) -> str:
    """The payload as canonical JSON: what the digest is taken over."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def payload_of(snapshot: Snapshot) -> dict[str, Any]:
    """The payload of a snapshot; Refused `snapshot_broken` when it does not fit its digest."""
    if hashlib.sha256(snapshot.payload.encode()).hexdigest() != snapshot.digest:
        raise Refused("snapshot_broken", snapshot.month)
    payload: dict[str, Any] = json.loads(snapshot.payload)
    return payload


def figures_of(snapshot: Snapshot, by: str, question: str) -> list[Figure]:
    """Figures of a closed month; a factor that was not stored by this breakdown has none."""
    payload = payload_of(snapshot)
    if question == Question.OVERALL:
        rows = payload["figures"][by]
    else:
        rows = payload["factors"][question].get(by, [])
    return [Figure(**row) for row in rows]


def draft_payload(
    session: Session, month: str, now: datetime, *, provisional: bool
) -> dict[str, Any]:
    """The payload from the counts as they stand now."""
    figures = {
        by.value: live(session, month, by, Question.OVERALL, provisional=provisional)
        for by in Breakdown
    }
    factors = {
        factor.value: {
            by.value: _rows(live(session, month, by, factor, provisional=provisional))
            for by in Breakdown
        }
        for factor in FACTORS
    }
    late = _late(session, month)
    covered = coverage(session, month)
    return {
        "month": month,
        "formula": FORMULA,
        "closed_at": now.isoformat(),
        "figures": {by: _rows(found) for by, found in figures.items()},
        "factors": factors,
        "frame": _frame(session, month),
        "coverage": {"invited": covered.invited, "not_invited": covered.not_invited},
        "late": late,
        "rules": _rules_broken(session, month, figures[Breakdown.AGENCY], late),
        "corrections": _corrections(session, month),
    }


def _rows(figures: list[Figure]) -> list[dict[str, Any]]:
    return [asdict(found) for found in figures]


def _frame(session: Session, month: str) -> dict[str, int]:
    names = ("finished", "invited", "delivered", "answered")
    sums = [func.sum(getattr(Frame, name)) for name in names]
    row = session.execute(select(*sums).where(Frame.month == month)).one()
    return {name: int(number or 0) for name, number in zip(names, row, strict=True)}


def _late(session: Session, month: str) -> dict[str, dict[str, int]]:
    late = func.sum(case((Frame.lateness == Lateness.LATE, Frame.finished), else_=0))
    query = (
        select(Agency.code, func.sum(Frame.finished), late)
        .join(Agency, Agency.id == Frame.agency_id)
        .where(Frame.month == month)
        .group_by(Agency.code)
        .order_by(Agency.code)
    )
    return {
        code: {"finished": int(finished), "late": int(overdue)}
        for code, finished, overdue in session.execute(query)
        if finished
    }


def _rules_broken(
    session: Session, month: str, agencies: list[Figure], late: dict[str, dict[str, int]]
) -> list[dict[str, Any]]:
    """Agencies that may not be rated "good", with rule and words; counted in whole numbers."""
    limits = {rule.name: rule for rule in bars(session, month)}
    broken = []
    for found in agencies:
        reached = {}
        overdue = late.get(found.key)
        if overdue:
            reached[LATE_BAR] = Fraction(overdue["late"], overdue["finished"])
        if found.rated:
            reached[INDEX_BAR] = Fraction(found.satisfied, found.rated)
        for name, share in reached.items():
            rule = limits.get(name)
            if rule is None:
                continue
            bar = Fraction(rule.value) / 100
            if (share >= bar) if rule.operator == ">=" else (share <= bar):
                broken.append(
                    {
                        "agency": found.key,
                        "label": found.label,
                        "rule": name,
                        "value": float(share),
                        "limit": float(bar),
                        "operator": rule.operator,
                        "quote": rule.quote,
                        "source": rule.source,
                    }
                )
    return broken


def _corrections(session: Session, month: str) -> int:
    query = (
        select(func.count(func.distinct(DossierChange.dossier_id)))
        .join(CoverageEntry, CoverageEntry.dossier_id == DossierChange.dossier_id)
        .where(CoverageEntry.month == month, DossierChange.after_finish.is_(True))
    )
    return session.scalar(query) or 0
