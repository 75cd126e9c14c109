"""The chain of acts: whole, or its breach is seen; and what commands say of open work."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, inspect, select, text

from survey import audit, sealing
from survey.cases import steps
from survey.models.audit import AuditEntry
from survey.models.case import Case
from survey.privacy import rekeying
from tests.conftest import FIXED, run_command, unit_of_work
from tests.features import answering
from tests.features.answering import NOW, WISH

TABLE = "audit_entry"
NEW_KEY = "bmV3LWRhdGEta2V5LW9mLXRoZS10ZXN0cy0wMTIzNDU"
# Key id, nonce, one block of content, tag.
SEALED_LENGTH = 4 + 12 + 512 + 16


def work_on_two_cases(transact):
    """One case taken, one untouched; their codes."""
    with transact() as session:
        handler = answering.add_staff(session)
        first = answering.raise_case(session, contact=WISH, overall=1)
        second = answering.raise_case(session, comment="bị đe dọa")
        steps.take(session, handler, first, NOW)
        return first.code, second.code


def changed(session):
    """One bit of what an act says."""
    first = session.get(AuditEntry, 2)
    first.sealed = first.sealed[:40] + bytes([first.sealed[40] ^ 1]) + first.sealed[41:]


def cut_short(session):
    """An act of which little is left."""
    session.get(AuditEntry, 2).sealed = session.get(AuditEntry, 2).sealed[:6]


def of_a_strange_key(session):
    """An act that no key of ours has sealed."""
    session.get(AuditEntry, 2).sealed = b"\xff" * 528


def swapped(session):
    """Two acts in each other's place, hashes and all."""
    one, other = session.get(AuditEntry, 1), session.get(AuditEntry, 2)
    one.sealed, other.sealed = other.sealed, one.sealed
    one.hash, other.hash = other.hash, one.hash


def taken_out(session):
    """An act in the middle that is gone."""
    session.delete(session.get(AuditEntry, 2))


def closed_up(session):
    """The same, and what came after it moved up."""
    session.delete(session.get(AuditEntry, 2))
    session.flush()
    for number in (3, 4):
        session.get(AuditEntry, number).number = number - 1
        session.flush()


def slipped_in(session):
    """An act before the first."""
    first = session.get(AuditEntry, 1)
    session.add(AuditEntry(number=0, sealed=first.sealed, hash=first.hash))


def hashed_otherwise(session):
    """A hash that is not the act's."""
    session.get(AuditEntry, 2).hash = "0" * 64


def said_anew(session):
    """Other words, sealed with the right key at the right place."""
    words = sealing.unseal(session, audit.PLACE, "2", session.get(AuditEntry, 2).sealed)
    lie = words.replace("case.", "lie.")
    session.get(AuditEntry, 2).sealed = sealing.seal(session, audit.PLACE, "2", lie)


def test_the_chain_is_found_whole_and_broken(transact, runner):
    """`audit verify` says how many rows there are, and exits 1 once a row was changed."""
    work_on_two_cases(transact)
    before = runner("audit", "verify", "--json")
    assert before.code == 0
    assert before.json["ok"]
    assert before.json["rows"] >= 2
    with transact() as session:
        changed(session)
    after = runner("audit", "verify", "--json")
    assert after.code == 1
    assert after.json == {"rows": before.json["rows"], "ok": False}
    assert "ĐÃ BỊ SỬA" in runner("audit", "verify").out


@pytest.mark.parametrize(
    "tamper",
    [
        *(changed, cut_short, of_a_strange_key, swapped, taken_out, closed_up, slipped_in),
        *(hashed_otherwise, said_anew),
    ],
)
def test_every_way_of_tampering_is_seen(app, tamper):
    """Whatever is done to an act, its place or its hash, the chain is whole no more."""
    with unit_of_work(app) as session:
        write_acts(session)
        assert audit.verify(session) == (4, True)
        tamper(session)
        session.flush()
        assert not audit.verify(session)[1]


def write_acts(session):
    """An account, which is given back, and three acts after its making."""
    staff = answering.add_staff(session)
    audit.record(session, NOW, "case.taken", "case:PA7F3K2Q", staff_id=staff.id)
    audit.record(session, NOW, "case.replied", "case:PA7F3K2Q", staff_id=staff.id, detail={"a": 1})
    audit.record(session, NOW, "privacy.retention", "all", detail={"lý do": ["thời hạn"]})
    return staff


def test_acts_are_read_as_they_were_recorded(app):
    """All in order, or those of one action, one subject or one account."""
    with unit_of_work(app) as session:
        staff = write_acts(session)
        made, taken, replied, retention = audit.acts(session)
        assert [act.number for act in (made, taken, replied, retention)] == [1, 2, 3, 4]
        assert replied == audit.Act(3, NOW, staff.id, "case.replied", "case:PA7F3K2Q", {"a": 1})
        assert (retention.staff_id, retention.detail) == (None, {"lý do": ["thời hạn"]})
        assert list(audit.acts(session, action="case.taken")) == [taken]
        assert list(audit.acts(session, subject="case:PA7F3K2Q")) == [taken, replied]
        assert list(audit.acts(session, staff_id=staff.id, subject="all")) == []


def test_a_stolen_chain_tells_nothing(app):
    """No value of any row holds an action, a subject, an account or a time, nor does its length."""
    with unit_of_work(app) as session:
        staff = write_acts(session)
        names = {column["name"] for column in inspect(session.connection()).get_columns(TABLE)}
        assert names == {"number", "sealed", "hash"}
        rows = session.execute(text(f"SELECT sealed, hash FROM {TABLE}")).all()  # noqa: S608
        raw = b"".join(bytes(sealed) + digest.encode() for sealed, digest in rows)
        for told in ("case", "taken", "PA7F3K2Q", "staff", "privacy", NOW.isoformat()[:10]):
            assert told.encode() not in raw
        assert f'"staff_id":{staff.id}'.encode() not in raw
        assert {len(bytes(sealed)) for sealed, _ in rows} == {SEALED_LENGTH}


def test_equal_acts_leave_unequal_rows(app):
    """Nobody finds what was done by trying: the same chain written again has other hashes."""
    with unit_of_work(app) as session:
        audit.record(session, NOW, "case.taken", "case:PA7F3K2Q")
        first = audit.head(session)
        session.execute(delete(AuditEntry))
        audit.record(session, NOW, "case.taken", "case:PA7F3K2Q")
        assert audit.verify(session) == (1, True)
        assert audit.head(session) != first


def test_the_chain_stays_whole_while_keys_rotate(transact, make_app):
    """Before, during and after the change of keys, and once the old key is gone, hashes are kept;
    without a change, the chain of an old key that is gone counts as broken.
    """
    with transact() as session:
        write_acts(session)
        old = audit.head(session)
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    alone = make_app(DATA_KEY=NEW_KEY)
    with unit_of_work(alone) as session:
        assert audit.verify(session) == (4, False)
    with unit_of_work(both) as session:
        assert audit.verify(session) == (4, True)
        assert rekeying.rekey(session, NOW, {})[audit.PLACE] == 4
        assert audit.verify(session) == (5, True)
        assert rekeying.rekey(session, NOW, {})[audit.PLACE] == 0
    with unit_of_work(alone) as session:
        assert audit.verify(session) == (5, True)
        assert session.get(AuditEntry, 4).hash == old
        assert [act.action for act in audit.acts(session)][-1] == "privacy.rekey"


def test_a_missing_key_is_not_called_tampering(transact, make_app):
    """Where the key of a row is not there, `audit verify` fails and asks for the key first."""
    with transact() as session:
        audit.record(session, NOW, "case.taken", "case:PA000001")
    alone = make_app(DATA_KEY=NEW_KEY)
    said = run_command(alone, "audit", "verify")
    assert said.code == 1
    assert "DATA_KEYS_OLD" in said.out
    assert "ĐÃ BỊ SỬA" not in said.out


def test_commands_list_open_alerts_and_cases(transact, runner):
    """`cases list` and `alerts list` show what is open, soonest due first, and no contact data."""
    assert runner("cases", "list", "--json").json == []
    assert runner("alerts", "list", "--json").json == []
    assert "Không có" in runner("cases", "list").out
    first, second = work_on_two_cases(transact)
    later = (NOW + timedelta(days=30)).isoformat()
    listed = runner("cases", "list", "--json", "--now", later).json
    assert {one["code"] for one in listed} == {first, second}
    assert [one["due_at"] for one in listed] == sorted(one["due_at"] for one in listed)
    assert all(one["overdue"] for one in listed)
    assert {(one["code"], one["contact_wished"]) for one in listed} == {
        (first, True),
        (second, False),
    }
    cards = runner("alerts", "list", "--json").json
    assert {(card["rule"], *card["cases"]) for card in cards} == {
        ("call_back_wish", first),
        ("grave_words", second),
    }
    spoken = runner("cases", "list", "--now", later).out + runner("alerts", "list").out
    assert "QUÁ HẠN" in spoken
    assert "An" not in spoken.split()
    assert "905000111" not in spoken


def test_closed_work_is_listed_no_more(transact, runner):
    """Closed cases and their alerts leave the lists."""
    work_on_two_cases(transact)
    with transact() as session:
        handler = answering.add_staff(session)
        for case in session.scalars(select(Case)):
            steps.take(session, handler, case, NOW)
            steps.close(session, handler, case, answering.ENDING, NOW)
    assert runner("cases", "list", "--json").json == []
    assert runner("alerts", "list", "--json").json == []
