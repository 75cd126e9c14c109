"""Encryption of single values (AEAD), blind indexes, keyed hashes (HMAC) and tokens.

Answers and personal data of citizens are encrypted; counts are stored in clear. DATA_KEY encrypts
no value: it wraps random keys that are stored in the database (envelope encryption, see
`survey.crypto.keys`).
"""

from survey.crypto.hashes import blind_index, blind_indexes, keyed_hash
from survey.crypto.values import decrypt, encrypt

__all__ = ["blind_index", "blind_indexes", "decrypt", "encrypt", "keyed_hash"]
