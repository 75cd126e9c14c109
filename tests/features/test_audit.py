"""The chain of acts: whole, or its breach is seen; and what commands say of open work."""

from datetime import timedelta

from sqlalchemy import select, text

from survey.cases import steps
from survey.models.case import Case, CloseReason
from tests.features import answering
from tests.features.answering import NOW, WISH


def work_on_two_cases(transact):
    """One case taken, one untouched; their codes."""
    with transact() as session:
        handler = answering.add_staff(session)
        first = answering.raise_case(session, contact=WISH, overall=1)
        second = answering.raise_case(session, comment="bị đe dọa")
        steps.take(session, handler, first, NOW)
        return first.code, second.code


def test_the_chain_is_found_whole_and_broken(transact, runner):
    """`audit verify` says how many rows there are, and exits 1 once a row was changed."""
    work_on_two_cases(transact)
    before = runner("audit", "verify", "--json")
    assert before.code == 0
    assert before.json["ok"]
    assert before.json["rows"] >= 2
    with transact() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for trigger in session.scalars(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).all():
                session.execute(text(f"DROP TRIGGER {trigger}"))
        session.execute(text("UPDATE audit_entry SET subject = 'case:PA000000' WHERE number = 1"))
    after = runner("audit", "verify", "--json")
    assert after.code == 1
    assert after.json == {"rows": before.json["rows"], "ok": False}
    assert "ĐÃ BỊ SỬA" in runner("audit", "verify").out


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
            steps.close(session, handler, case, (CloseReason.TRANSFERRED, ""), NOW)
    assert runner("cases", "list", "--json").json == []
    assert runner("alerts", "list", "--json").json == []
