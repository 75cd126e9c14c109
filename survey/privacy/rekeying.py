"""Moving everything sealed to the current DATA_KEY, so that an old key can be taken away.

Link tokens cannot be hashed again, since they stand nowhere: their old key must stay in
DATA_KEYS_OLD until the last link made with it has expired. A reminder that left keeps its hash
for a week, for the cap on messages, but no number to make it again from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from survey import audit, sealing
from survey.models.audit import AuditEntry
from survey.models.case import Case
from survey.models.dossier import Dossier
from survey.models.invitation import OptOut, StaffPhone
from survey.models.message import Conversation, Inbound, Message
from survey.models.snapshot import Snapshot
from survey.models.watch import WatchAlert, WatchChart, WatchRate, lock_watch


@dataclass(frozen=True, slots=True)
class Place:
    """A sealed column, the column that names its row, and the blind index made from it, if any."""

    name: str
    table: type[Any]
    sealed: InstrumentedAttribute[Any]
    row: InstrumentedAttribute[str]
    index: InstrumentedAttribute[Any] | None = None


PLACES: Sequence[Place] = (
    Place("dossier.phone", Dossier, Dossier.phone_sealed, Dossier.code, Dossier.phone_index),
    Place("dossier.name", Dossier, Dossier.name_sealed, Dossier.code),
    Place("message.phone", Message, Message.phone_sealed, Message.id, Message.phone_index),
    Place("message.body", Message, Message.body_sealed, Message.id),
    Place("inbound.phone", Inbound, Inbound.phone_sealed, Inbound.id, Inbound.phone_index),
    Place("inbound.body", Inbound, Inbound.body_sealed, Inbound.id),
    Place("case.phone", Case, Case.contact_phone_sealed, Case.code, Case.contact_index),
    Place("case.name", Case, Case.contact_name_sealed, Case.code),
)


def rekey(session: Session, now: datetime) -> dict[str, int]:
    """Seal every value of an old key again with the current one, and make its index anew.

    Gives how many values moved, by place. Running it again moves nothing.
    """
    moved = {place.name: _rekey_place(session, place) for place in PLACES}
    moved["case.standing"] = _rekey_cases(session)
    for table in (OptOut, StaffPhone):
        moved[f"{table.__tablename__}.phone"] = _rekey_list(session, table)
    moved[audit.PLACE] = _rekey_chain(session)
    moved["snapshot.payload"] = _rekey_snapshots(session)
    moved |= _rekey_watch(session)
    moved["conversation.phone"] = _rekey_conversations(session)
    if any(moved.values()):
        audit.record(session, now, "privacy.rekey", "all", detail=moved)
    return moved


def _is_old(session: Session, sealed: bytes) -> bool:
    return not sealed.startswith(sealing.keyring(session)[0].id)


def _rekey_place(session: Session, place: Place) -> int:
    index = place.row if place.index is None else place.index
    query = select(place.row, place.sealed, index).where(place.sealed.is_not(None))
    moved = 0
    for row, sealed, found_by in session.execute(query).all():
        if not _is_old(session, sealed):
            continue
        text = sealing.unseal(session, place.name, row, sealed)
        values = {place.sealed.key: sealing.seal(session, place.name, row, text)}
        if place.index is not None:
            values[place.index.key] = _index_like(session, text, found_by)
        session.execute(update(place.table).where(place.row == row).values(values))
        moved += 1
    return moved


def _index_like(session: Session, e164: str, index: bytes) -> bytes:
    """A phone's index made anew, of the same kind."""
    if index in sealing.reminder_indexes(session, e164):
        return sealing.reminder_index(session, e164)
    if index in sealing.conversation_indexes(session, e164):
        return sealing.conversation_index(session, e164)
    return sealing.phone_index(session, e164)


def _rekey_cases(session: Session) -> int:
    """Standing and timeline move together, and with them the hash by which an answer finds it."""
    moved = 0
    for case_id in session.scalars(select(Case.id)).all():
        case = session.get_one(Case, case_id, with_for_update=True)
        if _is_old(session, case.standing_sealed) or _is_old(session, case.timeline_sealed):
            case.keep(session, case.standing(session))
            case.keep_events(session, case.events(session))
            session.flush()
            moved += 1
        session.expunge(case)
    return moved


def _rekey_snapshots(session: Session) -> int:
    moved = 0
    for snapshot in session.scalars(select(Snapshot)):
        if _is_old(session, snapshot.payload_sealed):
            snapshot.seal(session, snapshot.payload(session))
            moved += 1
    return moved


def _rekey_watch(session: Session) -> dict[str, int]:
    """Limits and standing of the watch's charts and rates, and its alerts with their places."""
    lock_watch(session)
    moved = dict.fromkeys(("watch_chart", "watch_rate", "watch_alert"), 0)
    for chart in session.scalars(select(WatchChart)):
        if _is_old(session, chart.limits_sealed) or _is_old(session, chart.progress_sealed):
            chart.freeze(session, chart.limits(session))
            chart.keep(session, chart.progress(session))
            moved["watch_chart"] += 1
    for rate in session.scalars(select(WatchRate)):
        if _is_old(session, rate.limits_sealed) or _is_old(session, rate.sums_sealed):
            rate.freeze(session, rate.limits(session))
            rate.keep(session, rate.sums(session))
            moved["watch_rate"] += 1
    for alert in session.scalars(select(WatchAlert)):
        if _is_old(session, alert.finding_sealed):
            alert.keep(session, alert.finding(session))
            moved["watch_alert"] += 1
    return moved


def _rekey_list(session: Session, table: type[OptOut | StaffPhone]) -> int:
    """Lists of phones are keyed by the index itself, which is also the row's name."""
    place = f"{table.__tablename__}.phone"
    moved = 0
    entries = cast("Sequence[OptOut | StaffPhone]", session.scalars(select(table)).all())
    for entry in entries:
        if not _is_old(session, entry.phone_sealed):
            continue
        text = sealing.unseal(session, place, entry.phone_index.hex(), entry.phone_sealed)
        entry.phone_index = sealing.phone_index(session, text)
        entry.phone_sealed = sealing.seal(session, place, entry.phone_index.hex(), text)
        moved += 1
    return moved


def _rekey_chain(session: Session) -> int:
    """The chain only grows, so its acts move in chunks. Their hashes stay, and so it is whole."""
    moved = 0
    for rows in audit.chunks(session):
        fresh = []
        for number, sealed, _ in rows:
            if _is_old(session, sealed):
                content = sealing.unseal(session, audit.PLACE, str(number), sealed)
                again = sealing.seal(session, audit.PLACE, str(number), content)
                fresh.append({"number": number, "sealed": again})
        if fresh:
            session.execute(update(AuditEntry), fresh)
        moved += len(fresh)
    return moved


def _rekey_conversations(session: Session) -> int:
    """Conversations keep no number: theirs is found among the dossiers'."""
    talks = {talk.phone_index: talk for talk in session.scalars(select(Conversation))}
    query = select(Dossier.code, Dossier.phone_sealed).where(Dossier.phone_sealed.is_not(None))
    moved = 0
    for code, sealed in session.execute(query) if talks else ():
        phone = sealing.unseal(session, "dossier.phone", code, sealed or b"")
        current, *old = sealing.conversation_indexes(session, phone)
        for index in talks.keys() & set(old):
            talks.pop(index).phone_index = current
            moved += 1
    return moved
