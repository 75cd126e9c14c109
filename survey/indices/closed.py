"""Reads the snapshots of closed months."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors import Refused
from survey.indices.figures import Figure, read_figure
from survey.indices.payload import sha256
from survey.models.questionnaire import Question
from survey.models.snapshot import Snapshot
from survey.period import Month


def first(session: Session, month: Month) -> Snapshot | None:
    """The closing that holds for a month, if it was closed."""
    return session.scalars(
        select(Snapshot).where(Snapshot.month == month).order_by(Snapshot.number).limit(1)
    ).first()


def payload_of(snapshot: Snapshot) -> dict[str, Any]:
    """The payload of a snapshot; Refused `snapshot_broken` when it was changed or does not fit its
    digest.
    """
    try:
        text = snapshot.payload
    except Refused as refused:
        if refused.code != "encrypted_value_broken":
            raise
        raise Refused("snapshot_broken", snapshot.month) from refused
    if sha256(text) != snapshot.digest:
        raise Refused("snapshot_broken", snapshot.month)
    payload: dict[str, Any] = json.loads(text)
    return payload


def figures_of(snapshot: Snapshot, by: str, question: str) -> list[Figure]:
    """Figures of a closed month; a factor that was not stored by this breakdown has none."""
    payload = payload_of(snapshot)
    if question == Question.OVERALL:
        rows = payload["figures"][by]
    else:
        rows = payload["factors"][question].get(by, [])
    return [read_figure(row) for row in rows]
