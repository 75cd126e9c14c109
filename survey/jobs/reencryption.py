"""Re-encryption of all encrypted values in small transactions, so that nobody waits long."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from survey.crypto import keys
from survey.crypto.reencryption import reencrypt, values_to_read
from survey.crypto.sealed import all_sealed
from survey.db import db, transaction
from survey.jobs.queue import Taken, report_progress

KIND = "privacy.former_keys"


def pass_over_all(advance: Callable[[int], None]) -> tuple[int, int]:
    """Encrypt all values with the current keys; returns how many changed and how many are damaged.

    `advance` is called after each chunk with the number of values read in it.
    """
    moved = broken = 0
    for sealed in all_sealed():
        after = None
        while True:
            with transaction() as session:
                chunk = reencrypt(session, sealed, after)
            advance(chunk.seen)
            moved, broken, after = moved + chunk.moved, broken + chunk.broken, chunk.last
            if after is None:
                break
    return moved, broken


def end_former_keys(taken: Taken, now: datetime) -> dict[str, Any]:
    """Finish an incomplete re-encryption, and drop the former keys once nothing uses them."""
    if not keys.has_former_keys(db.session()):
        return {}
    total, seen = values_to_read(db.session()), 0

    def advance(more: int) -> None:
        nonlocal seen
        seen += more
        report_progress(taken, min(seen, total), total)

    moved, _ = pass_over_all(advance)
    if moved:  # some process may still encrypt with a former key: check again next night
        return {"moved": moved}
    with transaction() as session:
        return {"dropped": keys.drop_former(session, now)}
