"""Staff accounts: creation with a one-time password, changes, deactivation, and authentication.

Passwords and recovery codes are hashed with argon2id, TOTP secrets are encrypted. A code works
once. Wrong attempts are counted by account name and by network address, for unknown names too, so
that throttling does not reveal which accounts exist.
"""

import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, selectinload

from survey.audit import append
from survey.crypto.tokens import TOKEN_ALPHABET
from survey.db import settings_of
from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.models.organisation import Agency, Sector
from survey.models.staff import Role, RoleName, SignInTry, Staff

ISSUER = "Lắng Nghe"
# OWASP's minimum for argon2id: 19 MiB, two passes, one lane; about 25 ms on one core.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
PASSWORD_LEAST = 12
PASSWORD_MOST = 200
DISTINCT_LEAST = 6
# A password may hold an account name that is shorter than this, since many words do.
NAME_LEAST = 4
# Long enough for a weekend; a slip of paper that is found later opens nothing.
ONE_TIME_WITHIN = timedelta(hours=72)
# Domain of a demo's accounts, whose passwords its page of role logins shows to everybody.
DEMO_DOMAIN = "langnghe.example"
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,130}")
TRIES = 10
TRIES_WITHIN = timedelta(minutes=5)
RECOVERY_CODES = 10
CODE = re.compile(r"\d{6}")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """The data of an account as an administrator enters them."""

    email: str
    role: RoleName
    agency_code: str = ""
    sector_code: str = ""
    name: str = ""


def add(
    session: Session, now: datetime, account: NewAccount, by: int | None = None
) -> tuple[Staff, str]:
    """Create an account; return it and its one-time password, to be changed at the first sign-in.

    Invalid `bad_email`, `unknown_agency` or `unknown_sector`; Conflict `account_exists`.
    """
    email = account.email.strip().lower()
    if not EMAIL.fullmatch(email) or not email.isprintable():
        raise Invalid("bad_email", email)
    if find(session, email) is not None:
        raise Conflict("account_exists", email)
    password = one_time_password()
    staff = Staff(
        email=email,
        name=account.name.strip()[:100],
        password=HASHER.hash(password),
        one_time_until=now + ONE_TIME_WITHIN,
        fs_uniquifier=secrets.token_hex(32),
    )
    staff.roles.append(_role(session, account.role))
    session.add(staff)
    _place(session, staff, account)
    session.flush()
    append(session, now, "staff.add", f"staff:{staff.id}", staff_id=by, detail=_rights(staff))
    return staff, password


def change(
    session: Session, now: datetime, staff: Staff, account: NewAccount, by: int | None = None
) -> None:
    """Change role, agency, sector and name of an account; its sessions end if its rights changed.

    Refused `last_admin` when no active administrator would remain; Invalid as in `add`.
    """
    before = _rights(staff)
    if account.role is not RoleName.ADMIN:
        _keep_an_administrator(session, staff)
    staff.name = account.name.strip()[:100]
    staff.roles[:] = [_role(session, account.role)]
    _place(session, staff, account)
    session.flush()
    if _rights(staff) != before:
        end_sessions(staff)
    append(session, now, "staff.change", f"staff:{staff.id}", staff_id=by, detail=_rights(staff))


def set_active(
    session: Session, now: datetime, staff: Staff, *, active: bool, by: int | None = None
) -> None:
    """Deactivate an account or activate it again; its sessions end.

    Refused `last_admin` when no active administrator would remain.
    """
    if not active:
        _keep_an_administrator(session, staff)
    staff.active = active
    end_sessions(staff)
    action = "staff.activate" if active else "staff.deactivate"
    append(session, now, action, f"staff:{staff.id}", staff_id=by)


def reset(
    session: Session,
    now: datetime,
    staff: Staff,
    *,
    with_second_factor: bool = False,
    by: int | None = None,
) -> str:
    """Replace a forgotten password by a new one-time password, and return it; all sessions end.

    `with_second_factor` also removes the TOTP secret and the recovery codes.
    """
    password = one_time_password()
    staff.password = HASHER.hash(password)
    staff.one_time_until = now + ONE_TIME_WITHIN
    if with_second_factor:
        staff.tf_primary_method = staff.totp_secret = staff.mf_recovery_codes = (
            staff.last_totp_step
        ) = None
    end_sessions(staff)
    detail = {"second_factor": with_second_factor}
    append(session, now, "staff.reset", f"staff:{staff.id}", staff_id=by, detail=detail)
    return password


def find(session: Session, email: str) -> Staff | None:
    """The account with this e-mail address in upper or lower case; None when there is none."""
    return session.scalar(select(Staff).where(Staff.email == email.strip().lower()))


def everyone(session: Session) -> list[Staff]:
    """Every account with its role and agency, active ones first, then by e-mail address."""
    query = select(Staff).options(selectinload(Staff.roles), selectinload(Staff.agency))
    return list(session.scalars(query.order_by(Staff.active.desc(), Staff.email)))


def of_session(session: Session, session_key: str) -> Staff | None:
    """The active account of a session key; None when it was deactivated or the session ended."""
    query = select(Staff).where(Staff.fs_uniquifier == session_key, Staff.active)
    return session.scalars(query).one_or_none()


def get(session: Session, staff_id: int, *, lock: bool = False) -> Staff:
    """One account; `lock` reads it again and locks its row (FOR UPDATE). NotFound `no_account`."""
    staff = session.get(Staff, staff_id, with_for_update=lock or None, populate_existing=lock)
    if staff is None:
        raise NotFound("no_account")
    return staff


def end_sessions(staff: Staff) -> None:
    """End all sessions of the account by giving it a new session key."""
    staff.fs_uniquifier = secrets.token_hex(32)


def one_time_password() -> str:
    """A random password: sixteen letters and digits in groups of four, 80 bits."""
    return _groups(4)


def _groups(count: int) -> str:
    return "-".join("".join(secrets.choice(TOKEN_ALPHABET) for _ in range(4)) for _ in range(count))


def _role(session: Session, name: RoleName) -> Role:
    role = session.scalar(select(Role).where(Role.name == name))
    if role is None:
        role = Role(name=str(name))
        session.add(role)
    return role


def _place(session: Session, staff: Staff, account: NewAccount) -> None:
    staff.agency = None
    if account.agency_code:
        staff.agency = session.scalar(select(Agency).where(Agency.code == account.agency_code))
        if staff.agency is None:
            raise Invalid("unknown_agency", account.agency_code)
    if account.sector_code and session.get(Sector, account.sector_code) is None:
        raise Invalid("unknown_sector", account.sector_code)
    staff.sector_code = account.sector_code or None


def _rights(staff: Staff) -> dict[str, str | None]:
    agency = staff.agency.code if staff.agency else None
    return {"role": str(staff.role), "agency": agency, "sector": staff.sector_code}


def _keep_an_administrator(session: Session, staff: Staff) -> None:
    if not (staff.active and staff.role is RoleName.ADMIN):
        return
    others = select(func.count()).where(
        Staff.active, Staff.id != staff.id, Staff.roles.any(Role.name == RoleName.ADMIN)
    )
    if not session.scalar(others):
        raise Refused("last_admin")


# Passwords


def _plain(password: str) -> str:
    """The first 200 characters in Unicode form NFKC: keyboards encode a letter in several ways."""
    return unicodedata.normalize("NFKC", password[:PASSWORD_MOST])


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return HASHER.hash(secrets.token_hex(16))


def _fits(hashed: str | None, password: str) -> bool:
    """Whether a password matches its hash; an account that does not exist takes as long."""
    try:
        HASHER.verify(hashed or _nobodys_hash(), _plain(password))
    except (VerifyMismatchError, InvalidHashError):
        return False
    return hashed is not None


def prove(session: Session, email: str, password: str) -> Staff | None:
    """The active account with this address and password, or None; nothing is written.

    Accounts of a demo can sign in only with DEMO=1 and the console provider, so never where
    messages reach real people.
    """
    staff = find(session, email)
    fits = _fits(staff.password if staff else None, password)
    if staff is None or not (fits and staff.active):
        return None
    is_invented = staff.email.endswith(f"@{DEMO_DOMAIN}")
    return None if is_invented and not settings_of(session).is_rehearsal else staff


def is_overdue(staff: Staff, now: datetime) -> bool:
    """Whether the account still has its one-time password and that password has expired."""
    return staff.one_time_until is not None and now >= staff.one_time_until


def change_password(session: Session, now: datetime, staff: Staff, old: str, new: str) -> None:
    """Replace the password; all sessions end.

    Refused `wrong_password` when `old` is wrong; Invalid `password_length` or `password_weak` for
    `new`.
    """
    if not _fits(staff.password, old):
        raise Refused("wrong_password")
    _check_new_password(staff, old, new)
    set_password(staff, new)
    append(session, now, "staff.password", f"staff:{staff.id}", staff_id=staff.id)


def set_password(staff: Staff, password: str) -> None:
    """Set a password that its owner chose, without asking for the old one; all sessions end."""
    staff.password = HASHER.hash(_plain(password))
    staff.one_time_until = None
    end_sessions(staff)


def _check_new_password(staff: Staff, old: str, new: str) -> None:
    if not PASSWORD_LEAST <= len(new) <= PASSWORD_MOST:
        raise Invalid("password_length")
    name = staff.email.partition("@")[0]
    holds_name = len(name) >= NAME_LEAST and name in new.lower()
    if len(set(new)) < DISTINCT_LEAST or holds_name or _plain(new) == _plain(old):
        raise Invalid("password_weak")


# Wrong tries


def _try_keys(session: Session, email: str, address: str) -> list[str]:
    key = settings_of(session).secret_key.encode()
    names = (f"account {email.strip().lower()}", f"address {address}")
    return sorted(hmac.digest(key, name.encode(), "sha256").hex() for name in names)


def is_throttled(session: Session, now: datetime, email: str, address: str) -> bool:
    """Whether ten wrong attempts in five minutes were counted for this name or network address."""
    full = select(SignInTry.key).where(
        SignInTry.key.in_(_try_keys(session, email, address)),
        SignInTry.wrong >= TRIES,
        SignInTry.since > now - TRIES_WITHIN,
    )
    return session.scalar(full.limit(1)) is not None


def note_wrong_try(session: Session, now: datetime, email: str, address: str) -> None:
    """Count a wrong attempt for name and network address; audit it if the account exists."""
    session.execute(delete(SignInTry).where(SignInTry.since <= now - TRIES_WITHIN))
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    for key in _try_keys(session, email, address):
        fresh = dialect.insert(SignInTry).values(key=key, wrong=1, since=now)
        counted = fresh.on_conflict_do_update(
            index_elements=["key"], set_={"wrong": SignInTry.wrong + 1}
        )
        session.execute(counted)
    staff = find(session, email)
    if staff is not None:
        append(session, now, "staff.sign_in_failed", f"staff:{staff.id}")


def note_sign_in(session: Session, now: datetime, staff: Staff) -> None:
    """Audit a sign-in and forget the wrong attempts of the account, not those of its address."""
    key = settings_of(session).secret_key.encode()
    name = hmac.digest(key, f"account {staff.email}".encode(), "sha256").hex()
    session.execute(delete(SignInTry).where(SignInTry.key == name))
    append(session, now, "staff.sign_in", f"staff:{staff.id}", staff_id=staff.id)


# Second factor


def totp_address(staff: Staff, secret: str) -> str:
    """The otpauth:// URI that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=staff.email, issuer_name=ISSUER)


def enable_second_factor(
    session: Session, now: datetime, staff: Staff, secret: str, code: str
) -> Sequence[str]:
    """Store the TOTP secret once its owner entered a right code; return ten recovery codes.

    Invalid `wrong_code`.
    """
    step = _step_of(secret, code, now, 0)
    if step is None:
        raise Invalid("wrong_code")
    codes = [_groups(3) for _ in range(RECOVERY_CODES)]
    staff.tf_primary_method = "authenticator"
    staff.totp_secret = secret
    staff.mf_recovery_codes = json.dumps([HASHER.hash(code) for code in codes])
    staff.last_totp_step = step
    append(session, now, "staff.second_factor", f"staff:{staff.id}", staff_id=staff.id)
    return codes


def check_second_factor(session: Session, now: datetime, staff: Staff, code: str) -> bool:
    """Whether this is the current TOTP code or an unused recovery code; either works once."""
    typed = code.strip().replace(" ", "").upper()
    if not CODE.fullmatch(typed):
        return _use_recovery_code(session, now, staff, typed)
    secret = staff.totp_secret
    if secret is None:
        return False
    step = _step_of(secret, typed, now, staff.last_totp_step or 0)
    if step is None:
        return False
    staff.last_totp_step = step
    return True


def _step_of(secret: str, code: str, now: datetime, after: int) -> int | None:
    """The 30-second time step of a code, at most one from now and later than `after`; else None."""
    totp = pyotp.TOTP(secret)
    here = int(now.timestamp()) // totp.interval
    for step in (here - 1, here, here + 1):
        if step > after and hmac.compare_digest(totp.generate_otp(step), code.strip()):
            return step
    return None


def _use_recovery_code(session: Session, now: datetime, staff: Staff, code: str) -> bool:
    hashes: list[str] = json.loads(staff.mf_recovery_codes or "[]")
    used = next((one for one in hashes if _fits(one, code)), None)
    if used is None:
        return False
    staff.mf_recovery_codes = json.dumps([one for one in hashes if one != used])
    detail = {"left": len(hashes) - 1}
    append(
        session, now, "staff.recovery_code", f"staff:{staff.id}", staff_id=staff.id, detail=detail
    )
    return True
