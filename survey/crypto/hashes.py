"""Blind indexes and keyed hashes (HMAC-SHA-256, first 16 bytes) for look-ups of equal texts.

The key is derived for each column ("table.column"), so that no two tables can be joined by hashes.
"""

from sqlalchemy.orm import Session

from survey.crypto.keys import Keyring, keyring

HASH_BYTES = 16


def _digest(ring: Keyring, key: bytes, use: str, text: str) -> bytes:
    mac = ring.hmac_of(key, use).copy()
    mac.update(text.encode())
    return mac.digest()[:HASH_BYTES]


def blind_index(session: Session, use: str, text: str) -> bytes:
    """The blind index of an encrypted text with the key in force; `use` is "table.column"."""
    ring = keyring(session)
    return _digest(ring, ring.index_keys[0], use, text)


def blind_indexes(session: Session, use: str, text: str) -> list[bytes]:
    """The blind indexes of a text with every stored key, for look-ups.

    Rows that a full re-encryption has not reached yet still hold the index of a former key.
    """
    ring = keyring(session)
    return [_digest(ring, key, use, text) for key in ring.index_keys]


def keyed_hash(session: Session, use: str, text: str) -> bytes:
    """The keyed hash of a text that is not stored itself, such as a link token.

    Its key is never replaced, because the hash cannot be computed again without the text.
    """
    ring = keyring(session)
    return _digest(ring, ring.token_key, use, text)
