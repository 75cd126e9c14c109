"""Which answers open a case, and which cases share one open alert per rule and agency."""

import csv
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from survey import audit, case_triggers
from survey.ballots import storage
from survey.cases.deadlines import day_of
from survey.cases.queue import case_groups, open_cases
from survey.db import Base
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.features import answering
from tests.features.answering import WISH
from tests.opened import opened, opened_cases, the_case

COMMENTS = Path(__file__).parent / "data" / "comments_vi.csv"
LATER = NOW + timedelta(hours=3)


def open_alerts(session):
    """The open alerts, each with its open cases."""
    return case_groups(open_cases(session))


@pytest.mark.parametrize(
    ("overall", "comment", "contact", "reason"),
    [
        (1, None, None, "very_bad_rating"),
        (2, "Hơi chậm", None, "very_bad_rating"),
        (5, None, WISH, "call_back_wish"),
        (4, "phai dua phong bi moi nhan ho so", None, "grave_words"),
        (1, "Cán bộ dọa sẽ trả hồ sơ", WISH, "grave_words"),
        (3, "Bình thường, không bị ai vòi vĩnh", None, None),
        (5, None, None, None),
    ],
)
def test_what_needs_a_person_opens_a_case(transact, overall, comment, contact, reason):
    """A rating of 1 or 2, grave words or a wish to be called open a case for the gravest reason."""
    with transact() as session:
        case = answering.raise_case(session, contact=contact, overall=overall, comment=comment)
        assert (case.record.reason if case else None) == reason
        assert [card.rule for card in open_alerts(session)] == ([reason] if reason else [])


def test_the_word_list_finds_the_grave_comments(capsys):
    """The word list finds all comments of severity 3 (recall 1) with a precision of at least 0.75,
    no praise among them, and the test prints both figures.
    """
    with COMMENTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [row for row in rows if case_triggers.grave_topics(row["text"])]
    grave = [row for row in rows if row["severity"] == "3"]
    right = [row for row in found if row["severity"] == "3"]
    recall, precision = len(right) / len(grave), len(right) / len(found)
    with capsys.disabled():
        sys.stdout.write(
            f"\nword list {case_triggers.words_version()}: recall {recall:.2f} of "
            f"{len(grave)} grave, precision {precision:.2f} of {len(found)} found\n"
        )
    assert recall == 1
    assert precision >= 0.75
    assert not [row for row in found if row["topic"] == "praise"]


@pytest.mark.parametrize(
    ("comment", "topics"),
    [
        ("Hòa nhã, không phải lót tay", set()),
        ("Không ai đòi tiền tôi cả", set()),
        ("co nguoi doi tien, ko dua thi ngam ho so", {"money", "harassment"}),
        ("BỊ DOẠ NẠT ngay tại quầy", {"harassment"}),
        ("Tôi hơi lo vì chờ lâu", set()),
        ("Tra cứu tôi thấy rất nhanh", set()),
        ("Cán bộ cần được bồi dưỡng thêm nghiệp vụ", set()),
        ("nha toi co dat o xa", set()),
        ("Từ từ rồi cũng xong", set()),
        ("Xin giúp đỡ, tôi không biết kêu ai", {"help"}),
        ("They asked for money under the table", {"money"}),
        ("មន្ត្រីទារសំណូក", {"money"}),
    ],
)
def test_words_are_read_with_and_without_diacritics(comment, topics):
    """Missing diacritics match, wrong ones do not; negated and harmless phrases do not count."""
    assert case_triggers.grave_topics(comment) == topics


def test_an_answer_has_one_case_that_grows(transact):
    """Changes of an answer go to its one case, each once, and a better rating does not close it."""
    with transact() as session:
        case = answering.raise_case(session, overall=1)
        code, key = case.code, bytes.fromhex(case.record.ballot_key)
    for overall, comment, contact in (
        (4, None, None),
        (4, None, None),
        (4, "Bị vòi tiền", None),
        (4, "Bị vòi tiền", WISH),
        (4, "Bị vòi tiền", WISH),
    ):
        with transact() as session:
            found = storage.find(session, key)
            changed = case_triggers.Change(key, found.ballot.cell, found.answer, found.answer)
            if (found.answer.overall, found.answer.comment) != (overall, comment or ""):
                changed = answering.change(session, key, overall=overall, comment=comment)
            case_triggers.raise_for_answer(session, LATER, changed, contact)
    with transact() as session:
        case = the_case(session)
        assert (case.code, case.state, case.reason) == (code, "new", "grave_words")
        assert [(one.kind, one.text) for one in case.events] == [
            ("opened", ""),
            ("citizen_added", "Đổi mức đánh giá từ 1 thành 4."),
            ("citizen_added", "Bổ sung góp ý."),
            ("held", ""),
            ("citizen_added", "Xin được gọi lại."),
        ]
        (alert,) = open_alerts(session)
        assert (alert.rule, [one.code for one in alert.cases]) == ("grave_words", [code])


def test_cases_of_one_rule_and_agency_share_an_alert(transact):
    """Cases of one rule and agency share one open alert; those of another rule or agency do not."""
    with transact() as session:
        here, there = answering.agencies(session)[:2]
        first, second, third, fourth = (
            answering.raise_case(session, agency=here).code,
            answering.raise_case(session, agency=here, sector=answering.sectors(session)[1]).code,
            answering.raise_case(session, agency=there).code,
            answering.raise_case(session, agency=here, comment="bị đe dọa").code,
        )
        gathered = [{one.code for one in card.cases} for card in open_alerts(session)]
        assert gathered == [{fourth}, {first, second}, {third}]


def test_eight_answers_at_once_open_one_alert(app):
    """Eight concurrent bad answers open eight cases under one open alert."""
    gate = threading.Barrier(8)

    def one(_):
        gate.wait()
        with unit_of_work(app) as session:
            answering.raise_case(session, overall=1)

    with ThreadPoolExecutor(8) as people:
        list(people.map(one, range(8)))
    with unit_of_work(app) as session:
        (alert,) = open_alerts(session)
        assert len(alert.cases) == len({one.code for one in alert.cases}) == 8


def test_without_a_wish_nothing_leads_to_the_dossier(transact):
    """A case without a wish to be called holds no contact data, and its decrypted timeline and the
    audit log hold the day of the answer but no time.
    """
    with transact() as session:
        for _ in range(6):
            answering.raise_case(session, overall=1, comment="Quá tệ")
    with transact() as session:
        cases = opened_cases(session)
        events = [event for one in cases for event in one.events]
        assert {(one.contact_sealed, one.contact_index) for one in cases} == {(None, None)}
        assert list(audit.entries(session)) == []
        audit.append_waiting(session)
        assert len(list(audit.entries(session))) == 6
        timestamps = [*(one.opened_at for one in cases), *(one.at for one in events)]
        timestamps += [act.at for act in audit.entries(session)]
        assert set(timestamps) == {day_of(NOW)}
        # Both deadlines count from the next day, so they tell the day alone as well.
        assert len({(one.first_due_at, one.due_at) for one in cases}) == 1
        assert {one.number for one in events} == {1}
        assert "Quá tệ" not in {one.text for one in events}
        if session.get_bind().dialect.name == "sqlite":
            query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'case'"
            assert "WITHOUT ROWID" in session.scalars(text(query)).one()


def test_a_wish_seals_contact_onto_the_case_alone(transact):
    """Phone, name and dossier code of a wish to be called are stored encrypted on the case only,
    and are erased when the wish is withdrawn.
    """
    with transact() as session:
        case = answering.raise_case(session, contact=WISH, overall=3)
        assert case.contact == WISH
        assert opened(session, case).opened_at == NOW
        key = bytes.fromhex(opened(session, case).ballot_key)
    with transact() as session:
        dump = "".join(
            str([tuple(row) for row in session.execute(select(table))])
            for table in Base.metadata.sorted_tables
            if table.name not in {"agency", "agency_alias", "procedure"}
        )
        assert WISH.phone_e164[3:] not in dump
        assert "Văn An" not in dump
        assert WISH.dossier_code not in dump
        case_triggers.withdraw_contact(session, LATER, key)
    with transact() as session:
        case = the_case(session)
        assert case.contact_sealed is case.contact_index is None
        assert case.case.contact is None
