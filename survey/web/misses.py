"""Rate limiter for guessed links: clients with many misses get a short 429 page for a minute.

An existing link is never refused, because hundreds of citizens may share one address. The length of
tokens prevents guessing; this only makes guesses cheap to answer, and logs a warning.
"""

import hmac
import secrets

import structlog

log = structlog.get_logger()

MISSES_A_MINUTE = 60
WINDOW_SECONDS = 60.0
# Twenty thousand digests take two megabytes; beyond that the oldest is dropped.
CALLERS_MOST = 20_000


class Misses:
    """Misses of one process in one minute, by HMAC of the client address; the key is not stored."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._since = 0.0
        self._counts: dict[bytes, int] = {}

    def are_too_many(self, caller: str, now: float) -> bool:
        """Count one more miss of this client at `now` (seconds of a monotonic clock)."""
        if now - self._since >= WINDOW_SECONDS:
            self._since = now
            self._counts.clear()
        digest = hmac.digest(self._key, caller.encode(), "sha256")
        if digest not in self._counts and len(self._counts) >= CALLERS_MOST:
            del self._counts[next(iter(self._counts))]
        count = self._counts[digest] = self._counts.get(digest, 0) + 1
        if count == MISSES_A_MINUTE + 1:
            log.warning("links_guessed", misses=MISSES_A_MINUTE, within_seconds=WINDOW_SECONDS)
        return count > MISSES_A_MINUTE
