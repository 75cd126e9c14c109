"""Verify a snapshot: recompute its figures from the ballots and compare byte for byte."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import audit
from survey.errors import NotFound
from survey.indices.answers import Recount, Recounted, recount
from survey.indices.closed import payload_of
from survey.indices.payload import Inputs, canonical, closing_payload, read_inputs, sha256
from survey.models.invitation import CoverageEntry
from survey.models.organisation import Agency
from survey.models.snapshot import Snapshot
from survey.period import Month

MOST_DIFFERENCES = 50


@dataclass(frozen=True, slots=True)
class Recomputation:
    """The result: the stored digest, the recomputed digest, and the differences."""

    snapshot: int
    month: Month
    formula: str
    digest: str
    recomputed: str
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the payload is identical and no other table contradicts the snapshot."""
        return self.digest == self.recomputed and not self.differences


def recompute(session: Session, snapshot_id: int) -> Recomputation:
    """Recompute a snapshot from the last version of each ballot before its closing.

    An edited, deleted or inserted version is reported as a difference; answers given after the
    closing are not. NotFound `no_snapshot`; Refused `snapshot_broken` when the stored payload does
    not match its own digest.
    """
    snapshot = session.get(Snapshot, snapshot_id)
    if snapshot is None:
        raise NotFound("no_snapshot", str(snapshot_id))
    stored = payload_of(snapshot)
    inputs = read_inputs(stored["inputs"])
    counted = recount(session, snapshot.month, snapshot.number)
    source = Recounted(inputs, counted.rating_rows)
    again = closing_payload(
        *(snapshot.month, stored["closed_at"], inputs, source),
        *(counted.pattern_rows, counted.digest),
    )
    text = canonical(again)
    differences = [
        *_between("", stored, json.loads(text)),
        *_sums(inputs, counted),
        *_ledger(session, snapshot.month, inputs),
        *_audit(session, snapshot),
    ]
    return Recomputation(
        snapshot=snapshot.id,
        month=snapshot.month,
        formula=snapshot.formula,
        digest=snapshot.digest,
        recomputed=sha256(text),
        differences=tuple(differences[:MOST_DIFFERENCES]),
    )


def _between(path: str, stored: Any, again: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Differences of two JSON documents, as paths with both values."""
    if isinstance(stored, dict) and isinstance(again, dict):
        names = sorted({*stored, *again})
        return [
            line
            for name in names
            for line in _between(f"{path}.{name}".strip("."), stored.get(name), again.get(name))
        ]
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        pairs = enumerate(zip(stored, again, strict=True))
        return [
            line for at, (one, other) in pairs for line in _between(f"{path}[{at}]", one, other)
        ]
    return [] if stored == again else [f"{path}: {stored!r} ≠ {again!r}"]


def _sums(inputs: Inputs, counted: Recount) -> list[str]:
    """Stored sums that differ from the recount: counts per procedure, and answers in the sampling
    frame.
    """
    procedures: Counter[tuple[object, ...]] = Counter()
    for _procedure, channel, lateness, question, *levels in inputs.procedure_counts:
        for level, number in enumerate(levels, start=1):
            procedures[channel, lateness, question, level] += number
    answers: Counter[tuple[object, ...]] = Counter()
    for (_agency, _sector, *place), number in counted.ratings.items():
        answers[tuple(place)] += number
    frame = Counter({tuple(row[:4]): row[7] for row in inputs.frame})
    return [
        f"{name} {'/'.join(map(str, key))}: {stored[key]} ≠ {again[key]}"
        for name, stored, again in (
            ("procedure_counts", procedures, answers),
            ("answered", frame, Counter[tuple[object, ...]](counted.answered)),
        )
        for key in sorted({*stored, *again}, key=repr)
        if stored[key] != again[key]
    ]


def _ledger(session: Session, month: Month, inputs: Inputs) -> list[str]:
    """Cells with fewer dossiers in the coverage ledger than in the snapshot.

    Files imported after the closing may only add dossiers.
    """
    entry = CoverageEntry
    cell = (Agency.code, entry.sector_code, entry.channel, entry.lateness)
    query = (
        select(*cell, func.count())
        .join(Agency, Agency.id == entry.agency_id)
        .where(entry.month == month)
        .group_by(*cell)
    )
    ledger = {tuple(row[:4]): row[4] for row in session.execute(query)}
    return [
        f"finished {'/'.join(row[:4])}: {row[4]} > {ledger.get(tuple(row[:4]), 0)}"
        for row in inputs.frame
        if row[4] > ledger.get(tuple(row[:4]), 0)
    ]


def _audit(session: Session, snapshot: Snapshot) -> list[str]:
    """Differences of the snapshot and its published part from the digests in the audit log."""
    closings = audit.entries(session, action="index.close", subject=f"month:{snapshot.month}")
    decided = [(entry.detail.get("digest"), entry.detail.get("published")) for entry in closings]
    found = (snapshot.digest, sha256(canonical(snapshot.published)))
    return [] if found in decided else [f"audit: {decided} ≠ {found}"]
