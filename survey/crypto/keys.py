"""The keyring: random keys for encryption and hashing, wrapped by DATA_KEY, kept in the database.

Envelope encryption: when DATA_KEY changes, only a few keys are wrapped again, whatever the size of
the database. A wrapped key is also the check value: a wrong DATA_KEY cannot unwrap it.
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
# How long a process uses its cached keys before it reads them from the database again.
FRESH_SECONDS = 2
# Least age of the key in force at which former keys are deleted. Blind indexes of phone numbers
# whose encrypted number is already deleted (`Message.recipient_index`) are kept for a week and
# cannot be computed with the new key.
FORMER_KEPT = timedelta(days=9)


class Purpose(StrEnum):
    """What a wrapped key is used for."""

    # Values that are decrypted again.
    ENCRYPTION = "encryption"
    # Hashes of values that are also stored encrypted, so that they can be computed with a new key.
    # The key of each column is derived from this one, as it is for token hashes.
    BLIND_INDEXES = "blind_indexes"
    # Hashes of values that are not stored, such as link tokens; so this key is never replaced.
    TOKEN_HASHES = "token_hashes"  # noqa: S105 - a name


# Purposes whose keys a full re-encryption replaces.
REPLACED = (Purpose.ENCRYPTION, Purpose.BLIND_INDEXES)


class WrappedKey(Base):
    """One random key, wrapped (encrypted) by DATA_KEY; one key of each purpose is in force.

    A full re-encryption generates the next key, which every process loads before it is put in
    force. The former key is kept for decryption until no value needs it.
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
    # Counted from 1 for each purpose; a full re-encryption adds one.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Whether new values are encrypted or hashed with it; all stored keys serve to read.
    in_force: Mapped[bool]
    # Nonce (12 bytes) and ciphertext with tag of a random key of 32 bytes.
    wrapped: Mapped[bytes]
    # Fingerprint of the DATA_KEY that wraps it.
    master_id: Mapped[bytes]
    made_at: Mapped[datetime]

    __clear__: ClassVar = {
        "worth nothing without DATA_KEY": "purpose number in_force wrapped master_id made_at"
    }


@dataclass(frozen=True, slots=True)
class Master:
    """A master key (from DATA_KEY or DATA_KEYS_OLD): its fingerprint and its wrapping cipher."""

    id: bytes
    cipher: AESGCMSIV

    @classmethod
    def derive(cls, master: bytes) -> "Master":
        """Derive wrapping key and fingerprint from 32 bytes (HKDF-Expand, SHA-256; RFC 5869)."""
        fingerprint = hashlib.sha256(derived(master, "key id")).digest()[:MASTER_ID_BYTES]
        return cls(fingerprint, AESGCMSIV(derived(master, "wrapping")))


@dataclass(frozen=True, slots=True)
class Keyring:
    """The unwrapped keys of one database; the key in force is the first of its purpose."""

    ciphers: tuple[AESGCMSIV, ...]
    index_keys: tuple[bytes, ...]
    token_key: bytes
    # Keyed HMAC objects by key and use: copying one takes a third of the time of creating one.
    uses: dict[tuple[bytes, str], hmac.HMAC] = field(default_factory=dict)

    def hmac_of(self, purpose_key: bytes, use: str) -> hmac.HMAC:
        """A cached HMAC-SHA-256 object with the derived key of one use; callers must copy it."""
        found = self.uses.get((purpose_key, use))
        if found is None:
            key = derived(purpose_key, use)
            found = self.uses[purpose_key, use] = hmac.new(key, digestmod="sha256")
        return found


@dataclass(slots=True)
class _KeyCache:
    """Cached keys of one database, and when they expire (`time.monotonic`, in seconds)."""

    ring: Keyring | None = None
    until: float = 0


_KEY_CACHES: WeakKeyDictionary[Engine, _KeyCache] = WeakKeyDictionary()


def derived(key: bytes, use: str) -> bytes:
    """Derive the 32-byte key of one use (HKDF-Expand with SHA-256, RFC 5869)."""
    return HKDFExpand(SHA256(), KEY_BYTES, f"langnghe {use}".encode()).derive(key)


@lru_cache(maxsize=8)
def _derive_masters(texts: tuple[str, ...]) -> tuple[Master, ...]:
    return tuple(Master.derive(master) for text in texts if (master := decode_key(text)))


def masters(session: Session) -> tuple[Master, ...]:
    """The master keys: DATA_KEY first, then DATA_KEYS_OLD.

    Refused `no_data_key` if DATA_KEY is missing or malformed.
    """
    settings = settings_of(session)
    found = _derive_masters((settings.data_key, *settings.data_keys_old))
    if decode_key(settings.data_key) is None:
        raise Refused("no_data_key", "DATA_KEY is missing or malformed")
    return found


def keyring(session: Session) -> Keyring:
    """The keys of the session's database, from a cache of FRESH_SECONDS.

    Refused `wrong_key` if neither DATA_KEY nor DATA_KEYS_OLD unwraps them, `keys_missing` before
    the first `db upgrade`.
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
    """Read the keys from the database and renew the cache; raises as `keyring` does."""
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
    """Check DATA_KEY and DATA_KEYS_OLD against the stored keys; raises as `keyring` does."""
    read_keyring(session)


def forget(engine: Engine) -> None:
    """Invalidate the cached keys of a database after new keys were put in force or a restore."""
    _KEY_CACHES.setdefault(engine, _KeyCache()).until = 0


def make_missing(session: Session, now: datetime) -> None:
    """Generate the first key of each purpose where none is stored; `db upgrade` calls this."""
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
    """Generate the keys of a full re-encryption without putting them in force.

    `put_in_force` follows after FRESH_SECONDS, when every process has loaded them.
    """
    advisory_lock(session, "keys")
    for purpose in REPLACED:
        last = select(func.max(WrappedKey.number)).where(WrappedKey.purpose == purpose)
        number = connection_of(session).scalar(last) or 0
        _draw(session, purpose, number + 1, now, in_force=False)


def put_in_force(session: Session) -> None:
    """Put the newest keys in force for encryption; former keys still decrypt."""
    advisory_lock(session, "keys")
    connection = connection_of(session)
    for purpose in REPLACED:
        of_purpose = WrappedKey.purpose == purpose
        newest = connection.scalar(select(func.max(WrappedKey.number)).where(of_purpose))
        connection.execute(update(WrappedKey).where(of_purpose).values(in_force=False))
        is_newest = (of_purpose, WrappedKey.number == newest)
        connection.execute(update(WrappedKey).where(*is_newest).values(in_force=True))


def has_former_keys(session: Session) -> bool:
    """Whether a key is stored that is not in force."""
    query = select(WrappedKey.number).where(WrappedKey.in_force.is_(False))
    return connection_of(session).execute(query.limit(1)).first() is not None


def drop_former(session: Session, now: datetime) -> int:
    """Delete the former keys of a key in force that is FORMER_KEPT old; returns how many.

    The caller ensures that no stored value needs them.
    """
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
    """One key of DATA_KEYS_OLD: position (from 1), fingerprint, whether a wrapped key needs it."""

    place: int
    fingerprint: str
    is_needed: bool


def old_keys(session: Session) -> list[OldKey]:
    """The keys of DATA_KEYS_OLD; after `rewrap` none of them is needed."""
    wrapping = set(connection_of(session).scalars(select(WrappedKey.master_id)))
    _, *old = masters(session)
    return [
        OldKey(place, master.id.hex(), master.id in wrapping) for place, master in enumerate(old, 1)
    ]


def rewrap(session: Session) -> int:
    """Wrap the keys of an old DATA_KEY with the current one; returns how many.

    The keys themselves stay the same, so no encrypted value changes.
    """
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
