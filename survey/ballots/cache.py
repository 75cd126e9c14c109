"""An LRU cache of decrypted values in memory: decryption is the main cost of reading ballots."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

from survey.crypto.keys import NONCE_BYTES

Opened = TypeVar("Opened")


class Cache(Generic[Opened]):
    """A thread-safe LRU cache of at most `most` decrypted values.

    The key is the row and the nonce of its ciphertext. Each write draws a new nonce, so a value
    that has changed is never read from the cache.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._opened: OrderedDict[tuple[object, bytes], Opened] = OrderedDict()
        self._lock = Lock()

    def get(self, row: object, sealed: bytes) -> Opened | None:
        """The cached value of a row's ciphertext, or None."""
        name = row, sealed[:NONCE_BYTES]
        with self._lock:
            found = self._opened.get(name)
            if found is not None:
                self._opened.move_to_end(name)
            return found

    def add(self, row: object, sealed: bytes, opened: Opened) -> None:
        """Cache the decrypted value of a row's ciphertext."""
        with self._lock:
            self._opened[row, sealed[:NONCE_BYTES]] = opened
            while len(self._opened) > self._most:
                self._opened.popitem(last=False)
