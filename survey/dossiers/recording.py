"""Storing facts: new dossiers in bulk, known ones updated with a row of history per change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.bulk import write_many, write_numbered
from survey.crypto.sealed import Sealed, row_name
from survey.db import advisory_lock, table_of
from survey.dossiers.comparing import Comparison, Verdict, compare
from survey.dossiers.facts import DossierFacts, StageFacts
from survey.dossiers.officers import Officers
from survey.dossiers.progress import Entry, Progress
from survey.models.dossier import Dossier, DossierChange, PhoneKind
from survey.models.extension import Extension
from survey.models.invitation import CoverageEntry
from survey.models.recipient import Recipient
from survey.models.stage import DossierStage, Source
from survey.models.supplement import Supplement

WRITE_DOSSIER = insert(table_of(Dossier))
WRITE_STAGE = insert(table_of(DossierStage))
WRITE_SUPPLEMENT = insert(table_of(Supplement))
WRITE_EXTENSION = insert(table_of(Extension))
Row = dict[str, Any]


@dataclass(slots=True)
class Written:
    """The fields of a dossier just written that the coverage ledger needs."""

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


NAMES = [part.name for part in fields(Written)][1:]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Results of storing facts, and what the coverage ledger needs.

    `finished`: dossiers with a return date and without a ledger entry; `recipients`: dossier
    code → recipient.
    """

    comparisons: Sequence[Comparison]
    finished: Sequence[Written | Dossier]
    recipients: Mapping[str, Recipient]


def record(session: Session, facts: Sequence[DossierFacts], now: datetime) -> Recorded:
    """Add new dossiers and update changed ones; unchanged and stale ones are left as they are.

    The caller must pass `finished` to the coverage ledger in the same transaction.
    """
    # One writer at a time, whatever the source: two sources may contain the same dossier or phone.
    advisory_lock(session, "dossiers")
    comparisons = compare(session, facts, now)
    to_write = [one for one in comparisons if one.verdict in (Verdict.NEW, Verdict.CHANGED)]
    officers = Officers(session, [one.facts for one in to_write])
    officers.add_missing()
    covered = _covered(session, to_write)
    dossiers: list[Written | Dossier] = []
    dossiers += _add(session, [one for one in to_write if one.dossier is None], officers)
    for one in to_write:
        if one.dossier is not None:
            _change(session, one, officers, now, is_covered=one.dossier.id in covered)
            dossiers.append(one.dossier)
    for one in comparisons:
        if one.dossier is not None and one.verdict is not Verdict.STALE and one.facts.changed_at:
            one.dossier.changed_at = one.facts.changed_at
    session.flush()
    finished = [one for one in dossiers if one.finished_at is not None and one.id not in covered]
    fact = {one.facts.code: one.facts for one in to_write}
    return Recorded(comparisons, finished, _recipients(session, finished, fact))


def _covered(session: Session, comparisons: Sequence[Comparison]) -> set[int]:
    """Ids of the known dossiers in the coverage ledger, whose cell is fixed."""
    known = [one.dossier.id for one in comparisons if one.dossier is not None]
    query = select(CoverageEntry.dossier_id).where(CoverageEntry.dossier_id.in_(known))
    return set(session.scalars(query)) if known else set()


def _add(session: Session, fresh: Sequence[Comparison], officers: Officers) -> list[Written]:
    """Write new dossiers with one statement, without model objects, which would be too slow."""
    if not fresh:
        return []
    rows = [_values(session, one) for one in fresh]
    if any(one.facts.names_more for one in fresh):
        for row, one in zip(rows, fresh, strict=True):
            row.update(_further_values(one.facts, officers))
    ids = write_numbered(session, WRITE_DOSSIER, rows, "code")
    ways = ((ids[one.facts.code], one) for one in fresh if one.progress.adds)
    write_progress(session, [(id_, one.progress, one.facts.source) for id_, one in ways])
    return [Written(ids[row["code"]], **{name: row[name] for name in NAMES}) for row in rows]


def write_progress(session: Session, ways: Sequence[tuple[int, Progress, Source]]) -> None:
    """Insert new stages, supplements and extensions; `ways`: (dossier id, progress, source)."""
    stages = [_stage(id_, one, source) for id_, way, source in ways for one in way.reached]
    supplements = [
        {"source": source, **_entry(session, Supplement.text, id_, entry)}
        for id_, way, source in ways
        for entry in way.supplements
        if entry.known is None
    ]
    extensions = [
        {"source": source, **_entry(session, Extension.reason, id_, entry)}
        for id_, way, source in ways
        for entry in way.extensions
        if entry.known is None
    ]
    write_many(session, WRITE_STAGE, stages)
    write_many(session, WRITE_SUPPLEMENT, supplements)
    write_many(session, WRITE_EXTENSION, extensions)


def _values(session: Session, comparison: Comparison) -> Row:
    facts = comparison.facts
    code, received, due, returned = facts.code, facts.received, facts.due, facts.finished
    return dict(
        code=code,
        agency_id=facts.agency_id,
        procedure_code=facts.procedure_code,
        channel=facts.channel,
        outcome=facts.outcome,
        received_at=received.instant,
        received_has_time=received.clock is not None,
        due_at=due and due.instant,
        due_has_time=due is not None and due.clock is not None,
        finished_at=returned and returned.instant,
        finished_has_time=returned is not None and returned.clock is not None,
        stage=int(comparison.progress.stage),
        phone_kind=facts.phone.kind,
        **Dossier.phone.columns(session, code, facts.phone.e164),
        **Dossier.name.columns(session, code, facts.name or None),
    )


def _further_values(facts: DossierFacts, officers: Officers) -> Row:
    """Columns that are left out if no dossier of a chunk has data for them."""
    first = facts.named_first_due
    if first is not None and (facts.due is None or first.day == facts.due.day):
        first = None
    return {
        "first_due_at": first and first.instant,
        "first_due_has_time": first is not None and first.clock is not None,
        "applicant_kind": facts.applicant_kind,
        "return_channel": facts.return_channel,
        "receiving_agency_id": facts.receiving_agency_id,
        "officer_id": officers.id_of(facts),
        "changed_at": facts.changed_at,
    }


def _stage(dossier_id: int, reached: StageFacts, source: Source) -> Row:
    return {
        "dossier_id": dossier_id,
        "at": reached.at.instant,
        "stage": int(reached.stage),
        "has_time": reached.at.clock is not None,
        "source": source,
    }


def _entry(session: Session, sealed: Sealed[str | None], dossier_id: int, entry: Entry) -> Row:
    words = sealed.columns(session, row_name(dossier_id, entry.number), entry.words)
    return {"dossier_id": dossier_id, "number": entry.number, **entry.values, **words}


def _change(
    session: Session,
    comparison: Comparison,
    officers: Officers,
    now: datetime,
    *,
    is_covered: bool,
) -> None:
    dossier = comparison.dossier
    if dossier is None:
        return
    for change in comparison.changes:
        for name, value in change.values.items():
            setattr(dossier, name, value)
        session.add(
            DossierChange(
                dossier_id=dossier.id,
                changed_at=now,
                field=change.field,
                old=change.old,
                new=change.new,
                after_finish=is_covered and not change.completes,
            )
        )
    if comparison.facts.officer is not None:
        dossier.officer_id = officers.id_of(comparison.facts)
    dossier.stage = int(comparison.progress.stage)
    write_progress(session, [(dossier.id, comparison.progress, comparison.facts.source)])
    _complete(comparison.progress)


def _complete(progress: Progress) -> None:
    """Update known supplements and extensions."""
    for entry in (*progress.supplements, *progress.extensions):
        if entry.known is None:
            continue
        for name, value in entry.values.items():
            setattr(entry.known, name, value)
        if entry.words is not None:
            words = "text" if isinstance(entry.known, Supplement) else "reason"
            setattr(entry.known, words, entry.words)


def _recipients(
    session: Session,
    dossiers: Sequence[Written | Dossier],
    fact: Mapping[str, DossierFacts],
) -> dict[str, Recipient]:
    """Dossier code → recipient: the mobile reported now, or else the stored one."""
    found = {}
    for dossier in dossiers:
        phone = fact[dossier.code].phone
        if phone.kind == "mobile" and phone.e164:
            found[dossier.code] = Recipient.by_sms(phone.e164)
        elif dossier.phone_kind == PhoneKind.MOBILE and dossier.phone_sealed is not None:
            known = Dossier.phone.decrypt(session, dossier.code, dossier.phone_sealed)
            found[dossier.code] = Recipient.by_sms(known or "")
    return found
