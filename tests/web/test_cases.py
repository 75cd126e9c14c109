"""The hotline's pages, used like a person uses them, without JavaScript."""

import re
import sqlite3
from html import unescape

import pytest
from sqlalchemy import delete, select

from survey.cases import steps
from survey.models.ballot import PooledBallot
from survey.models.case import Case
from survey.models.message import Message
from survey.models.staff import Staff
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.features import answering
from tests.features.answering import WISH
from tests.opened import put_case, the_case
from tests.web.case_pages import HIDDEN_FIELDS, LETTER, act, fields, open_case
from tests.web.staff_accounts import signed_in


def test_a_case_walks_from_the_queue_to_its_end(app):
    """Found in the queue, taken, previewed, replied by text and closed: all by forms alone."""
    code, _ = open_case(app, contact=WISH, overall=1, comment="Bị đe dọa")
    client = signed_in(app, "handler")
    queue = client.get("/staff/cases").text
    assert code in queue
    assert "Chưa giao" in queue
    assert "Bị đe dọa" in queue
    taken = act(client, code, "take")
    assert (taken.status_code, taken.location) == (303, f"/staff/cases/{code}")
    preview = unescape(act(client, code, "preview", reply=LETTER).text)
    assert re.search(r"\d+/160 · 1 tin · không dấu", preview)
    assert re.search(r"\d+/(70|134|201) · \d tin · có dấu", preview)
    assert f">{LETTER}</textarea>" in preview
    assert act(client, code, "reply", reply=LETTER, way="plain").status_code == 303
    shown = unescape(client.get(f"/staff/cases/{code}").text)
    assert LETTER in shown
    assert "chờ gửi" in shown
    # Replied: it waits for the citizen, and is resumed before it is closed or replied to again.
    closed = act(client, code, "close", close_reason="resolved", close_note="Đã gọi báo")
    assert closed.status_code == 303
    assert "Đã đóng" in client.get(f"/staff/cases/{code}").text
    assert code not in client.get("/staff/cases?view=mine").text
    assert code in client.get("/staff/cases?view=all").text
    with unit_of_work(app) as session:
        assert session.scalars(select(Message)).one().kind == "case_reply"


@pytest.mark.parametrize("contact", [WISH, None])
def test_who_answered_by_sms_is_offered_no_page(sqlite_app, contact):
    """Without a link there is no page to read on: the handler texts, or is told that none reads."""
    code, _ = open_case(sqlite_app, contact=contact, overall=1, mode="sms")
    client = signed_in(sqlite_app, "handler")
    act(client, code, "take")
    shown = unescape(client.get(f"/staff/cases/{code}").text)
    assert ("không có trang hay số nào" in shown) is (contact is None)
    assert ("Gửi SMS toàn văn (không dấu)" in shown) is (contact is not None)
    assert "trên trang" not in shown.lower()


def test_a_deadline_is_put_off_by_a_form(app):
    """The page offers one new deadline, asks why, and then says that it was used up."""
    code, _ = open_case(app, contact=WISH, overall=1)
    client = signed_in(app, "handler")
    act(client, code, "take")
    assert "Hẹn lại một lần, đến" in client.get(f"/staff/cases/{code}").text
    assert act(client, code, "postpone", postpone_words=" ").status_code == 400
    moved = act(client, code, "postpone", postpone_words="Chờ đơn vị xác minh")
    assert moved.status_code == 303
    shown = unescape(client.get(f"/staff/cases/{code}").text)
    assert "Chờ đơn vị xác minh" in shown
    assert "Đã hẹn lại một lần." in shown
    assert "postpone_words" not in shown


def test_an_outdated_form_shows_both_texts_and_loses_nothing(app):
    """409 with what was typed and what is new side by side; sending again then works."""
    code, _ = open_case(app, overall=1)
    client = signed_in(app, "handler")
    act(client, code, "take")
    held = fields(client, f"/staff/cases/{code}")
    act(client, code, "note", note="Ghi chú của ca trước")
    late = act(client, code, "reply", held, reply=LETTER, note="Nháp riêng", way="page")
    assert late.status_code == 409
    text = unescape(late.text)
    assert "đã thay đổi trong lúc" in text
    assert text.count("Ghi chú của ca trước") == 2
    assert text.count(LETTER) == 2
    assert ">Nháp riêng</textarea>" in text
    again = act(client, code, "reply", dict(HIDDEN_FIELDS.findall(text)), reply=LETTER, way="page")
    assert again.status_code == 303
    with unit_of_work(app) as session:
        assert the_case(session).reply == LETTER


def test_one_step_keeps_what_was_typed_for_another(app):
    """Saving a note answers with the reply still in its box, and a fault keeps all boxes."""
    code, _ = open_case(app, overall=1)
    client = signed_in(app, "handler")
    act(client, code, "take")
    saved = act(client, code, "note", note="Đã ghi", reply=LETTER)
    assert saved.status_code == 200
    assert f">{LETTER}</textarea>" in unescape(saved.text)
    assert ">Đã ghi</textarea>" not in unescape(saved.text)
    fault = act(client, code, "close", close_reason="resolved", reply=LETTER)
    assert fault.status_code == 409
    assert "Chưa có trả lời bằng văn bản" in fault.text
    assert f">{LETTER}</textarea>" in unescape(fault.text)
    assert act(client, code, "close").status_code == 400
    assert act(client, code, "reply", reply="x" * 4001).status_code == 400
    empty = unescape(act(client, code, "reply", reply=" ").text)
    assert "Chưa gửi được:</strong> Vui lòng nhập nội dung trả lời." in empty


def test_a_busy_database_hands_a_reply_back(sqlite_app):
    """Locked for ten seconds, the page is 503, says that nothing is saved, and holds the text."""
    code, _ = open_case(sqlite_app, overall=1)
    client = signed_in(sqlite_app, "handler")
    act(client, code, "take")
    held = fields(client, f"/staff/cases/{code}")
    url = sqlite_app.config["SQLALCHEMY_DATABASE_URI"]
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    page = act(client, code, "reply", held, reply=LETTER)
    other.execute("ROLLBACK")
    other.close()
    assert page.status_code == 503
    assert int(page.headers["Retry-After"]) > 0
    assert "Việc vừa làm chưa được lưu." in page.text
    assert f">\n{LETTER}</textarea>" in unescape(page.text)
    assert held["csrf_token"] not in page.text


def test_identity_shows_once_with_a_reason(app):
    """Masked on every page; a reason shows it in one answer only, another reason needs words."""
    code, _ = open_case(app, contact=WISH, overall=1)
    client = signed_in(app, "handler")
    page = client.get(f"/staff/cases/{code}").text
    assert "N•• V•• A••" in page
    assert act(client, code, "reveal", reveal_kind="other").status_code == 400
    seen = act(client, code, "reveal", reveal_kind="call_back", reply=LETTER)
    assert seen.status_code == 200
    assert "0905 000 111" in seen.text
    assert WISH.dossier_code in seen.text
    assert seen.headers["Cache-Control"] == "no-store"
    after = client.get(f"/staff/cases/{code}").text
    assert "Xem thông tin liên hệ" in after
    for page in (after, client.get("/staff/cases?view=all").text, client.get("/staff/alerts").text):
        for secret in ("0905 000 111", WISH.phone_e164, WISH.name, WISH.dossier_code):
            assert secret not in page


def test_heads_of_agencies_read_without_who_and_without_steps(app):
    """The accused agency's head reads and explains; who it was, and steps, are refused."""
    code, agency = open_case(app, contact=WISH, overall=1, comment="Gọi 0905000111, chờ cả buổi")
    head = signed_in(app, "agency_head", agency)
    page = head.get(f"/staff/cases/{code}").text
    assert "chờ cả buổi" in page
    for absent in ("0905000111", "N•• V••", "09••", "Nhận xử lý", "Hiện số", "Gửi trả lời"):
        assert absent not in page
    for step in ("take", "reveal", "reply", "close", "preview"):
        assert act(head, code, step, reveal_kind="call_back").status_code == 403
    assert act(head, code, "note", note="Đơn vị giải trình").status_code == 303
    assert "Đơn vị giải trình" in head.get(f"/staff/cases/{code}").text
    assert code in head.get("/staff/cases").text


@pytest.mark.parametrize("role", ["analyst", "leader", "admin"])
def test_other_roles_open_no_case(app, role):
    """Queue and cases are closed to who needs figures only, and alerts tell them of no case."""
    code, _ = open_case(app)
    client = signed_in(app, role)
    for path in ("/staff/cases", f"/staff/cases/{code}"):
        assert client.get(path).status_code == 403
    assert code not in client.get("/staff/alerts").text


def test_what_is_outside_of_the_scope_is_not_there(app):
    """A case of another agency is 404 to read and to act on, as an unknown code is."""
    code, agency = open_case(app)
    with unit_of_work(app) as session:
        other = next(one.code for one in answering.agencies(session) if one.code != agency)
    client = signed_in(app, "handler", other)
    assert code not in client.get("/staff/cases?view=all").text
    held = fields(client, "/staff/password")
    for wanted in (code, "PA000000"):
        assert client.get(f"/staff/cases/{wanted}").status_code == 404
        assert act(client, wanted, "take", {**held, "revision": "1"}).status_code == 404
    with unit_of_work(app) as session:
        assert the_case(session).state == "new"


def test_empty_and_long_queues(app):
    """An empty queue says why; a long one has pages; odd addresses are no fault."""
    client = signed_in(app, "handler")
    assert "Chưa có phản ánh nào." in client.get("/staff/cases").text
    assert "Không có cảnh báo nào" in client.get("/staff/alerts").text
    with unit_of_work(app) as session:
        for _ in range(27):
            answering.raise_case(session)
    first = client.get("/staff/cases").text
    assert "Trang 1/2 · 27 phản ánh" in first
    assert client.get("/staff/cases?view=all&page=2").text.count('class="queue-code') == 2
    for odd in ("?page=x", "?page=-3", "?page=99", "?view=nope"):
        assert client.get(f"/staff/cases{odd}").status_code == 200
    assert "27" in client.get("/staff/alerts").text


def test_a_damaged_case_is_named_on_the_queue(app):
    """The hotline reads which case does not open and whom to tell; its page is a sentence."""
    code, _ = open_case(app, overall=1)
    other, agency = open_case(app, overall=2)
    with unit_of_work(app) as session:
        one, two = session.scalars(select(Case).order_by(Case.code == code)).all()
        two.record_sealed = one.record_sealed
    client = signed_in(app, "handler")
    page = unescape(client.get("/staff/cases?view=all").text)
    assert f"1 phản ánh không mở được:</strong> {code}." in page
    assert f'href="/staff/cases/{other}"' in page
    assert code not in signed_in(app, "agency_head", agency).get("/staff/cases?view=all").text
    alone = client.get(f"/staff/cases/{code}")
    assert alone.status_code == 409
    assert f"không còn nguyên vẹn ({code})" in unescape(alone.text)


def test_a_disowned_answer_leaves_a_readable_case(app):
    """A case whose answer was taken back still opens, and says so."""
    code, _ = open_case(app, overall=1)
    with unit_of_work(app) as session:
        put_case(session, ballot_key=None)
        session.execute(delete(PooledBallot))
    client = signed_in(app, "handler")
    assert "Phiếu không còn" in client.get(f"/staff/cases/{code}").text
    assert code in client.get("/staff/cases").text


def test_a_case_of_a_colleague_is_taken_over_in_the_open(app):
    """Another handler may take over; the timeline names both."""
    code, _ = open_case(app, overall=1)
    with unit_of_work(app) as session:
        colleague = answering.add_staff(session)
        steps.take(session, colleague, the_case(session).case, NOW)
        name = colleague.name
    client = signed_in(app, "handler")
    assert "Nhận thay" in client.get(f"/staff/cases/{code}").text
    assert act(client, code, "reply", reply=LETTER).status_code == 409
    act(client, code, "take")
    page = client.get(f"/staff/cases/{code}").text
    assert name in page
    with unit_of_work(app) as session:
        owner = session.get(Staff, the_case(session).assignee_id)
        assert owner.name != name
