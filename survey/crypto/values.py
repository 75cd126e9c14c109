"""Authenticated encryption of single values (AEAD, AES-GCM-SIV).

The associated data are place ("table.column") and row, so a value that was moved elsewhere does not
open. No value names its key: which rows were written before a change of key leads to nobody.
A value is OVERHEAD bytes longer than what it holds; what could betray by its length is padded.
"""

import os
import zlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from sqlalchemy.orm import Session

from survey.crypto.keys import NONCE_BYTES, Keyring, keyring, read_keyring
from survey.errors import Refused

TAG_BYTES = 16
OVERHEAD = NONCE_BYTES + TAG_BYTES
# Ends what was padded (ISO/IEC 7816-4).
END = b"\x80"


def encrypt(session: Session, place: str, row: str, content: bytes) -> bytes:
    """Encrypt bytes for one place ("dossier.phone") and one row (its code or random id)."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = keyring(session).ciphers[0]
    return nonce + cipher.encrypt(nonce, content, _associated(place, row))


def decrypt(session: Session, place: str, row: str, encrypted: bytes) -> bytes:
    """Decrypt what `encrypt` made for the same place and row; Refused `encrypted_value_broken` when
    it was moved or changed.
    """
    ring = keyring(session)
    content = _opened(ring, place, row, encrypted)
    if content is None and (newer := read_keyring(session)) is not ring:
        # Perhaps another process has drawn a new key since this one read them.
        content = _opened(newer, place, row, encrypted)
    if content is None:
        raise Refused("encrypted_value_broken", place)
    return content


def _opened(ring: Keyring, place: str, row: str, encrypted: bytes) -> bytes | None:
    for cipher in ring.ciphers:
        if (content := open_with(cipher, place, row, encrypted)) is not None:
            return content
    return None


def open_with(cipher: AESGCMSIV, place: str, row: str, encrypted: bytes) -> bytes | None:
    """What one key opens; None when it does not."""
    try:
        nonce, content = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        return cipher.decrypt(nonce, content, _associated(place, row))
    except (InvalidTag, ValueError):  # changed, moved, cut off, or another key's
        return None


def _associated(place: str, row: str) -> bytes:
    return f"{place}:{row}".encode()


def pad(content: bytes, sizes: Sequence[int]) -> bytes:
    """Content and an end mark, filled up to the first size that holds them."""
    needed = len(content) + len(END)
    for size in sizes:
        if needed <= size:
            return (content + END).ljust(size, b"\0")
    message = f"{needed} bytes do not fit into {max(sizes)}"
    raise ValueError(message)


def unpad(padded: bytes) -> bytes:
    """What `pad` was given."""
    return padded[: padded.rindex(END)]


def pack(content: bytes, multiple: int) -> bytes:
    """Content, compressed and filled up to a multiple of so many bytes."""
    packed = zlib.compress(content)
    return packed.ljust(-(-len(packed) // multiple) * multiple, b"\0")


def unpack(packed: bytes) -> bytes:
    """What `pack` was given."""
    return zlib.decompressobj().decompress(packed)
