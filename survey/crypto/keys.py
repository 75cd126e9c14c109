"""The keyring: random keys that encrypt and hash, wrapped by DATA_KEY and kept in the database.

Envelope encryption: changing DATA_KEY wraps a handful of keys again, whatever the size of the
database. A wrapped key is also the check value: a wrong DATA_KEY does not open it.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from weakref import WeakKeyDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Engine, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey.db import Base, connection_of, hold, one_of, settings_of
from survey.errors import Refused
from survey.settings import KEY_BYTES, decode_key

NONCE_BYTES = 12
MASTER_ID_BYTES = 8
# How long a process works with the keys it has read before it looks whether there are newer ones.
FRESH_SECONDS = 60


class Purpose(StrEnum):
    """What a wrapped key is for; the key of each use is derived from it."""

    # Values that can be read back.
    ENCRYPTION = "encryption"
    # Hashes of values that also stand encrypted, so a new key can make them again.
    BLIND_INDEXES = "blind_indexes"
    # Hashes of what stands nowhere, such as link tokens: this key stays as long as they do.
    TOKEN_HASHES = "token_hashes"  # noqa: S105 - a name


class WrappedKey(Base):
    """One random key, encrypted with DATA_KEY. The highest number of a purpose is in force; lower
    ones are read until nothing needs them.
    """

    __tablename__ = "wrapped_key"
    __table_args__ = (one_of("purpose", Purpose),)

    purpose: Mapped[str] = mapped_column(String(20), primary_key=True)
    # 1, 2, … of this purpose: one more with each full re-encryption.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Nonce and ciphertext of 32 random bytes.
    wrapped: Mapped[bytes]
    # Fingerprint of the DATA_KEY that wraps it.
    master_id: Mapped[bytes]
    made_at: Mapped[datetime]


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
    """The keys of one database, unwrapped; newest first."""

    ciphers: tuple[AESGCMSIV, ...]
    index_keys: tuple[bytes, ...]
    token_key: bytes
    # Derived keys by use, so that each is derived once.
    uses: dict[tuple[bytes, str], bytes] = field(default_factory=dict)

    def key_of(self, purpose_key: bytes, use: str) -> bytes:
        """The key of one use: no two uses share one."""
        found = self.uses.get((purpose_key, use))
        if found is None:
            found = self.uses[purpose_key, use] = derived(purpose_key, use)
        return found


# Of each database, and until when (on the clock that only runs forward).
_KEPT: WeakKeyDictionary[Engine, tuple[Keyring, float]] = WeakKeyDictionary()


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
    """The keys of the session's database, read at most once a minute; Refused `wrong_key` when
    DATA_KEY and DATA_KEYS_OLD do not open them, `keys_missing` before the first `db upgrade`.
    """
    kept = _KEPT.get(session.get_bind().engine)
    if kept is not None and kept[1] > time.monotonic():
        return kept[0]
    return read_keyring(session)


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
    _KEPT[session.get_bind().engine] = (ring, time.monotonic() + FRESH_SECONDS)
    return ring


_STORED = select(
    WrappedKey.purpose, WrappedKey.number, WrappedKey.wrapped, WrappedKey.master_id
).order_by(WrappedKey.purpose, WrappedKey.number.desc())


def check(session: Session) -> None:
    """Refused `wrong_key` unless this process's DATA_KEY, or an old one, opens what is stored."""
    read_keyring(session)


def forget(engine: Engine) -> None:
    """Read the keys of a database anew: another one lies in its place."""
    _KEPT.pop(engine, None)


def make_missing(session: Session, now: datetime) -> None:
    """Draw the first key of each purpose, once: with every `db upgrade`."""
    hold(session, "keys")
    there = set(connection_of(session).scalars(select(WrappedKey.purpose)))
    for purpose in Purpose:
        if purpose not in there:
            _draw(session, purpose, 1, now)


def _draw(session: Session, purpose: Purpose, number: int, now: datetime) -> None:
    master, key = masters(session)[0], secrets.token_bytes(KEY_BYTES)
    values = {"purpose": purpose, "number": number, "made_at": now, "master_id": master.id}
    wrapped = _wrap(master, _name(purpose, number), key)
    connection_of(session).execute(insert(WrappedKey).values(**values, wrapped=wrapped))


def rewrap(session: Session) -> int:
    """Wrap every key of an old DATA_KEY with the current one; how many. Nothing else changes."""
    hold(session, "keys")
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
