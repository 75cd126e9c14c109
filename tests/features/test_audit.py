"""The audit log: its hash chains show every tampering, and commands list open alerts and cases."""

import ast
from datetime import timedelta

import pytest
from sqlalchemy import delete, inspect, select, text

from survey import audit
from survey.cases import steps
from survey.crypto.values import OVERHEAD
from survey.models.audit import AuditEntry, CitizenEntry
from survey.models.case import Case
from tests.clocks import NOW
from tests.conftest import FIXED, run_command, unit_of_work
from tests.features import answering
from tests.features.answering import WISH
from tests.features.attacks import LIMIT, strongest
from tests.house.source import python_files, tree

NEW_KEY = "bmV3LWRhdGEta2V5LW9mLXRoZS10ZXN0cy0wMTIzNDU"
# One block of content.
SEALED_LENGTH = 512 + OVERHEAD
BOTH = (AuditEntry, CitizenEntry)
OF_A_DAY = 100
ACTS = [
    ("case.taken", "case:PA7F3K2Q"),
    ("text.submitted", "text:invitation/1"),
    ("case.replied", "case:PA7F3K2Q"),
    ("report.approve", "month:2026-10"),
    ("privacy.retention", "all"),
]


def work_on_two_cases(transact):
    """Take one of two cases; return both codes."""
    with transact() as session:
        handler = answering.add_staff(session)
        first = answering.raise_case(session, contact=WISH, overall=1)
        second = answering.raise_case(session, comment="bị đe dọa")
        steps.take(session, handler, first, NOW)
        audit.append_waiting(session)
        return first.code, second.code


def changed(session, table):
    """Flip one bit of an entry's content."""
    second = session.get(table, 2)
    if table is CitizenEntry:
        sealed = second.entry_sealed
        second.entry_sealed = sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]
    else:
        second.subject += "1"


def cut_short(session, table):
    """Cut most of an entry's content off."""
    second = session.get(table, 2)
    if table is CitizenEntry:
        second.entry_sealed = second.entry_sealed[:6]
    else:
        second.detail = {}


def swapped(session, table):
    """Exchange two entries with their hashes."""
    one, other = session.get(table, 1), session.get(table, 2)
    for name in (column.name for column in table.__table__.columns if column.name != "number"):
        here, there = getattr(one, name), getattr(other, name)
        setattr(one, name, there)
        setattr(other, name, here)


def taken_out(session, table):
    """Remove an entry from the middle of a chain."""
    session.delete(session.get(table, 2))


def closed_up(session, table):
    """Remove an entry and renumber those after it."""
    session.delete(session.get(table, 2))
    session.flush()
    session.get(table, 3).number = 2


def slipped_in(session, table):
    """Insert an entry before the first."""
    first = session.get(table, 1)
    values = {column.name: getattr(first, column.name) for column in table.__table__.columns}
    session.add(table(**{**values, "number": 0}))


def hashed_otherwise(session, table):
    """Replace the hash of an entry."""
    session.get(table, 2).hash = "0" * 64


def said_anew(session, table):
    """Replace an entry by another one that is encrypted with the right key at the right place."""
    second = session.get(table, 2)
    if table is CitizenEntry:
        second.entry = {**second.entry, "action": "case.closed"}
    else:
        second.action = "text.approved"


def test_the_chain_is_found_whole_and_broken(transact, runner):
    """`audit verify` prints the number of rows, and exits 1 after a row was changed."""
    work_on_two_cases(transact)
    before = runner("audit", "verify", "--json")
    assert before.code == 0
    assert before.json["ok"]
    assert before.json["rows"] >= 2
    with transact() as session:
        changed(session, CitizenEntry)
    after = runner("audit", "verify", "--json")
    assert after.code == 1
    assert after.json == {"rows": before.json["rows"], "ok": False}
    assert "ĐÃ BỊ SỬA" in runner("audit", "verify").out


@pytest.mark.parametrize("table", BOTH)
@pytest.mark.parametrize(
    "tamper",
    [
        *(changed, cut_short, swapped, taken_out, closed_up, slipped_in),
        *(hashed_otherwise, said_anew),
    ],
)
def test_every_way_of_tampering_is_seen(app, tamper, table):
    """Verification fails after any change of an entry's content, place or hash in either chain."""
    with unit_of_work(app) as session:
        write_acts(session)
        assert audit.verify(session) == (6, True)
        tamper(session, table)
        session.flush()
        assert not audit.verify(session)[1]


def write_acts(session):
    """Create an account, which is returned, then write two staff entries that no citizen caused and
    three that a citizen caused.
    """
    staff = answering.add_staff(session)
    for step, (action, subject) in enumerate(ACTS, 1):
        at, detail = NOW + timedelta(minutes=step), {"lý do": ["thời hạn", step]}
        audit.append(session, at, action, subject, staff_id=staff.id, detail=detail)
    return staff


def test_acts_are_read_as_they_were_recorded(app):
    """Entries of both chains are read in order of time, filtered by action, subject or account."""
    with unit_of_work(app) as session:
        staff = write_acts(session)
        made, *others = audit.entries(session)
        assert made.action == "staff.add"
        assert [(entry.action, entry.subject) for entry in others] == ACTS
        replied = audit.Entry(
            NOW + timedelta(minutes=3),
            *(staff.id, "case.replied", "case:PA7F3K2Q"),
            {"lý do": ["thời hạn", 3]},
        )
        assert audit.entries(session, action="case.replied") == [replied]
        assert audit.entries(session, action="text.submitted") == [others[1]]
        assert audit.entries(session, subject="case:PA7F3K2Q") == [others[0], replied]
        assert audit.entries(session, staff_id=staff.id) == others
        assert audit.entries(session, staff_id=staff.id, subject="none") == []


def test_acts_of_staff_are_readable_without_a_key(app):
    """Entries that no citizen caused are in clear, so that auditors can read them by SQL."""
    with unit_of_work(app) as session:
        staff = write_acts(session)
        query = text("SELECT action, subject, staff_id, detail FROM audit_entry ORDER BY number")
        made, text_act, built = session.execute(query).all()
        assert (made.action, made.subject) == ("staff.add", f"staff:{staff.id}")
        assert (text_act.action, text_act.staff_id) == ("text.submitted", staff.id)
        assert "thời hạn" in str(built.detail)


def test_acts_that_a_citizen_caused_betray_nothing(app):
    """Rows of entries that a citizen caused reveal no action, subject, account or time, neither by
    a value nor by a length nor by their number.
    """
    with unit_of_work(app) as session:
        staff = write_acts(session)
        columns = inspect(session.connection()).get_columns("citizen_entry")
        assert {column["name"] for column in columns} == {"number", "entry_sealed", "hash"}
        rows = session.execute(text("SELECT number, entry_sealed, hash FROM citizen_entry")).all()
        raw = b"".join(bytes(row.entry_sealed) + row.hash.encode() for row in rows)
        for told in ("case", "taken", "PA7F3K2Q", "staff", "privacy", NOW.isoformat()[:10]):
            assert told.encode() not in raw
        assert f'"staff_id":{staff.id}'.encode() not in raw
        assert {len(bytes(row.entry_sealed)) for row in rows} == {SEALED_LENGTH}
        assert sorted(row.number for row in rows) == [1, 2, 3]


def test_acts_that_citizens_caused_lie_in_no_order(app):
    """What citizens caused in a day is appended in an order drawn at random."""
    with unit_of_work(app) as session:
        for place in range(OF_A_DAY):
            audit.append_later(session, NOW, "case.open", f"case:{place}", {})
        audit.append_waiting(session)
        entries = session.scalars(select(CitizenEntry)).all()
        order = {one.number: int(one.entry["subject"].removeprefix("case:")) for one in entries}
    assert sorted(order.values()) == list(range(OF_A_DAY))
    numbers = {"number": {number: number for number in order}}
    assert strongest(numbers, order).strength < LIMIT
    assert strongest(numbers, dict(zip(order, range(OF_A_DAY), strict=True))).strength > LIMIT


def test_equal_acts_leave_unequal_rows(app):
    """Equal entries have different hashes, so that guessing the content cannot confirm it."""
    with unit_of_work(app) as session:
        audit.append(session, NOW, "case.taken", "case:PA7F3K2Q")
        first = audit.head(session)
        session.execute(delete(CitizenEntry))
        audit.append(session, NOW, "case.taken", "case:PA7F3K2Q")
        assert audit.verify(session) == (1, True)
        assert audit.head(session) != first


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_the_chain_stays_whole_while_keys_rotate(transact, make_app, options):
    """All hashes verify before and after a key rotation and once the old key is gone."""
    with transact() as session:
        write_acts(session)
        old = audit.head(session)
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=FIXED["DATA_KEY"])
    with unit_of_work(both) as session:
        assert audit.verify(session) == (6, True)
        assert audit.head(session) == old
    assert run_command(both, "privacy", "rekey", *options).code == 0
    with unit_of_work(make_app(DATA_KEY=NEW_KEY)) as session:
        assert audit.verify(session) == (7, True)
        hashes = [session.get(table, 3).hash for table in BOTH]
        assert " ".join(hashes) == old


def test_every_kind_of_act_was_decided_about():
    """Every action in the product's source is listed as readable or as caused by a citizen."""
    calls = [
        node
        for path in python_files("survey")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"audit.append", "append"}
    ]
    actions = [ast.unparse(node.args[2]).strip("f'") for node in calls]
    named = [
        one for one in actions if "." in one and "(" not in one and not one.startswith("jobs.")
    ]
    assert len(named) > 20
    encrypted = (
        "case.",
        "inbox.",
        "control_alert.opened",
        "control_alert.closed",
        "privacy.retention",
    )
    encrypted += ("privacy.erase_phone",)
    undecided = [one for one in named if audit.is_readable(one) == one.startswith(encrypted)]
    assert not undecided


def test_commands_list_open_alerts_and_cases(transact, runner):
    """`cases list` and `alerts list` show what is open, soonest due first, without contact data."""
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
