"""A closed month can be proven from the answers, and no tampering goes unseen."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from survey import answers, audit, indices
from survey.answers import Submission
from survey.db import table_of
from survey.models.audit import AuditEntry
from survey.models.invitation import CoverageEntry
from survey.models.response import Answer, Response, seal_closing
from survey.models.snapshot import Snapshot
from tests.conftest import Ran
from tests.features import report_data
from tests.seeding import Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
MONTH = "2026-05"
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
    """Takes a unit of work back."""


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
    """One citizen's form."""
    with transact() as session:
        answers.submit(session, token, Submission(**said), at)


def recompute(runner: Runner) -> Ran:
    """`index recompute` of the month's snapshot."""
    return runner("index", "recompute", "--snapshot", "1", "--json")


def test_later_changes_of_citizens_break_nothing(
    transact: Transact, runner: Runner, tokens: dict[int, str]
) -> None:
    """After the closing citizens answer, change and disown, and more dossiers come in: the closed
    figures come out of the answers byte for byte, and counts still equal the answers.
    """
    first = recompute(runner)
    assert (first.code, first.json["ok"], first.json["differences"]) == (0, True, [])
    say(transact, tokens[12], AFTER, overall=5)
    say(transact, tokens[1], AFTER, overall=5)
    say(transact, tokens[2], AFTER, overall=1)
    with transact() as session:
        for number in (2, 5):
            answers.disown(session, tokens[number], AFTER)
        finish(session, [Wanted(99, finished_at=PEOPLE[0].finished_at)], now=AFTER)
    again = recompute(runner)
    assert (again.code, again.out) == (0, first.out)
    assert runner("index", "rebuild", "--check").code == 0
    with transact() as session:
        (whole,) = indices.show(session, MONTH, "overall", AFTER, revised=True)
        assert (whole.finished, whole.rated) == (13, 12)


def edited(session: Session, response: str) -> None:
    session.execute(update(Answer).where(Answer.response_id == response).values(overall=5))


def edited_early(session: Session, response: str) -> None:
    """The version before the last: no count shows it."""
    first = (Answer.response_id == response, Answer.version == 1)
    session.execute(update(Answer).where(*first).values(overall=5))


def deleted(session: Session, response: str) -> None:
    last = (Answer.response_id == response, Answer.version == 2)
    session.execute(delete(Answer).where(*last))


def slipped_in(session: Session, response: str) -> None:
    """A later version that says the same again."""
    row = {"response_id": response, "version": 3, "overall": 1, "reasons": ""}
    row["closing_sealed"] = seal_closing(session, response, 3, 0)
    session.execute(insert(table_of(Answer)), row)


def dated_later(session: Session, response: str) -> None:
    last = (Answer.response_id == response, Answer.version == 2)
    session.execute(
        update(Answer).where(*last).values(closing_sealed=seal_closing(session, response, 2, 1))
    )


def moved(session: Session, response: str) -> None:
    chosen = update(Response).where(Response.id == response)
    session.execute(chosen.values(lateness="on_time"))


def left_out(session: Session, response: str) -> None:
    """A dossier vanishes from the ledger: nobody answered about it."""
    never_asked = select(func.min(CoverageEntry.dossier_id)).scalar_subquery()
    chosen = update(CoverageEntry).where(CoverageEntry.dossier_id == never_asked)
    session.execute(chosen.values(month="2026-04"))


def restated(session: Session, response: str) -> None:
    """The figures and their digest changed together."""
    snapshot = session.scalars(select(Snapshot)).one()
    payload = indices.payload_of(session, snapshot)
    payload["figures"]["overall"][0]["index"] = 0.99
    snapshot.keep(session, report_data.canonical(payload))
    session.flush()


def unreadable(session: Session, response: str) -> None:
    """An act of the audit chain that opens no more, so that nothing says what was closed."""
    session.execute(update(AuditEntry).values(sealed=b"\x00" * 32))


def test_tampering_breaks_the_proof(
    transact: Transact, runner: Runner, tokens: dict[int, str]
) -> None:
    """An edited, deleted, slipped-in, re-dated or moved version, a dossier taken out of the ledger,
    a rewritten snapshot and an unreadable chain are each found, and the command ends with 1.
    """
    with transact() as session:
        chosen = session.scalars(select(Answer).where(Answer.version == 2)).all()
        response = next(one.response_id for one in chosen if one.comment is None)
    for tamper in (
        *(edited, edited_early, deleted, slipped_in, dated_later, moved, left_out, restated),
        unreadable,
    ):
        with suppress(Undone), transact() as session:
            tamper(session, response)
            found = indices.recompute(session, 1)
            assert not found.ok, tamper.__name__
            assert found.differences, tamper.__name__
            raise Undone
    assert recompute(runner).code == 0
    with transact() as session:
        slipped_in(session, response)
    broken = recompute(runner)
    assert (broken.code, broken.json["ok"]) == (1, False)


def test_what_cannot_be_recomputed_is_refused(transact: Transact, runner: Runner) -> None:
    """An unknown snapshot, and one of an older formula: it has no inputs but stays readable."""
    assert "số 7" in runner("index", "recompute", "--snapshot", "7").err
    with transact() as session:
        old = report_data.store(session, report_data.payload()).id
    refused = runner("index", "recompute", "--snapshot", old)
    assert refused.code == 2
    assert "raw-share-wilson-fpc/1" in refused.err
    words = ("index", "show", "--period", report_data.MONTH, "--by", "sector", "--json")
    assert runner(*words, "--now", report_data.NOW.isoformat()).json[0]["index"] is not None


def test_a_closing_from_before_counts_were_kept_is_still_proven(
    transact: Transact, runner: Runner, tokens: dict[int, str]
) -> None:
    """A payload without the counts that comparisons need comes out byte for byte, as it was."""
    with transact() as session:
        snapshot = session.scalars(select(Snapshot)).one()
        payload = indices.payload_of(session, snapshot)
        assert payload.pop("counted")["cells"]
        snapshot.keep(session, report_data.canonical(payload))
        told = {"digest": snapshot.digest}
        audit.record(session, AFTER, "index.close", f"month:{MONTH}", detail=told)
    assert recompute(runner).json["ok"]
