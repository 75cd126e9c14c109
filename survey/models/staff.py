"""Staff accounts, roles, daily limits, and which agencies and sector an account may see."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from survey.crypto.reasons import PUBLIC, STAFF
from survey.crypto.sealed import TEXT, Sealed
from survey.db import Base
from survey.models.organisation import Agency, agency_tree


class RoleName(StrEnum):
    """The roles of staff."""

    HANDLER = "handler"
    AGENCY_HEAD = "agency_head"
    ANALYST = "analyst"
    LEADER = "leader"
    ADMIN = "admin"


staff_role = Table(
    "staff_role",
    Base.metadata,
    Column("staff_id", ForeignKey("staff.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
    info={"clear": {STAFF: "staff_id role_id"}},
)


class Role(Base):
    """A role that accounts may have."""

    __tablename__ = "role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    description: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {PUBLIC: "id name description"}


class Staff(Base):
    """A staff account; an agency or a sector limits what it may see."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_lower"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    # A new value ends every session of this account.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    # Expiry of a one-time password that somebody else set; until then it only allows choosing a new
    # password. None: the account holder chose the password.
    one_time_until: Mapped[datetime | None]
    # Second factor (TOTP): method, shared secret, hashes of recovery codes, and the last time step
    # that was used, so that a code is accepted once.
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    totp_secret_sealed: Mapped[bytes | None]
    totp_secret = Sealed[str | None](TEXT, row=("id",))
    mf_recovery_codes: Mapped[str | None] = mapped_column(Text)
    last_totp_step: Mapped[int | None]
    # The account sees only this agency with those below it, and only this sector; None: all.
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    sector_code: Mapped[str | None] = mapped_column(ForeignKey("sector.code"))

    roles: Mapped[list[Role]] = relationship(secondary=staff_role)
    agency: Mapped[Agency | None] = relationship()

    __clear__: ClassVar = {
        STAFF: "id email name active one_time_until tf_primary_method last_totp_step agency_id "
        "sector_code",
        "hashes that take long to try (argon2id)": "password mf_recovery_codes",
        "worth nothing without SECRET_KEY, which signs sessions": "fs_uniquifier",
    }

    # Attributes that Flask-Login needs; its UserMixin is not used, because models import no Flask.
    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        """Whether the account may sign in."""
        return self.active

    def get_id(self) -> str:
        """The identifier of the account that sessions hold (Flask-Login)."""
        return self.fs_uniquifier

    @property
    def must_change_password(self) -> bool:
        """Whether the account has a one-time password, which must be changed first."""
        return self.one_time_until is not None

    @property
    def role(self) -> RoleName:
        """The role of the account; it has exactly one."""
        return RoleName(self.roles[0].name)


class SignInTry(Base):
    """Number of failed sign-ins of the last minutes for an account name or an IP address."""

    __tablename__ = "sign_in_try"
    __table_args__ = (CheckConstraint("wrong >= 1", name="wrong"),)

    # Keyed hash of the name or address, so that the table holds neither.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrong: Mapped[int]
    since: Mapped[datetime]

    __clear__: ClassVar = {STAFF: "wrong since", "a hash keyed with SECRET_KEY": "key"}


class Allowance(Base):
    """Number of uses of an act that is limited per day, on the last day an account used it."""

    __tablename__ = "allowance"
    __table_args__ = (CheckConstraint("used >= 0", name="used"),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    # The limited act, such as text.test.
    act: Mapped[str] = mapped_column(String(40), primary_key=True)
    # Local day of `used`; the first use on a later day replaces it.
    day: Mapped[date]
    used: Mapped[int]

    __clear__: ClassVar = {STAFF: "staff_id act day used"}


def used_on(session: Session, staff_id: int, act: str, day: date) -> int:
    """Number of uses of an act by an account on a local day; only its last day is stored."""
    query = select(Allowance.used).where(
        Allowance.staff_id == staff_id, Allowance.act == act, Allowance.day == day
    )
    return session.scalar(query) or 0


def count_use(session: Session, staff_id: int, act: str, day: date) -> None:
    """Add one use of an act; the caller holds a lock on the account's row against lost updates."""
    used = used_on(session, staff_id, act, day) + 1
    session.merge(Allowance(staff_id=staff_id, act=act, day=day, used=used))


@dataclass(frozen=True, slots=True)
class Scope:
    """What an account may see: agencies (None: all) and sector (None: all)."""

    agency_ids: frozenset[int] | None = None
    sector_code: str | None = None

    def holds(self, agency_id: int, sector_code: str) -> bool:
        """Whether the scope contains an agency and sector."""
        return (self.agency_ids is None or agency_id in self.agency_ids) and self.sector_code in {
            None,
            sector_code,
        }


def scope_of(session: Session, staff: Staff) -> Scope:
    """The agency tree and sector of an account; an agency head without an agency sees nothing."""
    if staff.agency is None:
        ids = frozenset[int]() if staff.role is RoleName.AGENCY_HEAD else None
        return Scope(ids, staff.sector_code)
    return Scope(frozenset(agency_tree(session, staff.agency.code)), staff.sector_code)
