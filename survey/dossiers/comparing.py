"""Comparison of reported facts with known dossiers: new, unchanged, changed or stale; reads only.

A later source adds and corrects; what it leaves out erases nothing, so an older export does no
harm.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.dossiers.facts import DossierFacts
from survey.dossiers.officers import Officers
from survey.dossiers.progress import Progress, first_progress, further_progress, read_known
from survey.dossiers.timestamps import Timestamp, timestamp_of
from survey.models.dossier import Channel, Dossier, Outcome
from survey.models.organisation import Agency
from survey.models.stage import END_STAGES

# Contact data of older dossiers are due for erasure; a repeated export must not restore them.
CONTACT_KEPT = timedelta(days=90)
MASKED = "•••"


class Verdict(StrEnum):
    """Result of comparing facts with the known dossier; STALE: older than what we know."""

    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed field: `old` and `new` as shown in the history, `values` as stored.

    `completes`: the field was empty and does not affect the dossier's cell, so that this is no
    correction.
    """

    field: str
    old: str
    new: str
    values: Mapping[str, object]
    completes: bool = False


class Comparison(NamedTuple):
    """Facts compared with the known dossier of the same code, if there is one."""

    facts: DossierFacts
    dossier: Dossier | None
    progress: Progress
    changes: Sequence[Change] = ()
    verdict: Verdict = Verdict.NEW


@dataclass(frozen=True, slots=True)
class _Grounds:
    """Look-up data of a comparison; `agencies`: id → code."""

    agencies: Mapping[int, str]
    officers: Officers


def compare(session: Session, facts: Sequence[DossierFacts], now: datetime) -> list[Comparison]:
    """Compare facts with known dossiers, in the given order; no two may be of the same dossier."""
    query = select(Dossier).where(Dossier.code.in_([one.code for one in facts]))
    known = {dossier.code: dossier for dossier in session.scalars(query)}
    if not known:
        return [Comparison(one, None, first_progress(one)) for one in facts]
    pairs = [(known[one.code], one) for one in facts if one.code in known]
    agencies = dict(session.execute(select(Agency.id, Agency.code)).all())
    grounds = _Grounds(agencies, Officers(session, [one for _, one in pairs]))
    ways = read_known(session, pairs)
    found = []
    for one in facts:
        dossier = known.get(one.code)
        if dossier is None:
            found.append(Comparison(one, None, first_progress(one)))
            continue
        stored = one if _stores_personal_data(dossier, now) else one.without_personal_data()
        progress = further_progress(dossier, stored, ways.get(dossier.id))
        found.append(_compared(dossier, stored, progress, grounds))
    return found


def _stores_personal_data(dossier: Dossier, now: datetime) -> bool:
    """Whether personal data may still be added: not if they were erased or are due for erasure."""
    if dossier.contact_erased:
        return False
    if dossier.finished_at is not None:
        return dossier.finished_at > now - CONTACT_KEPT
    return dossier.stage not in END_STAGES or dossier.received_at > now - CONTACT_KEPT


def _compared(
    dossier: Dossier, facts: DossierFacts, progress: Progress, grounds: _Grounds
) -> Comparison:
    is_older = (
        facts.changed_at is not None
        and dossier.changed_at is not None
        and facts.changed_at < dossier.changed_at
    )
    if is_older:
        return Comparison(facts, dossier, progress, (), Verdict.STALE)
    changes = [
        *_plain_changes(dossier, facts, grounds.agencies),
        *_timestamp_changes(dossier, facts),
        *_first_due_changes(dossier, facts),
        *_completions(dossier, facts, grounds),
        *_contact_changes(dossier, facts),
    ]
    is_changed = changes or progress.adds or progress.stage != dossier.stage
    verdict = Verdict.CHANGED if is_changed else Verdict.UNCHANGED
    return Comparison(facts, dossier, progress, changes, verdict)


def _plain_changes(
    dossier: Dossier, facts: DossierFacts, agencies: Mapping[int, str]
) -> Iterator[Change]:
    if facts.agency_id != dossier.agency_id:
        before, after = agencies[dossier.agency_id], agencies[facts.agency_id]
        yield Change("agency_id", before, after, {"agency_id": facts.agency_id})
    for name, old, new, silent in (
        ("procedure_code", dossier.procedure_code, facts.procedure_code, ""),
        ("channel", dossier.channel, facts.channel, Channel.UNKNOWN),
        ("outcome", dossier.outcome, facts.outcome, Outcome.OPEN),
    ):
        if new not in (old, silent):
            yield Change(name, old, new, {name: new})


def _timestamp_changes(dossier: Dossier, facts: DossierFacts) -> Iterator[Change]:
    for name, at, has_time, new in (
        ("received", dossier.received_at, dossier.received_has_time, facts.received),
        ("due", dossier.due_at, dossier.due_has_time, facts.due),
        ("finished", dossier.finished_at, dossier.finished_has_time, facts.finished),
    ):
        if new is None:
            continue
        old = None if at is None else timestamp_of(at, has_time=has_time)
        if old is not None and new.is_no_more_exact_than(old):
            continue
        values = _values(name, new)
        if name == "due" and old is not None and old.day != new.day:
            values |= {} if dossier.first_due_at else _values("first_due", old)
        yield Change(f"{name}_at", str(old or ""), str(new), values)


def _values(name: str, timestamp: Timestamp) -> dict[str, object]:
    return {f"{name}_at": timestamp.instant, f"{name}_has_time": timestamp.clock is not None}


def _first_due_changes(dossier: Dossier, facts: DossierFacts) -> Iterator[Change]:
    """A first due date that the source names, or that was not known before."""
    new = facts.named_first_due
    if new is None:
        return
    at, has_time = dossier.first_due_at, dossier.first_due_has_time
    is_known = at is not None
    if at is None:
        at, has_time = dossier.due_at, dossier.due_has_time
    if at is None and facts.due is None:
        return
    old = None if at is None else timestamp_of(at, has_time=has_time)
    is_reported = facts.first_due is not None or not is_known
    if is_reported and (old is None or new.day != old.day):
        yield Change("first_due_at", str(old or ""), str(new), _values("first_due", new))


def _completions(dossier: Dossier, facts: DossierFacts, grounds: _Grounds) -> Iterator[Change]:
    for name in ("applicant_kind", "return_channel"):
        new = getattr(facts, name)
        if new and new != (old := getattr(dossier, name)):
            yield Change(name, old, new, {name: new}, completes=not old)
    receiving = facts.receiving_agency_id
    if receiving is not None and receiving != dossier.receiving_agency_id:
        old = grounds.agencies.get(dossier.receiving_agency_id or 0, "")
        values = {"receiving_agency_id": receiving}
        new = grounds.agencies[receiving]
        yield Change("receiving_agency_id", old, new, values, completes=not old)
    if facts.officer is not None:
        officer = grounds.officers.id_of(facts)
        if officer is None or officer != dossier.officer_id:
            is_first = dossier.officer_id is None
            yield Change("officer_id", "" if is_first else MASKED, MASKED, {}, completes=is_first)


def _contact_changes(dossier: Dossier, facts: DossierFacts) -> Iterator[Change]:
    """A new phone or name; the history shows that it changed, never its value."""
    phone, name = facts.phone, facts.name
    if phone.e164 and phone.e164 != dossier.phone:
        old = MASKED if dossier.phone_index else ""
        yield Change("phone", old, MASKED, {"phone_kind": phone.kind, "phone": phone.e164})
    known = dossier.name
    if name and name != known:
        yield Change("name", MASKED if known else "", MASKED, {"name": name})
