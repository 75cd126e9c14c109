"""Sealing of personal data and keyed hashes of phones and tokens.

A sealed value is bound to its table, column and row (AES-GCM-SIV with these as associated data), so
it cannot be moved. Every use has its own key, derived from DATA_KEY. Sealed values name their key,
so keys can rotate; those of answers do not, since it would tell when they were given.
"""

import hashlib
import hmac
import json
import re
import secrets
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy.orm import Session

from survey.db import settings_of
from survey.errors import Refused
from survey.settings import decode_key

# 32 letters and digits without I, L, O and U, which are misread.
TOKEN_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # noqa: S105 - an alphabet, not a secret
LETTER_OF_BYTE = TOKEN_ALPHABET.encode() * 8
TOKEN_LENGTH = 12
TOKEN_SHAPE = re.compile(rf"[{TOKEN_ALPHABET}]{{{TOKEN_LENGTH}}}")
REPLY_CODE_LENGTH = 4
CASE_CODE_LENGTH = 8
NONCE_BYTES = 12
KEY_ID_BYTES = 4
HASH_BYTES = 16
# Days and instants are written as ISO 8601 says.
_PLAIN = json.JSONEncoder(
    separators=(",", ":"), default=lambda day: day.isoformat(), ensure_ascii=False
)


@dataclass(frozen=True, slots=True)
class Key:
    """Everything derived from one DATA_KEY."""

    id: bytes
    cipher: AESGCMSIV
    phones: bytes
    invitations: bytes
    answers: bytes
    cases: bytes
    events: bytes
    reminders: bytes
    conversations: bytes
    tallies: bytes
    groups: bytes
    places: bytes

    @classmethod
    def derive(cls, master: bytes) -> "Key":
        """Derive the key of each use from 32 master bytes (HKDF-Expand, SHA-256)."""

        def part(use: str) -> bytes:
            return HKDFExpand(SHA256(), 32, f"langnghe {use}".encode()).derive(master)

        return cls(
            id=hashlib.sha256(part("key id")).digest()[:KEY_ID_BYTES],
            cipher=AESGCMSIV(part("sealing")),
            phones=part("phone index"),
            invitations=part("invitation token"),
            answers=part("answer token"),
            cases=part("case of an answer"),
            events=part("inbound event"),
            reminders=part("reminder index"),
            conversations=part("conversation index"),
            tallies=part("answer tally"),
            groups=part("procedure group"),
            places=part("place of an alert"),
        )


@lru_cache(maxsize=8)
def _derive_all(texts: tuple[str, ...]) -> tuple[Key, ...]:
    return tuple(Key.derive(master) for text in texts if (master := decode_key(text)))


def keyring(session: Session) -> tuple[Key, ...]:
    """The current key first, then old ones that may still be read."""
    keys: tuple[Key, ...] | None = session.info.get("keyring")
    if keys is None:  # looked up once a session: an import seals a hundred thousand values
        settings = settings_of(session)
        keys = _derive_all((settings.data_key, *settings.data_keys_old))
        if not keys:
            raise Refused("no_data_key", "DATA_KEY is missing or malformed")
        session.info["keyring"] = keys
    return keys


def seal(session: Session, place: str, row: str, text: str) -> bytes:
    """Encrypt `text` for one place ("dossier.phone") and one row (its code or random id)."""
    return seal_bytes(session, place, row, text.encode())


def unseal(session: Session, place: str, row: str, sealed: bytes) -> str:
    """Decrypt what `seal` made for the same place and row; Refused when moved, changed or of an
    unknown key.
    """
    return unseal_bytes(session, place, row, sealed).decode()


def seal_bytes(session: Session, place: str, row: str, content: bytes) -> bytes:
    """Encrypt a file's bytes for one place and row."""
    key = keyring(session)[0]
    return key.id + _encrypt(key, place, row, content)


def unseal_bytes(session: Session, place: str, row: str, sealed: bytes) -> bytes:
    """Decrypt what `seal_bytes` made; Refused as with `unseal`."""
    for key in keyring(session):
        if key.id == sealed[:KEY_ID_BYTES]:
            return _decrypt((key,), place, row, sealed[KEY_ID_BYTES:])
    raise Refused("sealed_with_unknown_key", place)


def _encrypt(key: Key, place: str, row: str, content: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + key.cipher.encrypt(nonce, content, f"{place}:{row}".encode())


def _decrypt(keys: Sequence[Key], place: str, row: str, sealed: bytes) -> bytes:
    nonce, content = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    for key in keys:
        with suppress(InvalidTag, ValueError):  # changed, moved, cut off, or another key's
            return key.cipher.decrypt(nonce, content, f"{place}:{row}".encode())
    raise Refused("sealed_value_broken", place)


def seal_values(session: Session, place: str, row: str, values: object, length: int) -> bytes:
    """Encrypt what JSON can say, always at one length; ValueError when it is longer."""
    return keyring(session)[0].id + seal_unnamed(session, place, row, values, length)


def unseal_values(session: Session, place: str, row: str, sealed: bytes) -> Any:  # noqa: ANN401
    """What `seal_values` was given, as JSON says it; Refused as with `unseal`."""
    return json.loads(unseal_bytes(session, place, row, sealed))


def seal_unnamed(session: Session, place: str, row: str, values: object, length: int) -> bytes:
    """As `seal_values`, without the key's name: on a row that bears no time it would tell whether
    the row was written before or after a change of key.
    """
    packed = _PLAIN.encode(values).encode()
    if len(packed) > length:
        message = f"{place}: {len(packed)} bytes do not fit"
        raise ValueError(message)
    return _encrypt(keyring(session)[0], place, row, packed.ljust(length))


def unseal_unnamed(session: Session, place: str, row: str, sealed: bytes) -> Any:  # noqa: ANN401
    """What `seal_unnamed` was given; Refused `sealed_value_broken` when no key opens it."""
    return json.loads(_decrypt(keyring(session), place, row, sealed))


def renew_unnamed(session: Session, place: str, row: str, sealed: bytes) -> bytes | None:
    """The same under the current key, or None when that opens it already."""
    current, *old = keyring(session)
    try:
        _decrypt((current,), place, row, sealed)
    except Refused:
        return _encrypt(current, place, row, _decrypt(old, place, row, sealed))
    return None


def padded(content: bytes, multiple: int) -> bytes:
    """A long text, compressed, at a length that is a multiple of so many bytes and tells little."""
    packed = zlib.compress(content)
    return packed.ljust(-(-len(packed) // multiple) * multiple, b"\0")


def unpadded(packed: bytes) -> bytes:
    """What `padded` was given."""
    return zlib.decompressobj().decompress(packed)


def has_key(session: Session, sealed: bytes) -> bool:
    """Whether a sealed value names a key that is there."""
    return any(key.id == sealed[:KEY_ID_BYTES] for key in keyring(session))


# Of one dossier both phone and token are hashed twice, for its own row and for its message.
@lru_cache(maxsize=8192)
def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")[:HASH_BYTES]


def phone_index(session: Session, e164: str) -> bytes:
    """Keyed hash under which a phone is found, made with the current key."""
    return _digest(keyring(session)[0].phones, e164)


def phone_indexes(session: Session, e164: str) -> list[bytes]:
    """The same under every readable key, for look-ups while keys rotate."""
    return [_digest(key.phones, e164) for key in keyring(session)]


def reminder_index(session: Session, e164: str) -> bytes:
    """What a reminder keeps of its phone: equal to no dossier's index and no other message's."""
    return _digest(keyring(session)[0].reminders, e164)


def reminder_indexes(session: Session, e164: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.reminders, e164) for key in keyring(session)]


def conversation_index(session: Session, e164: str) -> bytes:
    """What a conversation keeps of its phone: equal to no dossier's index."""
    return _digest(keyring(session)[0].conversations, e164)


def conversation_indexes(session: Session, e164: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.conversations, e164) for key in keyring(session)]


def tally_key(session: Session, agency_id: int, slot: int) -> bytes:
    """What stands for an agency and a stretch of time where answers are tallied."""
    return _digest(keyring(session)[0].tallies, f"{agency_id}|{slot}")


def group_hash(session: Session, group: str) -> bytes:
    """What stands for a procedure's group in a month where its answers are counted."""
    return _digest(keyring(session)[0].groups, group)


def group_hashes(session: Session, group: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.groups, group) for key in keyring(session)]


def place_hash(session: Session, place: str) -> bytes:
    """What an alert of the watch keeps in clear of its rule and place."""
    return _digest(keyring(session)[0].places, place)


def place_hashes(session: Session, place: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.places, place) for key in keyring(session)]


def event_hash(session: Session, name: str) -> bytes:
    """Keyed hash of a provider's event: its name may hold a phone and what was texted."""
    return _digest(keyring(session)[0].events, name)


def invitation_hash(session: Session, token: str) -> bytes:
    """HMAC(k1, token): what an invitation stores of its link."""
    return _digest(keyring(session)[0].invitations, token)


def invitation_hashes(session: Session, token: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.invitations, token) for key in keyring(session)]


def answer_key(session: Session, token: str) -> bytes:
    """HMAC(k2, token): what a response stores of the link it came through."""
    return _digest(keyring(session)[0].answers, token)


def answer_keys(session: Session, token: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.answers, token) for key in keyring(session)]


def case_hash(session: Session, response_id: str) -> bytes:
    """Keyed hash of an answer's id: what its case stores of it."""
    return _digest(keyring(session)[0].cases, response_id)


def case_hashes(session: Session, response_id: str) -> list[bytes]:
    """The same under every readable key."""
    return [_digest(key.cases, response_id) for key in keyring(session)]


def sms_token(e164: str, reply_code: str) -> str:
    """What stands for a token when an answer comes by SMS: phone and reply code together."""
    return f"{e164}|{reply_code}"


def _random_code(length: int) -> str:
    # 256 is a multiple of 32, so every letter is as likely as any other.
    return secrets.token_bytes(length).translate(LETTER_OF_BYTE).decode()


def new_token() -> str:
    """A link token drawn anew: 12 characters, 60 bits."""
    return _random_code(TOKEN_LENGTH)


def new_reply_code() -> str:
    """A fresh code for an answer by SMS: 4 characters, digits and letters, so no word or number is
    one.
    """
    while (code := _random_code(REPLY_CODE_LENGTH)).isdigit() or code.isalpha():
        pass
    return code


def new_case_code() -> str:
    """A fresh case code: PA and six characters."""
    return "PA" + _random_code(CASE_CODE_LENGTH - 2)


def read_token(text: str) -> str | None:
    """A token as typed (any case, O for 0, I and L for 1), or None when it cannot be one."""
    token = text.strip().upper().translate(str.maketrans("OIL", "011"))
    if len(token) == TOKEN_LENGTH and all(letter in TOKEN_ALPHABET for letter in token):
        return token
    return None
