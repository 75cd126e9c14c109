"""A pass over every encrypted value: some rows a transaction, so that nobody waits long."""

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
    """Encrypt with the keys in force what is not yet; how many values moved, and how many are
    damaged. `advance` gets how many values were seen since.
    """
    moved = broken = 0
    for sealed in all_sealed():
        after = None
        while True:
            with transaction() as session:
                chunk = reencrypt(session, sealed, after)
            moved, broken, after = moved + chunk.moved, broken + chunk.broken, chunk.last
            if after is None:
                break
            advance(chunk.seen)
    return moved, broken


def end_former_keys(taken: Taken, now: datetime) -> dict[str, Any]:
    """Finish a full re-encryption that was stopped or ran beside others, and drop the former keys
    once nothing needs them.
    """
    if not keys.has_former(db.session()):
        return {}
    total, seen = values_to_read(db.session()), 0

    def advance(more: int) -> None:
        nonlocal seen
        seen += more
        report_progress(taken, min(seen, total), total)

    moved, _ = pass_over_all(advance)
    if moved:  # somebody still encrypted with a former key: another night finds nothing
        return {"moved": moved}
    with transaction() as session:
        return {"dropped": keys.drop_former(session, now)}
