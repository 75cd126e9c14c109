"""The keyring: random keys that encrypt and hash, wrapped by DATA_KEY and stored in the database.

Envelope encryption: changing DATA_KEY wraps a handful of keys again, whatever the size of the
database. A wrapped key is also the check value: a wrong DATA_KEY does not open it.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from weakref import WeakKeyDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import (
    Engine,
    Index,
    String,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from survey.db import Base, advisory_lock, connection_of, one_of, settings_of
from survey.errors import Refused
from survey.settings import KEY_BYTES, decode_key

NONCE_BYTES = 12
MASTER_ID_BYTES = 8
# How long a process works with the keys it has read before it looks whether there are newer ones.
FRESH_SECONDS = 2
# How long a former key is kept after the one in force was drawn: hashes of phones that stand
# nowhere any more (`Message.recipient_index`) live a week.
FORMER_KEPT = timedelta(days=9)


class Purpose(StrEnum):
    """What a wrapped key is for; the key of each use is derived from it."""

    # Values that can be read back.
    ENCRYPTION = "encryption"
    # Hashes of values that also stand encrypted, so a new key can make them again.
    BLIND_INDEXES = "blind_indexes"
    # Hashes of what stands nowhere, such as link tokens: this key stays as long as they do.
    TOKEN_HASHES = "token_hashes"  # noqa: S105 - a name


# What a full re-encryption replaces.
REPLACED = (Purpose.ENCRYPTION, Purpose.BLIND_INDEXES)


class WrappedKey(Base):
    """One random key, encrypted with DATA_KEY. One of a purpose is in force. A full re-encryption
    draws the next, which every process reads before it is in force; the former is read until
    nothing needs it.
    """

    __tablename__ = "wrapped_key"
    __table_args__ = (
        one_of("purpose", Purpose),
        Index(
            "uq_wrapped_key_in_force",
            "purpose",
            unique=True,
            sqlite_where=text("in_force"),
            postgresql_where=text("in_force"),
        ),
    )

    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    # 1, 2, … of this purpose: one more with each full re-encryption.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Whether it encrypts; all are read.
    in_force: Mapped[bool]
    # Nonce and ciphertext of 32 random bytes.
    wrapped: Mapped[bytes]
    # Fingerprint of the DATA_KEY that wraps it.
    master_id: Mapped[bytes]
    made_at: Mapped[datetime]

    __clear__: ClassVar = {
        "worth nothing without DATA_KEY": "purpose number in_force wrapped master_id made_at"
    }


@dataclass(frozen=True, slots=True)
class Master:
    """One DATA_KEY: it wraps keys, and does nothing else."""

    id: bytes
    cipher: AESGCMSIV

    @classmethod
    def derive(cls, master: bytes) -> "Master":
        """The wrapping key and the fingerprint of 32 master bytes (HKDF-Expand, SHA-256)."""
        fingerprint = hashlib.sha256(derived(master, "key id")).digest()[:MASTER_ID_BYTES]
        return cls(fingerprint, AESGCMSIV(derived(master, "wrapping")))


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one database, unwrapped; the one in force first."""

    ciphers: tuple[AESGCMSIV, ...]
    index_keys: tuple[bytes, ...]
    token_key: bytes
    # What hashes with the key of a use: a copy of it takes a third of the time of a new one.
    uses: dict[tuple[bytes, str], hmac.HMAC] = field(default_factory=dict)

    def hmac_of(self, purpose_key: bytes, use: str) -> hmac.HMAC:
        """HMAC-SHA-256 with the key of one use, to be copied: no two uses share a key."""
        found = self.uses.get((purpose_key, use))
        if found is None:
            key = derived(purpose_key, use)
            found = self.uses[purpose_key, use] = hmac.new(key, digestmod="sha256")
        return found


@dataclass(slots=True)
class _KeyCache:
    """The keys of one database, and until when (on the clock that only runs forward)."""

    ring: Keyring | None = None
    until: float = 0


_KEY_CACHES: WeakKeyDictionary[Engine, _KeyCache] = WeakKeyDictionary()


def derived(key: bytes, use: str) -> bytes:
    """A key of its own for one use."""
    return HKDFExpand(SHA256(), KEY_BYTES, f"langnghe {use}".encode()).derive(key)


@lru_cache(maxsize=8)
def _derive_masters(texts: tuple[str, ...]) -> tuple[Master, ...]:
    return tuple(Master.derive(master) for text in texts if (master := decode_key(text)))


def masters(session: Session) -> tuple[Master, ...]:
    """DATA_KEY first, then DATA_KEYS_OLD; Refused `no_data_key` without any."""
    settings = settings_of(session)
    found = _derive_masters((settings.data_key, *settings.data_keys_old))
    if decode_key(settings.data_key) is None:
        raise Refused("no_data_key", "DATA_KEY is missing or malformed")
    return found


def keyring(session: Session) -> Keyring:
    """The keys of the session's database, read again every few seconds; Refused `wrong_key` when
    DATA_KEY and DATA_KEYS_OLD do not open them, `keys_missing` before the first `db upgrade`.
    """
    cache = session.info.get("keys") or _cache_of(session)
    if cache.ring is not None and cache.until > time.monotonic():
        return cache.ring
    return read_keyring(session)


def _cache_of(session: Session) -> _KeyCache:
    """The cached keys of the session's database; each encryption asks for them."""
    cache = session.info["keys"] = _KEY_CACHES.setdefault(session.get_bind().engine, _KeyCache())
    return cache


def read_keyring(session: Session) -> Keyring:
    """The same, read from the database now."""
    stored = connection_of(session).execute(_STORED).all()
    if {row.purpose for row in stored} != {*Purpose}:
        raise Refused("keys_missing")
    known = {master.id: master for master in masters(session)}
    opened: dict[str, list[bytes]] = {purpose: [] for purpose in Purpose}
    for row in stored:
        opened[row.purpose].append(
            _unwrap(known, row.master_id, _name(row.purpose, row.number), row.wrapped)
        )
    ring = Keyring(
        ciphers=tuple(AESGCMSIV(key) for key in opened[Purpose.ENCRYPTION]),
        index_keys=tuple(opened[Purpose.BLIND_INDEXES]),
        token_key=opened[Purpose.TOKEN_HASHES][0],
    )
    cache = _cache_of(session)
    cache.ring, cache.until = ring, time.monotonic() + FRESH_SECONDS
    return ring


_STORED = select(
    WrappedKey.purpose, WrappedKey.number, WrappedKey.wrapped, WrappedKey.master_id
).order_by(WrappedKey.purpose, WrappedKey.in_force.desc(), WrappedKey.number.desc())


def check(session: Session) -> None:
    """Refused `wrong_key` unless this process's DATA_KEY, or an old one, opens what is stored."""
    read_keyring(session)


def forget(engine: Engine) -> None:
    """Read the keys of a database again: another database took its place."""
    _KEY_CACHES.setdefault(engine, _KeyCache()).until = 0


def make_missing(session: Session, now: datetime) -> None:
    """Draw the first key of each purpose, once: with every `db upgrade`."""
    advisory_lock(session, "keys")
    there = set(connection_of(session).scalars(select(WrappedKey.purpose)))
    for purpose in Purpose:
        if purpose not in there:
            _draw(session, purpose, 1, now, in_force=True)


def _draw(
    session: Session, purpose: Purpose, number: int, now: datetime, *, in_force: bool
) -> None:
    master, key = masters(session)[0], secrets.token_bytes(KEY_BYTES)
    values = {
        "purpose": purpose,
        "number": number,
        "in_force": in_force,
        "wrapped": _wrap(master, _name(purpose, number), key),
        "master_id": master.id,
        "made_at": now,
    }
    connection_of(session).execute(insert(WrappedKey).values(values))


def draw_next(session: Session, now: datetime) -> None:
    """Draw the keys of a full re-encryption, to be read by every process before they are in force
    (`put_in_force`, FRESH_SECONDS later).
    """
    advisory_lock(session, "keys")
    for purpose in REPLACED:
        last = select(func.max(WrappedKey.number)).where(WrappedKey.purpose == purpose)
        number = connection_of(session).scalar(last) or 0
        _draw(session, purpose, number + 1, now, in_force=False)


def put_in_force(session: Session) -> None:
    """Let the newest keys encrypt from now on; the former stay readable."""
    advisory_lock(session, "keys")
    connection = connection_of(session)
    for purpose in REPLACED:
        of_purpose = WrappedKey.purpose == purpose
        newest = connection.scalar(select(func.max(WrappedKey.number)).where(of_purpose))
        connection.execute(update(WrappedKey).where(of_purpose).values(in_force=False))
        is_newest = (of_purpose, WrappedKey.number == newest)
        connection.execute(update(WrappedKey).where(*is_newest).values(in_force=True))


def has_former_keys(session: Session) -> bool:
    """Whether a key is still read that is in force no more."""
    query = select(WrappedKey.number).where(WrappedKey.in_force.is_(False))
    return connection_of(session).execute(query.limit(1)).first() is not None


def drop_former(session: Session, now: datetime) -> int:
    """Drop the keys that have not been in force for long; how many. Nothing may need them."""
    advisory_lock(session, "keys")
    in_force = aliased(WrappedKey)
    replaced = exists().where(
        in_force.purpose == WrappedKey.purpose,
        in_force.in_force,
        in_force.number > WrappedKey.number,
        in_force.made_at <= now - FORMER_KEPT,
    )
    former = delete(WrappedKey).where(WrappedKey.in_force.is_(False), replaced)
    return connection_of(session).execute(former).rowcount


@dataclass(frozen=True, slots=True)
class OldKey:
    """One of DATA_KEYS_OLD by its place (from 1), and whether a wrapped key still needs it."""

    place: int
    fingerprint: str
    is_needed: bool


def old_keys(session: Session) -> list[OldKey]:
    """What stands in DATA_KEYS_OLD; nothing is needed any more after `rewrap`."""
    wrapping = set(connection_of(session).scalars(select(WrappedKey.master_id)))
    _, *old = masters(session)
    return [
        OldKey(place, master.id.hex(), master.id in wrapping) for place, master in enumerate(old, 1)
    ]


def rewrap(session: Session) -> int:
    """Wrap every key of an old DATA_KEY with the current one; how many. Nothing else changes."""
    advisory_lock(session, "keys")
    current, *old = masters(session)
    known = {master.id: master for master in (current, *old)}
    moved = 0
    for one in session.scalars(select(WrappedKey).where(WrappedKey.master_id != current.id)):
        name = _name(one.purpose, one.number)
        one.wrapped = _wrap(current, name, _unwrap(known, one.master_id, name, one.wrapped))
        one.master_id = current.id
        moved += 1
    session.flush()
    return moved


def _name(purpose: str, number: int) -> str:
    return f"{purpose}/{number}"


def _wrap(master: Master, name: str, key: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + master.cipher.encrypt(nonce, key, f"wrapped_key.wrapped:{name}".encode())


def _unwrap(known: Mapping[bytes, Master], master_id: bytes, name: str, wrapped: bytes) -> bytes:
    master = known.get(master_id)
    if master is None:
        raise Refused("wrong_key", name)
    nonce, content = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    try:
        return master.cipher.decrypt(nonce, content, f"wrapped_key.wrapped:{name}".encode())
    except InvalidTag as broken:
        raise Refused("wrong_key", name) from broken
