"""The demo's role logins and phone, without a browser."""

import json
import re

import pytest
from sqlalchemy import select

from survey import demo
from survey.models.case import Case
from survey.models.staff import RoleName
from survey.period import Month
from tests import ballots
from tests.clocks import NOW
from tests.conftest import run_command, unit_of_work
from tests.web.staff_accounts import FORM_TOKEN, post, sign_in

LINK = re.compile(r'href="http://localhost(/s/[0-9A-Z]{12})"')


@pytest.fixture
def demo_app(make_app):
    """The application with DEMO=1 and reference data only."""
    return make_app(DEMO="1")


def _messages(app):
    path = app.extensions["settings"].sms.console_file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("path", ["/demo", "/demo/phone"])
def test_there_is_no_demo_outside_a_demo(sqlite_app, path):
    """Without DEMO=1 role logins and phone are pages that do not exist."""
    assert sqlite_app.test_client().get(path).status_code == 404


def test_no_role_login_outside_a_demo(sqlite_app):
    """Without DEMO=1 nobody is signed in by a role login, and no dossier is invented."""
    client = sqlite_app.test_client()
    assert client.post("/demo/enter/admin").status_code == 404
    assert client.post("/demo/dossier").status_code == 404
    assert client.get("/staff/dashboard").status_code == 302


def test_a_role_login_needs_a_form_of_ours(demo_app):
    """A form on somebody else's page cannot sign anybody in."""
    assert demo_app.test_client().post("/demo/enter/handler").status_code == 400


@pytest.mark.parametrize("role", [role.value for role in RoleName])
def test_every_role_signs_in(demo_app, role):
    """One press signs the visitor in with that role, under the yellow bar."""
    client = demo_app.test_client()
    entered = post(client, f"/demo/enter/{role}", page="/demo")
    assert entered.status_code == 303
    page = client.get(entered.location, follow_redirects=True)
    assert page.status_code == 200
    assert "DỮ LIỆU GIẢ LẬP" in page.text
    assert demo.ROLE_LOGINS[RoleName(role)].name in page.text


def test_the_shown_passwords_are_right(demo_app):
    """Whoever prefers to sign in by hand can, with what the page of role logins shows."""
    client = demo_app.test_client()
    assert post(client, "/demo/enter/leader", page="/demo").status_code == 303
    shown = demo_app.test_client().get("/demo").text
    password = re.search(r"lanh-dao@.*?<code>([^<]+)</code>", shown, re.DOTALL)[1]
    other = demo_app.test_client()
    assert sign_in(other, "lanh-dao@langnghe.example", password).status_code == 303


def test_shown_passwords_open_nothing_outside_a_demo(demo_app, make_app):
    """A database that once was a demo's and now serves people has no role login left."""
    client = demo_app.test_client()
    assert post(client, "/demo/enter/admin", page="/demo").status_code == 303
    shown = demo_app.test_client().get("/demo").text
    password = re.search(r"quan-tri@.*?<code>([^<]+)</code>", shown, re.DOTALL)[1]
    real = make_app(DEMO="1", SMS_PROVIDER="kannel")
    for app, status in ((demo_app, 303), (make_app(), 401), (real, 401)):
        stranger = app.test_client()
        assert sign_in(stranger, "quan-tri@langnghe.example", password).status_code == status


def test_an_unknown_role_is_no_page(demo_app):
    """A role that does not exist is a page that does not exist."""
    assert post(demo_app.test_client(), "/demo/enter/king", page="/demo").status_code == 404


def test_the_phone_gets_a_message_as_often_as_one_likes(demo_app):
    """Each press finishes a dossier and sends its message at once, at any hour, again and again."""
    client = demo_app.test_client()
    assert "Chưa có tin nhắn" in client.get("/demo/phone").text
    for count in range(1, 4):
        page = client.post(
            "/demo/dossier",
            data={"csrf_token": FORM_TOKEN.search(client.get("/demo").text)[1]},
            follow_redirects=True,
        )
        links = LINK.findall(page.text)
        assert len(set(links)) == count
    assert [sms["to"] for sms in _messages(demo_app)] == [demo.PHONE] * 3
    newest = _messages(demo_app)[-1]["text"]
    assert links[0] in newest
    assert client.get(links[0]).status_code == 200


def test_a_phone_that_said_stop_can_walk_again(demo_app):
    """Whoever tried "no more messages" gets the next demo dossier's message all the same."""
    client = demo_app.test_client()
    assert post(client, "/demo/dossier", page="/demo").status_code == 303
    link = LINK.findall(client.get("/demo/phone").text)[0]
    assert client.post(f"{link}/stop").status_code == 303
    assert post(client, "/demo/dossier", page="/demo").status_code == 303
    assert len(_messages(demo_app)) == 2


def test_the_phone_can_reply(demo_app):
    """A text from the phone is understood and answered at once; an empty one is not sent."""
    client = demo_app.test_client()
    sent = {"page": "/demo/phone"}
    assert post(client, "/demo/phone/reply", text="TG", **sent).status_code == 303
    assert len(_messages(demo_app)) == 1
    assert post(client, "/demo/phone/reply", text="Từ chối", **sent).status_code == 303
    assert post(client, "/demo/phone/reply", text="  ", **sent).status_code == 303
    assert "Chưa viết gì" in client.get("/demo/phone").text
    assert [sms["to"] for sms in _messages(demo_app)] == [demo.PHONE] * 2


def test_a_phone_without_internet_answers_by_text(demo_app):
    """The other phone is asked for a reply, rates with its code, says why and asks for a call."""
    client = demo_app.test_client()
    page = "/demo/phone?kind=text"

    def write(text):
        assert post(client, "/demo/phone/reply", page=page, kind="text", text=text).location == page
        return _messages(demo_app)[-1]

    made = post(client, "/demo/dossier", page=page, kind="text")
    assert made.location == page
    (invitation,) = _messages(demo_app)
    code = re.search(r"kem ma (\w{4}) gui 8099", invitation["text"])[1]
    assert code in client.get(page).text
    assert code not in client.get("/demo/phone").text
    assert "GOI" in write(f"2 {code}")["text"]
    assert write("phải đi lại nhiều lần")["text"] == _messages(demo_app)[1]["text"]
    assert "se goi truoc" in write("GOI")["text"]
    with unit_of_work(demo_app) as session:
        (found,) = ballots.all_found(session).values()
        assert found.ballot.mode == "sms"
        assert found.answer.comment == "phải đi lại nhiều lần"
        assert session.scalars(select(Case.contact_index)).one() is not None


def test_invented_dossiers_stand_in_the_ledger(demo_app):
    """What the button makes went the road of real dossiers: ledger and counts agree."""
    client = demo_app.test_client()
    for _ in range(2):
        assert post(client, "/demo/dossier", page="/demo").status_code == 303
    month = Month.at(NOW)
    checked = run_command(demo_app, "coverage", "verify", "--period", month, "--json")
    assert checked.json["invited"] == 2
    assert run_command(demo_app, "index", "rebuild", "--check").code == 0


def test_a_real_provider_switches_the_button_off(make_app):
    """A demo that sends through a real provider has no role logins and no button, and says why."""
    app = make_app(DEMO="1", SMS_PROVIDER="kannel")
    client = app.test_client()
    page = client.get("/demo").text
    assert "SMS_PROVIDER không phải console" in page
    assert 'action="/demo/dossier"' not in page
    assert "/demo/enter/" not in page
    assert "@langnghe.example" not in page
    assert post(client, "/demo/dossier", page="/login").status_code == 409
    refused = post(client, "/demo/phone/reply", page="/login", text="TG")
    assert refused.status_code == 409
