"""A closed month is verified against the ballots, and every tampering is found."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from survey import answers, indices
from survey.answers import Submission
from survey.ballots import storage
from survey.ballots.contents import Ballot, counted_row, digest_of
from survey.models.audit import AuditEntry
from survey.models.ballot import CountedBallot, ballot_key
from survey.models.invitation import CoverageEntry
from survey.models.snapshot import Snapshot
from survey.period import Month
from tests import ballots
from tests.conftest import Ran
from tests.features import report_data
from tests.seeding import Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
MONTH = Month("2026-05")
ASKED = datetime(2026, 6, 10, 3, tzinfo=UTC)
CLOSING = "2026-06-15T08:00:00+07:00"
AFTER = datetime(2026, 6, 20, 3, tzinfo=UTC)
# Dossiers 1 … 11 are answered before the closing, 12 never; 3 and 4 were changed before it.
PEOPLE = [
    Wanted(
        number,
        procedure=("1.012784", "2.000815")[number % 2],
        channel=("counter", "online")[number % 3 == 0],
        finished_at=datetime(2026, 5, 31, 3, tzinfo=UTC),
    )
    for number in range(1, 13)
]


class Undone(Exception):
    """Rolls a unit of work back."""


@pytest.fixture
def tokens(transact: Transact, runner: Runner, environment: dict[str, str]) -> dict[int, str]:
    """Number of the dossier → token of its link; the month is closed."""
    with transact() as session:
        ask_everybody(session)
        finish(session, PEOPLE, now=ASKED)
    runner("messages", "send-due", "--now", ASKED.isoformat())
    sent = links(Path(environment["SMS_CONSOLE_FILE"]))
    found = {one.number: sent[one.mobile] for one in PEOPLE}
    for number in range(1, 12):
        say(transact, found[number], ASKED, overall=number % 5 + 1)
    say(transact, found[3], ASKED, overall=1)
    say(transact, found[4], ASKED, comment="Chờ lâu")
    assert runner("index", "close", "--period", MONTH, "--now", CLOSING).code == 0
    return found


def say(transact: Transact, token: str, at: datetime, **said: object) -> None:
    """Send one citizen's form."""
    with transact() as session:
        answers.submit(session, token, Submission(**said), at)


def recompute(runner: Runner) -> Ran:
    """The result of `index recompute` for the month's snapshot."""
    return runner("index", "recompute", "--snapshot", "1", "--json")


def test_later_changes_of_citizens_break_nothing(
    transact: Transact, runner: Runner, tokens: dict[int, str]
) -> None:
    """After later answers, changes, repudiations and dossiers, the closed figures are recomputed
    byte for byte from the ballots, before counting and after; a repudiated ballot still counts in
    them.
    """
    first = recompute(runner)
    assert (first.code, first.json["ok"], first.json["differences"]) == (0, True, [])
    say(transact, tokens[12], AFTER, overall=5)
    say(transact, tokens[1], AFTER, overall=5)
    say(transact, tokens[2], AFTER, overall=1)
    with transact() as session:
        for number in (2, 5):
            answers.repudiate(session, tokens[number], AFTER)
        finish(session, [Wanted(99, finished_at=PEOPLE[0].finished_at)], now=AFTER)
    for _ in range(2):
        again = recompute(runner)
        assert (again.code, again.out) == (0, first.out)
        assert runner("index", "rebuild", "--check").code == 0
        with transact() as session:
            (whole,) = indices.show(session, MONTH, "overall", AFTER, revised=True)
            assert (whole.finished, whole.rated) == (13, 12)
            # What 3 … 11, changed 1 and 3, and late 12 say, and 2 and 5 said before the closing.
            assert ballots.levels(session, MONTH) == {1: 3, 2: 2, 3: 2, 4: 1, 5: 4}
        runner("ballots", "count", "--now", AFTER.isoformat())


def rewrite(session: Session, ballot: Ballot) -> None:
    """Replace a stored ballot, as an attacker with the data key could."""
    row = update(CountedBallot).where(CountedBallot.key == ballot.key)
    session.execute(row.values(content_sealed=counted_row(session, ballot, "")["content_sealed"]))


def with_last(ballot: Ballot, **changes: object) -> Ballot:
    """The ballot with a changed last version."""
    *earlier, last = ballot.versions
    return replace(ballot, versions=(*earlier, replace(last, **changes)))


def edited(session: Session, ballot: Ballot) -> None:
    rewrite(session, with_last(ballot, ratings={"overall": 5}))


def edited_early(session: Session, ballot: Ballot) -> None:
    """Change the digest of the replaced versions, which no count shows."""
    rewrite(session, with_last(ballot, replaced=ballots.replaced(5)))


def other_reasons(session: Session, ballot: Ballot) -> None:
    rewrite(session, with_last(ballot, reasons=("officials",)))


def deleted(session: Session, ballot: Ballot) -> None:
    """Delete the last version, so that the one before it counts."""
    rewrite(session, with_last(ballot, ratings={"overall": 4}, replaced=""))


def taken_away(session: Session, ballot: Ballot) -> None:
    session.execute(delete(CountedBallot).where(CountedBallot.key == ballot.key))


def slipped_in(session: Session, ballot: Ballot) -> None:
    """Insert a further version with the same ratings."""
    rewrite(session, with_last(ballot, replaced=digest_of(ballot.versions[-1])))


def stuffed(session: Session, ballot: Ballot) -> None:
    """Add a ballot with the content of another one."""
    copy = replace(ballot, key=b"\x07" * 16)
    row = counted_row(session, copy, "")
    session.execute(insert(CountedBallot), row)


def dated_later(session: Session, ballot: Ballot) -> None:
    rewrite(session, with_last(ballot, closing=1))


def moved(session: Session, ballot: Ballot) -> None:
    rewrite(session, replace(ballot, cell=ballot.cell._replace(lateness="on_time")))


def left_out(session: Session, ballot: Ballot) -> None:
    """Move an unanswered dossier out of the month's ledger."""
    never_asked = select(func.min(CoverageEntry.dossier_id)).scalar_subquery()
    chosen = update(CoverageEntry).where(CoverageEntry.dossier_id == never_asked)
    session.execute(chosen.values(month=Month("2026-04")))


def restated(session: Session, ballot: Ballot) -> None:
    """Change a figure and its digest together."""
    snapshot = session.scalars(select(Snapshot)).one()
    payload = indices.payload_of(snapshot)
    payload["figures"]["overall"][0]["index"] = 0.99
    snapshot.store(report_data.canonical(payload), snapshot.published)
    session.flush()


def published_otherwise(session: Session, ballot: Ballot) -> None:
    """Change the public tables so that they differ from the payload."""
    snapshot = session.scalars(select(Snapshot)).one()
    snapshot.published = {**snapshot.published, "frame": {}}
    session.flush()


def unsaid(session: Session, ballot: Ballot) -> None:
    """Remove the closing from the audit log."""
    session.execute(update(AuditEntry).values(action="index.opened"))


def test_tampering_breaks_the_proof(
    transact: Transact, runner: Runner, tokens: dict[int, str]
) -> None:
    """An edited, deleted, inserted, added, re-dated or moved ballot, a missing dossier, a changed
    snapshot or public table and a changed audit log are each found, and the command exits 1.
    """
    with transact() as session:
        ballot = storage.find(session, ballot_key(session, tokens[3])).ballot
        assert ballot.versions[-1].replaced == ballots.replaced(4)
    for tamper in (
        *(edited, edited_early, other_reasons, deleted, taken_away, slipped_in, stuffed),
        *(dated_later, moved, left_out, restated, published_otherwise, unsaid),
    ):
        with suppress(Undone), transact() as session:
            tamper(session, ballot)
            found = indices.recompute(session, 1)
            assert not found.ok, tamper.__name__
            assert found.differences, tamper.__name__
            raise Undone
    assert recompute(runner).code == 0
    with transact() as session:
        slipped_in(session, ballot)
    broken = recompute(runner)
    assert (broken.code, broken.json["ok"]) == (1, False)


def test_what_cannot_be_recomputed_is_refused(runner: Runner) -> None:
    """An unknown snapshot is refused with a sentence that names it."""
    refused = runner("index", "recompute", "--snapshot", "7")
    assert (refused.code, "số 7" in refused.err) == (2, True)
