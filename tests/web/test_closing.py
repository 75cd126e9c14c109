"""The hotline closes cases and opens them again, by forms alone."""

import re
from datetime import timedelta
from html import unescape

from sqlalchemy import select

from survey import audit
from survey.cases import archiving
from survey.models.message import Message
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.features.answering import WISH
from tests.opened import the_case
from tests.web.case_pages import LETTER, act, open_case
from tests.web.staff_accounts import signed_in


def boxes(page):
    """What the boxes for words to the citizen hold on a page, by reason."""
    found = re.findall(r'name="close_text_(\w+)"[^>]*>([^<]*)</textarea>', page)
    return {reason: unescape(words) for reason, words in found}


def test_a_case_is_closed_with_the_words_that_stand_ready(app):
    """Each reason brings a sentence for the citizen, to be sent as it is or worded otherwise; what
    was emptied is asked for again, and a transfer asks to whom.
    """
    code, _ = open_case(app, overall=1)
    client = signed_in(app, "handler")
    act(client, code, "take")
    ready = boxes(client.get(f"/staff/cases/{code}").text)
    assert set(ready) == {"transferred", "unreachable", "not_a_complaint"}
    assert len(set(ready.values())) == 3
    words = {f"close_text_{reason}": said for reason, said in ready.items()}
    emptied = {**words, "close_text_unreachable": " "}
    refused = act(client, code, "close", close_reason="unreachable", **emptied)
    assert refused.status_code == 400
    assert "lời thông báo kết quả cho người dân" in unescape(refused.text)
    assert boxes(refused.text)["unreachable"] == " "
    nameless = act(client, code, "close", close_reason="transferred", **words)
    assert nameless.status_code == 400
    assert "tên cơ quan nhận phản ánh" in unescape(nameless.text)
    to = {"close_reason": "transferred", "close_receiver": "Thanh tra tỉnh"}
    assert act(client, code, "close", **to, **words).status_code == 303
    shown = unescape(client.get(f"/staff/cases/{code}").text)
    assert f"Chuyển cơ quan có thẩm quyền: Thanh tra tỉnh.\n{ready['transferred']}" in shown
    assert "Không trả lời" in shown


def test_words_for_the_end_wait_while_another_step_is_taken(app):
    """What was reworded stays in its box when a note is saved; untouched sentences hold nothing
    up, and after a reply the two other reasons are offered too.
    """
    code, _ = open_case(app, overall=1)
    client = signed_in(app, "handler")
    act(client, code, "take")
    ready = boxes(client.get(f"/staff/cases/{code}").text)
    words = {f"close_text_{one}": said for one, said in ready.items()}
    assert act(client, code, "note", note="Đã ghi", **words).status_code == 303
    reworded = {**words, "close_text_transferred": "Đã chuyển thanh tra."}
    saved = act(client, code, "note", note="Đã ghi", **reworded)
    assert saved.status_code == 200
    assert boxes(saved.text)["transferred"] == "Đã chuyển thanh tra."
    act(client, code, "reply", reply=LETTER)
    assert set(boxes(client.get(f"/staff/cases/{code}").text)) == {
        *("resolved", "explained", "transferred", "unreachable", "not_a_complaint")
    }


def test_the_end_of_a_case_is_texted_by_choice(app):
    """Who wished a call gets the words by SMS too unless the handler chooses the page alone."""
    client = signed_in(app, "handler")
    for way, number in (("plain", 1), ("page", 1), ("notice", 1)):
        code, _ = open_case(app, contact=WISH, overall=1)
        act(client, code, "take")
        assert 'name="close_way" value="plain" checked' in client.get(f"/staff/cases/{code}").text
        done = act(
            client, code, "close", close_reason="unreachable", close_way=way,
            close_text_unreachable="Chúng tôi gọi chưa gặp Ông/Bà.",
        )  # fmt: skip
        assert done.status_code == 303
        with unit_of_work(app) as session:
            assert len(session.scalars(select(Message)).all()) == number


def test_a_citizen_who_calls_has_the_case_opened_again(app):
    """Who was told by text to call the hotline has the same one second look, on the record."""
    code, _ = open_case(app, contact=WISH, overall=1, mode="sms")
    client = signed_in(app, "handler")
    act(client, code, "take")
    assert "Mở lại theo đề nghị" not in client.get(f"/staff/cases/{code}").text
    assert act(client, code, "reopen").status_code == 409
    act(client, code, "reply", reply=LETTER, way="notice")
    act(client, code, "close", close_reason="explained")
    assert "Mở lại theo đề nghị" in client.get(f"/staff/cases/{code}").text
    assert act(client, code, "reopen").status_code == 303
    shown = unescape(client.get(f"/staff/cases/{code}").text)
    assert "Người dân gọi tổng đài đề nghị." in shown
    assert "Mở lại theo đề nghị" not in shown
    assert act(client, code, "reopen").status_code == 409
    assert code in client.get("/staff/cases?view=reopened").text
    with unit_of_work(app) as session:
        case = the_case(session)
        assert (case.state, case.assignee_id) == ("reopened", None)
        assert case.is_reopened
        # The reply and the new deadline, both by text.
        assert [one.kind for one in session.scalars(select(Message))] == ["case_reply"] * 2
        assert [act.action for act in audit.entries(session)][-1] == "case.reopened"


def test_cases_closed_long_ago_stand_under_their_month(app):
    """From the list of all cases one finds those of earlier months; odd months are no fault."""
    code, _ = open_case(app, overall=1)
    client = signed_in(app, "handler")
    assert "các tháng trước" not in client.get("/staff/cases?view=all").text
    assert "Không có phản ánh nào đã đóng từ trước." in client.get("/staff/cases/archived").text
    act(client, code, "take")
    act(client, code, "close", close_reason="unreachable", close_text_unreachable=LETTER)
    with unit_of_work(app) as session:
        assert archiving.archive_due(session, NOW + timedelta(days=140)) == 1
    page = client.get("/staff/cases?view=all").text
    assert code not in page
    assert 'href="/staff/cases/archived"' in page
    for odd in ("", "?month=2026-11", "?month=x", "?month=2020-01", "?page=9"):
        shown = client.get(f"/staff/cases/archived{odd}").text
        assert f'href="/staff/cases/{code}"' in shown
        assert "tháng 11/2026" in shown
    assert client.get(f"/staff/cases/{code}").status_code == 200
