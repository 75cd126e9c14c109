"""The room of texts, used as a person uses it, without JavaScript."""

import re
from html import unescape

from sqlalchemy import select

from survey import audit
from survey.models.message import Message
from survey.models.text_version import TextVersion
from tests.conftest import unit_of_work
from tests.web.staff_accounts import form_token, signed_in

ROOM = "/staff/texts"
PAGE = f"{ROOM}/invitation"
GOOD = "{đơn vị}: hồ sơ {4 số cuối} đã xong. Mời Ông/Bà đánh giá: {đường dẫn}"


def said(answer):
    """The words of a page, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.text)).split())


def send(client, path, **fields):
    """Press a button of the editor."""
    return client.post(path, data={"csrf_token": form_token(client, PAGE), **fields})


def test_a_text_walks_from_draft_to_use(app):
    """Looked at, saved, sent to the carrier, approved: only then the list says it is in use."""
    clerk = signed_in(app, "admin")
    assert "Mẫu có sẵn" in said(clerk.get(PAGE))
    looked = send(clerk, f"{PAGE}/look", words=GOOD, form="plain")
    assert re.search(r"Không dấu \d+/160 · 1 tin GSM-7", said(looked))
    assert re.search(r"Có dấu \d+/134 · 2 tin UCS-2", said(looked))
    with unit_of_work(app) as session:
        assert session.scalars(select(TextVersion)).all() == []
    assert send(clerk, PAGE, words=GOOD, form="plain").status_code == 303
    assert "Bản 1: bản nháp" in said(clerk.get(ROOM))
    with unit_of_work(app) as session:
        version_id = session.scalars(select(TextVersion.id)).one()
    step = f"{PAGE}/versions/{version_id}"
    for wrong in ("approved", "no_such_state"):
        assert send(clerk, step, state=wrong).status_code == 409
    assert send(clerk, step, state="submitted").status_code == 303
    assert send(clerk, step, state="approved", note="Viettel, số 118").status_code == 303
    assert "Bản 1 của tỉnh" in said(clerk.get(ROOM))
    assert "Nhà mạng: Viettel, số 118" in said(clerk.get(PAGE))
    with unit_of_work(app) as session:
        acts = [act.action for act in audit.entries(session, subject="text:invitation/1")]
        assert acts == ["text.draft", "text.submitted", "text.approved"]


def test_a_faulty_text_is_shown_with_its_faults_and_not_kept(app):
    """Refused signs are underlined, each fault has a sentence, and what was typed stays."""
    clerk = signed_in(app, "analyst")
    words = GOOD + " & bit.ly/abc"
    refused = send(clerk, PAGE, words=words, form="plain")
    assert refused.status_code == 400
    assert '<u class="refused">&amp;</u>' in refused.text
    assert "Chỉ được dẫn đến trang của tỉnh" in said(refused)
    assert f">{words}</textarea>" in unescape(refused.text)
    assert send(clerk, PAGE, words=GOOD).status_code == 400
    assert clerk.get(f"{ROOM}/no_such").status_code == 404
    assert send(clerk, f"{ROOM}/no_such", words=GOOD, form="plain").status_code == 404
    with unit_of_work(app) as session:
        assert session.scalars(select(TextVersion)).all() == []


def test_a_text_is_tried_on_a_phone_of_ones_own(app):
    """The chosen version is queued for a mobile; another number is refused with a sentence."""
    clerk = signed_in(app, "analyst")
    wrong = send(clerk, f"{PAGE}/test", phone="1900 1234", version="0")
    assert wrong.status_code == 400
    assert "Số điện thoại chưa đúng" in said(wrong)
    assert send(clerk, f"{PAGE}/test", phone="0912 345 678", version="0").status_code == 303
    assert send(clerk, f"{PAGE}/test", phone="0912 345 678", version="7").status_code == 404
    assert send(clerk, f"{PAGE}/test", phone="0912 345 678", version="abc").status_code == 400
    with unit_of_work(app) as session:
        message = session.scalars(select(Message)).one()
        assert (message.kind, message.segments, message.invitation_id) == ("test", 1, None)


def test_a_draft_is_tried_on_a_phone_before_the_carrier_sees_it(app):
    """A saved version leaves as written, though the shipped text is the one in use."""
    clerk = signed_in(app, "analyst")
    for words in (GOOD, GOOD.replace("Mời Ông/Bà", "Kính mời Ông/Bà")):
        assert send(clerk, PAGE, words=words, form="plain").status_code == 303
    assert send(clerk, f"{PAGE}/test", phone="0912 345 678", version="1").status_code == 303
    with unit_of_work(app) as session:
        body = session.scalars(select(Message)).one().body
        assert " da xong. Moi Ong/Ba danh gia: " in str(body)
