"""Blind indexes and keyed hashes (HMAC-SHA-256): equal texts are found without being readable.

Each use has a key of its own, named like the column, so that no two tables can be joined by them.
"""

from sqlalchemy.orm import Session

from survey.crypto.keys import Keyring, keyring

HASH_BYTES = 16


def _digest(ring: Keyring, key: bytes, use: str, text: str) -> bytes:
    mac = ring.hmac_of(key, use).copy()
    mac.update(text.encode())
    return mac.digest()[:HASH_BYTES]


def blind_index(session: Session, use: str, text: str) -> bytes:
    """Keyed hash under which an encrypted value is found; `use` is "table.column"."""
    ring = keyring(session)
    return _digest(ring, ring.index_keys[0], use, text)


def blind_indexes(session: Session, use: str, text: str) -> list[bytes]:
    """The same under every readable key, for look-ups: two during a full re-encryption."""
    ring = keyring(session)
    return [_digest(ring, key, use, text) for key in ring.index_keys]


def keyed_hash(session: Session, use: str, text: str) -> bytes:
    """Keyed hash of what stands nowhere itself, such as a token. No change of key changes it."""
    ring = keyring(session)
    return _digest(ring, ring.token_key, use, text)
