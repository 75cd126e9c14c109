"""Changing the province's settings: values given as text are validated, stored and audited."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from survey import audit
from survey.errors import Invalid, NotFound
from survey.models.organisation import Sector
from survey.models.province import Province, SpecialDay
from survey.province.reading import all_sectors, province_of
from survey.province.rules import (
    DAY,
    ORDINARY,
    RULES,
    SAMPLE_PERCENT,
    day_key,
    read_day,
    read_day_kind,
    share_key,
    written,
)

# Key → (value before, value after).
Changes = dict[str, tuple[str, str]]


class SettingsRefused(Invalid):
    """Invalid settings: `reasons` maps each key to its error; nothing was stored."""

    def __init__(self, reasons: Mapping[str, Invalid]) -> None:
        first = next(iter(reasons.values()))
        super().__init__(first.code, first.detail)
        self.reasons = reasons


@dataclass(slots=True)
class _Values:
    """Parsed settings by kind, and key → error (`reasons`) of those that are invalid."""

    rules: dict[str, Any] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    days: dict[date, tuple[StrEnum, str] | None] = field(default_factory=dict)
    reasons: dict[str, Invalid] = field(default_factory=dict)


def change(
    session: Session, now: datetime, texts: Mapping[str, str], *, staff_id: int | None = None
) -> None:
    """Store settings given as text by key, and append those that differ to the audit log.

    SettingsRefused names every invalid setting. NotFound `no_such_setting`, or `no_such_day` if a
    day to be made ordinary is not special. Refused `no_province`.
    """
    province = province_of(session)
    # The row lock makes two simultaneous changes of the send window's ends see each other.
    session.refresh(province, with_for_update=True)
    sectors = {share_key(one): one for one in all_sectors(session)}
    read = _read(texts, sectors)
    _check_window(province, read)
    if read.reasons:
        raise SettingsRefused(read.reasons)
    for action, changes in (
        ("rules.change", _set_rules(province, read.rules)),
        ("rules.sampling", _set_shares(sectors, read.shares)),
        ("rules.day", _set_days(session, read.days)),
    ):
        if changes:
            session.flush()
            audit.append(session, now, action, "province", staff_id=staff_id, detail=changes)


def _read(texts: Mapping[str, str], sectors: Mapping[str, Sector]) -> _Values:
    read = _Values()
    for key, text in texts.items():
        try:
            if key in RULES:
                read.rules[key] = RULES[key].read(text)
            elif key in sectors:
                read.shares[key] = SAMPLE_PERCENT.read(text)
            elif key.startswith(DAY):
                read.days[read_day(key)] = read_day_kind(text)
            else:
                raise NotFound("no_such_setting", key)
        except Invalid as reason:
            read.reasons[key] = reason
    return read


def _check_window(province: Province, read: _Values) -> None:
    """Check that the send window starts before it ends, even if only one end is set."""
    ends = ("window_start", "window_end")
    given = [key for key in ends if key in read.rules]
    if not given or read.reasons.keys() & set(ends):
        return
    start, end = (read.rules.get(key, getattr(province, key)) for key in ends)
    if start >= end:
        read.reasons[given[-1]] = Invalid("empty_window")


def _set_rules(province: Province, values: Mapping[str, object]) -> Changes:
    changes: Changes = {}
    for key, value in values.items():
        before = getattr(province, key)
        if before != value:
            changes[key] = (written(before), written(value))
            setattr(province, key, value)
    return changes


def _set_shares(sectors: Mapping[str, Sector], values: Mapping[str, int]) -> Changes:
    changes: Changes = {}
    for key, percent in values.items():
        sector = sectors[key]
        if sector.sample_percent != percent:
            changes[key] = (written(sector.sample_percent), written(percent))
            sector.sample_percent = percent
    return changes


def _set_days(session: Session, values: Mapping[date, tuple[StrEnum, str] | None]) -> Changes:
    """Store special days. Only the kind goes to the audit log, because a note is free text."""
    changes: Changes = {}
    for day, special in values.items():
        known = session.get(SpecialDay, day)
        before = known.kind if known else ORDINARY
        if special is None:
            if known is None:
                raise NotFound("no_such_day")
            session.delete(known)
            changes[day_key(day)] = (before, ORDINARY)
        elif known is None or (known.kind, known.note) != special:
            kind, note = special
            session.merge(SpecialDay(day=day, kind=kind, note=note))
            changes[day_key(day)] = (before, kind)
    return changes
