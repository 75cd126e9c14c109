"""Period close: store every figure that a report may publish once, with formula and digests."""

import secrets
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import audit
from survey.ballots.checking import check_ballots, described
from survey.db import advisory_lock
from survey.errors import Refused
from survey.indices.answers import recount
from survey.indices.closed import first
from survey.indices.figures import FORMULA
from survey.indices.inputs import read_live
from survey.indices.line_counts import Stored
from survey.indices.payload import canonical, closing_payload, sha256
from survey.indices.periods import check_period
from survey.indices.published import published
from survey.models.count import Frame
from survey.models.snapshot import Snapshot
from survey.period import Month
from survey.province.workdays import local_day

FIRST = 1
SALT_BYTES = 16


def close(session: Session, month: Month, now: datetime) -> Snapshot:
    """Store the snapshot of a month; idempotent: a closed month returns its snapshot unchanged.

    The caller must have counted the pool in the same transaction, so that every later answer
    belongs after the closing. Takes an advisory lock on the month.

    Refused `too_early` before day 15 of the next month, `empty_month` without a finished dossier,
    `counts_differ` while counts and ballots disagree or more rated than were invited; Invalid
    `future_period`.
    """
    check_period(month, now)
    if now < month.closable_from:
        raise Refused("too_early", f"{local_day(month.closable_from):%d/%m/%Y}")
    advisory_lock(session, f"closing:{month}")
    stored = first(session, month)
    if stored is not None:
        return stored
    if differences := check_ballots(session, [month]):
        raise Refused("counts_differ", described(differences[0]))
    source = Stored(session, month, with_pool=False)
    inputs = replace(read_live(session, month, source), salt=secrets.token_hex(SALT_BYTES))
    answers = recount(session, month, FIRST)
    payload = closing_payload(
        month, now.isoformat(), inputs, source, answers.pattern_rows, answers.digest
    )
    if not payload["frame"]["finished"]:
        raise Refused("empty_month", month)
    snapshot = Snapshot(month=month, number=FIRST, closed_at=now, formula=FORMULA)
    public = published(session, payload)
    session.add(snapshot)
    snapshot.store(canonical(payload), public)
    session.flush()
    detail = {"digest": snapshot.digest, "published": sha256(canonical(public)), "formula": FORMULA}
    audit.append(session, now, "index.close", f"month:{month}", detail=detail)
    return snapshot


def closable_months(session: Session, now: datetime) -> list[Month]:
    """Open months with dossiers that may be closed now."""
    closed = select(Snapshot.month)
    months = session.scalars(
        select(Frame.month).where(Frame.month.not_in(closed)).distinct().order_by(Frame.month)
    )
    return [month for month in months if now >= month.closable_from]
