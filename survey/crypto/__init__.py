"""Encryption of single values, blind indexes and tokens. The one door: `from survey import crypto`.

What a citizen says and who it was is encrypted; what is counted is clear. DATA_KEY encrypts no
value: it wraps random keys that lie in the database (`survey.crypto.keys`, envelope encryption).
"""

from survey.crypto.hashes import blind_index, blind_indexes, keyed_hash
from survey.crypto.values import decrypt, encrypt

__all__ = ["blind_index", "blind_indexes", "decrypt", "encrypt", "keyed_hash"]
