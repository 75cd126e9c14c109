"""Detection of forms sent faster than a person can read them.

The form itself holds the signed time at which it was shown, so that no row needs to store it.
"""

import hmac
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from survey.db import settings_of

# Nobody can read the question and answer it in less time.
TOO_FAST = timedelta(seconds=2)
_DIGEST = "sha256"
_MAC_LENGTH = 12


def shown_at(session: Session, token: str, now: datetime) -> str:
    """The signed time for the form of a link: hex milliseconds, a dot, truncated HMAC-SHA256."""
    instant = f"{int(now.timestamp() * 1000):x}"
    return f"{instant}.{_mac(session, token, instant)}"


def is_too_fast(session: Session, token: str, shown: str, now: datetime) -> bool:
    """Whether the form was sent within TOO_FAST; False if its time is missing or not signed."""
    instant, _, mac = shown.partition(".")
    if not instant or not hmac.compare_digest(mac.encode(), _mac(session, token, instant).encode()):
        return False
    return now - datetime.fromtimestamp(int(instant, 16) / 1000, UTC) < TOO_FAST


def _mac(session: Session, token: str, instant: str) -> str:
    key = settings_of(session).secret_key.encode()
    return hmac.digest(key, f"shown {token} {instant}".encode(), _DIGEST).hex()[:_MAC_LENGTH]
