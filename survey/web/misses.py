"""Guessed links: who asks for many that do not exist is answered shortly for the rest of a minute.

A link that exists is never refused, whoever asks: hundreds of citizens may share one address. What
keeps links from being guessed is their length; this keeps guessing cheap for us, and counts it.
"""

import hmac
import secrets

import structlog

log = structlog.get_logger()

MISSES_A_MINUTE = 60
WINDOW_SECONDS = 60.0
# Twenty thousand digests are two megabytes; then the oldest is forgotten.
CALLERS_MOST = 20_000


class Misses:
    """Counts of one process for one minute; callers are digests under a key it never stores."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._since = 0.0
        self._counts: dict[bytes, int] = {}

    def are_too_many(self, caller: str, now: float) -> bool:
        """Count one more miss of this caller at `now` (seconds of any steady clock)."""
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
