"""Decrypted values are cached in memory: decrypting is the main cost of reading ballots."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

from survey.crypto.keys import NONCE_BYTES

Opened = TypeVar("Opened")


class Cache(Generic[Opened]):
    """The `most` values opened last, by their row and nonce: every change draws another nonce."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._opened: OrderedDict[tuple[object, bytes], Opened] = OrderedDict()
        self._lock = Lock()

    def get(self, row: object, sealed: bytes) -> Opened | None:
        """What a ciphertext of a row holds, if it was opened before."""
        name = row, sealed[:NONCE_BYTES]
        with self._lock:
            found = self._opened.get(name)
            if found is not None:
                self._opened.move_to_end(name)
            return found

    def add(self, row: object, sealed: bytes, opened: Opened) -> None:
        """Cache the decrypted value of a ciphertext of a row."""
        with self._lock:
            self._opened[row, sealed[:NONCE_BYTES]] = opened
            while len(self._opened) > self._most:
                self._opened.popitem(last=False)
