"""The hotline's inbox, used as a person uses it, without JavaScript."""

import re
from html import unescape

from sqlalchemy import select

from survey.models.message import Message
from tests.conftest import unit_of_work
from tests.features.test_inbox import ASKED, text
from tests.web.staff_accounts import signed_in

HIDDEN_FIELDS = re.compile(r'name="(csrf_token|text)" value="([^"]*)"')
ROOM = "/staff/inbox"
LETTER = "Hồ sơ của Ông/Bà đã có kết quả."


def test_a_text_is_read_answered_and_gone(app):
    """Found in the list, shown masked, revealed once, priced, answered: all by forms alone."""
    with unit_of_work(app) as session:
        text(session, 7, ASKED)
    client = signed_in(app, "handler")
    listed = client.get(ROOM).text
    assert "09••••007" in listed
    assert "0905 111 222" not in listed
    path = re.search(rf"{ROOM}/\w+", listed)[0]
    page = client.get(path).text
    assert "056123456789" not in page
    held = dict(HIDDEN_FIELDS.findall(page))
    shown = client.post(f"{path}/reveal", data={**held, "reveal_kind": "call_back"}).text
    assert "0900 000 007" in shown
    assert ASKED in shown
    assert "0900 000 007" not in client.get(path).text
    priced = unescape(client.post(f"{path}/preview", data={**held, "reply": LETTER}).text)
    assert re.search(r"\d+/160 · 1 tin", priced)
    assert re.search(r"\d+/70 · 1 tin", priced)
    assert f">{LETTER}</textarea>" in priced
    empty = client.post(f"{path}/answer", data={**held, "reply": " "})
    assert empty.status_code == 400
    done = client.post(f"{path}/answer", data={**held, "reply": LETTER, "way": "plain"})
    assert done.status_code == 303
    assert "Không còn tin nào chờ" in client.get(ROOM).text
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/done", data=held).status_code == 409
    with unit_of_work(app) as session:
        assert session.scalars(select(Message.kind)).all() == ["dialogue"]
