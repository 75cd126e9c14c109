"""Reading what the province decides: its row, calendar, sectors, agencies and settings."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.errors import NotFound, Refused
from survey.models.organisation import Agency, Sector, alphabetical
from survey.models.province import DayKind, Province, SpecialDay
from survey.province.rules import DAY, ORDINARY, RULES, day_key, read_day, share_key, written
from survey.province.workdays import Calendar


def province_of(session: Session) -> Province:
    """The one province of this database; Refused `no_province` before reference data are loaded."""
    province = province_if_loaded(session)
    if province is None:
        raise Refused("no_province")
    return province


def province_if_loaded(session: Session) -> Province | None:
    """The one province of this database; None before reference data are loaded."""
    return session.scalars(select(Province)).first()


def hotline_of(session: Session) -> str:
    """The phone number of the hotline; empty before reference data are loaded."""
    province = province_if_loaded(session)
    return province.hotline if province else ""


def calendar_of(session: Session) -> Calendar:
    """The national calendar with the province's special days."""
    days = session.scalars(select(SpecialDay)).all()
    return Calendar(
        extra_off=frozenset(one.day for one in days if one.kind == DayKind.EXTRA_OFF),
        swap_work=frozenset(one.day for one in days if one.kind == DayKind.SWAP_WORK),
    )


def special_days(session: Session) -> list[SpecialDay]:
    """The days on which the province differs from the national calendar, latest first."""
    return list(session.scalars(select(SpecialDay).order_by(SpecialDay.day.desc())))


def all_sectors(session: Session) -> list[Sector]:
    """Every sector, in alphabetical order of the Vietnamese names."""
    return sorted(session.scalars(select(Sector)), key=lambda one: alphabetical(one.name))


def agencies_on(session: Session, day: date) -> list[Agency]:
    """The agencies that exist on a day, in alphabetical order of the Vietnamese names."""
    found = [one for one in session.scalars(select(Agency)) if one.is_valid_on(day)]
    return sorted(found, key=lambda one: alphabetical(one.name))


def codes_of(session: Session, agency_ids: Collection[int]) -> set[str]:
    """The codes of the agencies with these ids."""
    return set(session.scalars(select(Agency.code).where(Agency.id.in_(agency_ids))))


def settings_of_province(session: Session) -> dict[str, str]:
    """Key → value of every setting, as text that `change` accepts; Refused `no_province`."""
    province = province_of(session)
    rules = {key: written(getattr(province, key)) for key in RULES}
    shares = {share_key(one): written(one.sample_percent) for one in all_sectors(session)}
    days = {day_key(one.day): f"{one.kind} {one.note}".strip() for one in special_days(session)}
    return {**rules, **shares, **days}


def setting(session: Session, key: str) -> str:
    """The value of one setting, as text that `change` accepts; "none" for an ordinary day.

    NotFound `no_such_setting`, Invalid `bad_day`, Refused `no_province`.
    """
    found = settings_of_province(session)
    if key in found:
        return found[key]
    if not key.startswith(DAY):
        raise NotFound("no_such_setting", key)
    read_day(key)
    return ORDINARY
