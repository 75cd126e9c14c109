"""Authenticated encryption of single values (AEAD: AES-GCM-SIV, RFC 8452).

The associated data are place ("table.attribute") and row, so a ciphertext that was moved elsewhere
is not accepted. A ciphertext has no key id: it would show which rows were written before a change
of keys. It is OVERHEAD (28) bytes longer than its content: nonce and tag. Content whose length
could reveal something is padded.
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
# First byte of the padding; zeros follow (ISO/IEC 7816-4).
END = b"\x80"


def encrypt(session: Session, place: str, row: str, content: bytes) -> bytes:
    """Encrypt bytes for one place ("dossier.phone") and one row (its code or random id).

    Returns nonce, ciphertext and tag.
    """
    nonce = os.urandom(NONCE_BYTES)
    cipher = keyring(session).ciphers[0]
    return nonce + cipher.encrypt(nonce, content, _associated(place, row))


def decrypt(session: Session, place: str, row: str, encrypted: bytes) -> bytes:
    """Decrypt bytes that `encrypt` returned for the same place and row.

    Refused `encrypted_value_broken` if they were moved or changed.
    """
    ring = keyring(session)
    content = _opened(ring, place, row, encrypted)
    if content is None and (newer := read_keyring(session)) is not ring:
        # Another process may have put a new key in force since this process read the keys.
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
    """Decrypt with one key; None if the value is damaged, moved or encrypted with another key."""
    try:
        nonce, content = encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:]
        return cipher.decrypt(nonce, content, _associated(place, row))
    except (InvalidTag, ValueError):
        return None


def _associated(place: str, row: str) -> bytes:
    return f"{place}:{row}".encode()


def pad(content: bytes, sizes: Sequence[int]) -> bytes:
    """Pad content (ISO/IEC 7816-4) to the first of the ascending sizes that holds it.

    ValueError if it fits into none.
    """
    needed = len(content) + len(END)
    for size in sizes:
        if needed <= size:
            return (content + END).ljust(size, b"\0")
    message = f"{needed} bytes do not fit into {max(sizes)}"
    raise ValueError(message)


def unpad(padded: bytes) -> bytes:
    """The content that `pad` padded."""
    return padded[: padded.rindex(END)]


def pack(content: bytes, multiple: int) -> bytes:
    """Compress content (zlib) and pad it with zeros to a multiple of `multiple` bytes."""
    packed = zlib.compress(content)
    return packed.ljust(-(-len(packed) // multiple) * multiple, b"\0")


def unpack(packed: bytes) -> bytes:
    """The content that `pack` compressed."""
    return zlib.decompressobj().decompress(packed)
