"""Clean rows meet the dossiers we know: new, unchanged, or changed with a line of history each.

A later file adds and corrects; what it leaves blank erases nothing: an older export is no harm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from survey.bulk import write_numbered
from survey.db import table_of
from survey.intake.cleaning import CleanRow
from survey.intake.dates import Moment
from survey.invitations import FinishedDossier, register_finished
from survey.models.dossier import Channel, Dossier, DossierChange, Outcome, PhoneKind
from survey.models.invitation import CoverageEntry
from survey.models.organisation import Agency
from survey.models.recipient import Recipient
from survey.workdays import LOCAL

# Contact data of older dossiers are due for erasure: a repeated export must not bring them back.
CONTACT_KEPT = timedelta(days=90)
HIDDEN = "•••"
WRITE_DOSSIER = insert(table_of(Dossier))


@dataclass(frozen=True, slots=True)
class Change:
    """One field that a later file gives another value: how history shows it, and what to store."""

    field: str
    old: str
    new: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Match:
    """A clean row and the dossier of its code, if we know one."""

    record: CleanRow
    dossier: Dossier | None
    changes: Sequence[Change] = field(default=())


def match(session: Session, records: Sequence[CleanRow], now: datetime) -> list[Match]:
    """Find what is new and what changed; reads only."""
    codes = [record.dossier_code for record in records]
    query = select(Dossier).where(Dossier.code.in_(codes))
    known = {dossier.code: dossier for dossier in session.scalars(query)}
    if not known:
        return [Match(record, None) for record in records]
    agencies = dict(session.execute(select(Agency.id, Agency.code)).all())
    return [
        Match(record, dossier, _changes(session, dossier, record, agencies, now))
        if (dossier := known.get(record.dossier_code))
        else Match(record, None)
        for record in records
    ]


def write(session: Session, matches: Sequence[Match], now: datetime) -> None:
    """Add new dossiers, change known ones with history, and hand the finished to the ledger."""
    known = [one.dossier.id for one in matches if one.dossier is not None]
    query = select(CoverageEntry.dossier_id).where(CoverageEntry.dossier_id.in_(known))
    covered = set(session.scalars(query)) if known else set()
    fresh = [_values(session, one.record) for one in matches if one.dossier is None]
    dossiers: list[FinishedDossier] = []
    dossiers += _add(session, fresh)
    for one in matches:
        if one.dossier is not None:
            after_finish = one.dossier.id in covered
            _change(session, one.dossier, one.changes, now, after_finish=after_finish)
            dossiers.append(one.dossier)
    session.flush()
    finished = [one for one in dossiers if one.finished_at is not None and one.id not in covered]
    records = {one.record.dossier_code: one.record for one in matches}
    register_finished(session, finished, _recipients(session, finished, records), now)


@dataclass(slots=True)
class Written:
    """A dossier just written, as much of it as the ledger has to know."""

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


def _add(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[Written]:
    """Write new dossiers with one statement; no objects of the model, there are too many."""
    if not rows:
        return []
    ids = write_numbered(session, WRITE_DOSSIER, rows, "code")
    return [Written(ids[row["code"]], **{name: row[name] for name in NAMES}) for row in rows]


def _instant(moment: Moment | None) -> datetime | None:
    """UTC; a day without a time stands at local midnight."""
    if moment is None:
        return None
    return datetime.combine(moment.day, moment.clock or time(), LOCAL)


def _values(session: Session, record: CleanRow) -> dict[str, Any]:
    code, phone, name = record.dossier_code, record.phone, record.applicant_name
    received, due, returned = record.received, record.due, record.returned
    return dict(
        code=code,
        agency_id=record.agency.id,
        procedure_code=record.procedure.code,
        channel=record.channel,
        outcome=record.ending,
        received_at=_instant(received),
        received_has_time=received.clock is not None,
        due_at=_instant(due),
        due_has_time=due is not None and due.clock is not None,
        finished_at=_instant(returned),
        finished_has_time=returned is not None and returned.clock is not None,
        phone_kind=phone.kind,
        **Dossier.phone.columns(session, code, phone.e164),
        **Dossier.name.columns(session, code, name or None),
    )


def _change(
    session: Session,
    dossier: Dossier,
    changes: Sequence[Change],
    now: datetime,
    *,
    after_finish: bool,
) -> None:
    for change in changes:
        for name, value in change.values.items():
            setattr(dossier, name, value)
        session.add(
            DossierChange(
                dossier_id=dossier.id,
                changed_at=now,
                field=change.field,
                old=change.old,
                new=change.new,
                after_finish=after_finish,
            )
        )


def _recipients(
    session: Session,
    dossiers: Sequence[FinishedDossier],
    records: Mapping[str, CleanRow],
) -> dict[str, Recipient]:
    """Dossier code → whom to write to: the row's mobile, or where it has none the known one."""
    found = {}
    for dossier in dossiers:
        phone = records[dossier.code].phone
        if phone.kind == "mobile" and phone.e164:
            found[dossier.code] = Recipient.by_sms(phone.e164)
        elif dossier.phone_kind == PhoneKind.MOBILE and dossier.phone_sealed is not None:
            known = Dossier.phone.decrypt(session, dossier.code, dossier.phone_sealed)
            found[dossier.code] = Recipient.by_sms(known or "")
    return found


def _changes(
    session: Session,
    dossier: Dossier,
    record: CleanRow,
    agencies: dict[int, str],
    now: datetime,
) -> list[Change]:
    plain: tuple[tuple[str, str, str, object, bool], ...] = (
        (
            "agency_id",
            agencies[dossier.agency_id],
            record.agency.code,
            record.agency.id,
            True,
        ),
        (
            "procedure_code",
            dossier.procedure_code,
            record.procedure.code,
            record.procedure.code,
            True,
        ),
        (
            "channel",
            dossier.channel,
            record.channel,
            record.channel,
            record.channel != Channel.UNKNOWN,
        ),
        ("outcome", dossier.outcome, record.ending, record.ending, record.ending != Outcome.OPEN),
    )
    found = [
        Change(name, old, new, {name: value})
        for name, old, new, value, says in plain
        if says and old != new
    ]
    found += _moment_changes(dossier, record)
    if dossier.finished_at is None or dossier.finished_at > now - CONTACT_KEPT:
        found += _contact_changes(session, dossier, record)
    return found


def _moment_changes(dossier: Dossier, record: CleanRow) -> list[Change]:
    found = []
    for name, at, has_time, new in (
        ("received", dossier.received_at, dossier.received_has_time, record.received),
        ("due", dossier.due_at, dossier.due_has_time, record.due),
        ("finished", dossier.finished_at, dossier.finished_has_time, record.returned),
    ):
        old = _moment(at, has_time=has_time)
        if new is None or new == old or (old and new.clock is None and new.day == old.day):
            continue
        values = {f"{name}_at": _instant(new), f"{name}_has_time": new.clock is not None}
        found.append(Change(f"{name}_at", str(old or ""), str(new), values))
    return found


def _moment(at: datetime | None, *, has_time: bool) -> Moment | None:
    if at is None:
        return None
    local = at.astimezone(LOCAL)
    return Moment(local.date(), local.time() if has_time else None)


def _contact_changes(session: Session, dossier: Dossier, record: CleanRow) -> list[Change]:
    """A new phone or name; history shows that it changed, never what it was."""
    code, phone, name = dossier.code, record.phone, record.applicant_name
    found = []
    if phone.e164 and phone.e164 != dossier.phone:
        values: Mapping[str, object] = {
            "phone_kind": phone.kind,
            **Dossier.phone.columns(session, code, phone.e164),
        }
        found.append(Change("phone", HIDDEN if dossier.phone_index else "", HIDDEN, values))
    known = dossier.name
    if name and name != known:
        values = Dossier.name.columns(session, code, name)
        found.append(Change("name", HIDDEN if known else "", HIDDEN, values))
    return found
