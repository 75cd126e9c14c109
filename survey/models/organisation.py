"""Agencies with periods of validity, sectors, procedures, and aliases used in exported files."""

import unicodedata
from datetime import date
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from survey.crypto.reasons import PUBLIC, RULES
from survey.db import Base, one_of


class AgencyLevel(StrEnum):
    """Administrative level of an agency; districts existed until 30 June 2025."""

    PROVINCE_DEPARTMENT = "province_department"
    CENTRAL_VERTICAL = "central_vertical"
    DISTRICT = "district"
    COMMUNE = "commune"


class Agency(Base):
    """A unit that handles dossiers, with a period of validity and perhaps a parent unit."""

    __tablename__ = "agency"
    __table_args__ = (
        one_of("level", AgencyLevel),
        CheckConstraint(
            "valid_to IS NULL OR valid_from IS NULL OR valid_from <= valid_to", name="validity"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Stable code of the reference files, such as LOC-KH-W22366.
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    level: Mapped[str] = mapped_column(String(20))
    # Code of the unit above; the province itself (H32) has no row.
    parent_code: Mapped[str | None] = mapped_column(String(40), index=True)
    # First day of the unit; None: before 2017.
    valid_from: Mapped[date | None]
    # Last day of the unit; None: it still exists.
    valid_to: Mapped[date | None]
    # Source of name and dates.
    source: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {PUBLIC: "id code name level parent_code valid_from valid_to source"}

    aliases: Mapped[list["AgencyAlias"]] = relationship(
        back_populates="agency", cascade="all, delete-orphan"
    )

    def is_valid_on(self, day: date) -> bool:
        """Whether the unit existed on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


def agency_tree(session: Session, code: str) -> list[int]:
    """Ids of the agency with this code and of all below it, valid or not; [] for unknown codes."""
    top = select(Agency.id, Agency.code).where(Agency.code == code).cte("tree", recursive=True)
    below = select(Agency.id, Agency.code).join(top, Agency.parent_code == top.c.code)
    return list(session.scalars(select(top.union(below).c.id)))


class AgencyAlias(Base):
    """Another spelling of an agency's name that exported files use."""

    __tablename__ = "agency_alias"

    alias: Mapped[str] = mapped_column(String(200), primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"), primary_key=True, index=True)

    __clear__: ClassVar = {PUBLIC: "alias agency_id"}

    agency: Mapped[Agency] = relationship(back_populates="aliases")


class Sector(Base):
    """A field of administration, the target group it belongs to, and its sampling rate."""

    __tablename__ = "sector"
    __table_args__ = (
        CheckConstraint("sample_percent BETWEEN 0 AND 100", name="sample_percent"),
        # `indices.strata` reads lists of codes separated by commas.
        CheckConstraint("replace(code, ',', '') = code", name="no_comma"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    # land_construction_investment, health_education or general.
    target_group: Mapped[str] = mapped_column(String(40))
    # Sampling rate: share of finished dossiers whose applicants are invited, in percent.
    sample_percent: Mapped[int] = mapped_column(default=100)

    __clear__: ClassVar = {PUBLIC: "code name name_en target_group", RULES: "sample_percent"}


class Procedure(Base):
    """An administrative procedure with its national code."""

    __tablename__ = "procedure"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(1500))
    sector_code: Mapped[str] = mapped_column(ForeignKey("sector.code"), index=True)
    # Level of the deciding body: province, commune, both or central.
    level: Mapped[str] = mapped_column(String(20))
    # Statutory time limit in days, for information; lateness depends on the dossier's due date.
    statutory_days: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {PUBLIC: "code name sector_code level statutory_days source"}


class HeaderAlias(Base):
    """A column heading in exports of one-stop software, and the field it stands for."""

    __tablename__ = "header_alias"

    alias: Mapped[str] = mapped_column(String(100), primary_key=True)
    field: Mapped[str] = mapped_column(String(30))
    # Priority: if two columns of a file match one field, the heading with the lower rank is used.
    rank: Mapped[int] = mapped_column(default=0)

    __clear__: ClassVar = {PUBLIC: "alias field rank"}


ALPHABET = {letter: place for place, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))


def alphabetical(name: str) -> tuple[list[tuple[int, str]], str]:
    """Collation key for names in the order of Vietnamese dictionaries: Đ after D, tones last.

    The collations of databases differ from one another, and most sort Đ after Z.
    """
    letters = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).translate(TONES))
    return [(ALPHABET.get(letter, -1), letter) for letter in letters.lower()], name
