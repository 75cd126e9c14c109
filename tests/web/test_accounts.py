"""Signing in and out, passwords, wrong tries, and how long a session lasts."""

import re
from datetime import timedelta

import pytest

from survey import accounts, audit
from survey.models.staff import RoleName
from tests.clocks import NOW
from tests.conftest import run_command, unit_of_work
from tests.web.staff_accounts import (
    MADE_AT,
    PASSWORD,
    add_account,
    form_token,
    post,
    sign_in,
    signed_in,
)


def test_a_right_password_opens_the_staff_area_and_a_wrong_one_does_not(app):
    """Staff sign in by address and password; anything else gets one neutral sentence."""
    email, password = add_account(app, "analyst")
    client = app.test_client()
    wrong = sign_in(client, email, "không phải mật khẩu")
    unknown = sign_in(client, "ai.do@tinh.vn", password)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert "chưa đúng" in wrong.text
    right = sign_in(client, email.upper(), password)
    assert right.status_code == 303
    assert client.get("/staff/password").status_code == 200


def test_eleventh_wrong_try_is_refused_even_with_the_right_password(app):
    """After ten wrong tries within five minutes an account, known or not, answers 429."""
    email, password = add_account(app, "leader")
    client = app.test_client()
    form = {"csrf_token": form_token(client, "/login"), "password": "sai"}
    for name in (email, "khong.co@tinh.vn"):
        answers = [
            client.post(
                "/login",
                data={**form, "email": name},
                headers={"X-Forwarded-For": f"203.0.113.{n}"},
            ).status_code
            for n in range(11)
        ]
        assert answers == [401] * 10 + [429]
    assert sign_in(client, email, password).status_code == 429


def test_an_address_that_tries_many_names_is_refused(app):
    """Ten wrong tries from one address close it for every name, and another address stays open."""
    email, password = add_account(app, "leader")
    client = app.test_client()
    for n in range(10):
        assert sign_in(client, f"nguoi{n}@tinh.vn", "sai").status_code == 401
    refused = sign_in(client, email, password)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "300")
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    token = form_token(client, "/login")
    form = {"csrf_token": token, "email": email, "password": password}
    assert client.post("/login", data=form, headers=elsewhere).status_code == 303


def test_a_one_time_password_must_be_replaced_first(app, runner):
    """What `staff add` prints opens one page only: the one to choose an own password."""
    made = runner("staff", "add", "Moi@Tinh.vn", "--role", "analyst", "--json").json
    assert made["email"] == "moi@tinh.vn"
    client = app.test_client()
    assert sign_in(client, **made).status_code == 303
    assert client.get("/staff/").headers["Location"] == "/staff/password"
    fields = {"old_password": made["password"], "new_password_again": "bốn con bò vàng"}
    assert post(client, "/staff/password", new_password="ngắn", **fields).status_code == 400
    done = post(client, "/staff/password", new_password="bốn con bò vàng", **fields)
    assert done.status_code == 303
    assert client.get("/staff/password").status_code == 200
    again = app.test_client()
    assert sign_in(again, **made).status_code == 401
    assert sign_in(again, made["email"], "bốn con bò vàng").status_code == 303


@pytest.mark.parametrize("early", [False, True])
def test_a_one_time_password_ends_after_three_days(app, clock, early):
    """After 72 hours a one-time password opens nothing; page and list say so, a new one works."""
    with unit_of_work(app) as session:
        wanted = accounts.NewAccount("lan@tinh.vn", RoleName.ANALYST)
        staff, password = accounts.add(session, NOW, wanted)
        page = f"/staff/accounts/{staff.id}"
    clock.set(NOW + (timedelta(hours=71) if early else timedelta(hours=72)))
    admin = signed_in(app, "admin")
    first = sign_in(app.test_client(), "lan@tinh.vn", password)
    listed = admin.get("/staff/accounts").text
    assert (first.status_code == 303) is early
    assert ("đã hết hạn" in first.text) is not early
    assert ("Mật khẩu dùng một lần đã hết hạn" in listed) is not early
    given = post(admin, f"{page}/reset", page=page).text
    assert "có hiệu lực đến" in given
    fresh = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", given)[0]
    assert sign_in(app.test_client(), "lan@tinh.vn", fresh).status_code == 303


def test_an_ended_one_time_password_is_told_to_its_owner_only(sqlite_app):
    """Whoever has not the password itself learns nothing about the account."""
    with unit_of_work(sqlite_app) as session:
        wanted = accounts.NewAccount("lan@tinh.vn", RoleName.ANALYST)
        accounts.add(session, MADE_AT - timedelta(days=9), wanted)
    answer = sign_in(sqlite_app.test_client(), "lan@tinh.vn", "không phải mật khẩu")
    assert answer.status_code == 401
    assert "hết hạn" not in answer.text


@pytest.mark.parametrize(
    "new", ["ngắn thôi", "aaaaaaaaaaaaaaa", "analyst.tinh.moi 2026", PASSWORD, "x" * 201]
)
def test_weak_passwords_are_refused_with_a_sentence(sqlite_app, new):
    """Short, monotonous, reused, overlong passwords and those with the own name are refused."""
    client = signed_in(sqlite_app, "analyst")
    fields = {"old_password": PASSWORD, "new_password": new, "new_password_again": new}
    answer = post(client, "/staff/password", **fields)
    assert answer.status_code == 400
    assert "Mật khẩu mới" in answer.text
    assert sign_in(sqlite_app.test_client(), "analyst.tinh.moi@tinh.vn").status_code == 303


def test_a_short_name_does_not_spoil_a_password(sqlite_app):
    """Who is called an@… may use words that hold these letters."""
    with unit_of_work(sqlite_app) as session:
        wanted = accounts.NewAccount("an@tinh.vn", RoleName.ANALYST)
        _, password = accounts.add(session, NOW, wanted)
    client = sqlite_app.test_client()
    sign_in(client, "an@tinh.vn", password)
    new = dict.fromkeys(("new_password", "new_password_again"), "trời xanh mây trắng")
    assert post(client, "/staff/password", old_password=password, **new).status_code == 303


def test_sessions_end_with_password_role_and_sign_out(app):
    """A copied cookie is worthless after a change of password or rights, and after signing out."""
    admin = signed_in(app, "admin")
    email, _ = add_account(app, "analyst")
    with unit_of_work(app) as session:
        staff_id = accounts.find(session, email).id
    first, second = app.test_client(), app.test_client()
    for client in (first, second):
        sign_in(client, email)
    assert first.get("/staff/password").status_code == 200
    page = f"/staff/accounts/{staff_id}"
    assert post(admin, page, role="leader", name="Bà Lan").status_code == 303
    assert first.get("/staff/password").headers["Location"].startswith("/login")
    sign_in(first, email)
    sign_in(second, email)
    changed = {"old_password": PASSWORD, "new_password": "trời xanh mây trắng"}
    post(first, "/staff/password", new_password_again="trời xanh mây trắng", **changed)
    assert first.get("/staff/password").status_code == 200
    assert second.get("/staff/password").status_code == 302
    sign_in(second, email, "trời xanh mây trắng")
    assert post(first, "/logout", page="/staff/password").status_code == 303
    assert second.get("/staff/password").status_code == 302


@pytest.mark.parametrize("minutes", [(29, 60), (*range(25, 720, 25), 721)])
def test_a_session_ends_after_half_an_hour_idle_or_half_a_day(sqlite_app, clock, minutes):
    """Thirty idle minutes or twelve hours in all end a session, and the page says so."""
    client = signed_in(sqlite_app, "leader")
    *within, after = [NOW + timedelta(minutes=number) for number in minutes]
    for instant in within:
        clock.set(instant)
        assert client.get("/staff/password").status_code == 200
    clock.set(after)
    answer = client.get("/staff/password")
    assert answer.status_code == 302
    assert "expired=1" in answer.headers["Location"]
    assert client.get("/staff/password").status_code == 302


def test_a_form_sent_after_the_session_ended_keeps_its_text(sqlite_app):
    """Nobody loses a long reply to an ended session: it is shown again, passwords are not."""
    client = sqlite_app.test_client()
    form = {"reply": "Chúng tôi đã xác minh <b>và</b> xin trả lời.", "old_password": "bí mật" * 9}
    answer = client.post("/staff/password", data=form)
    assert answer.status_code == 401
    assert "xác minh &lt;b&gt;và&lt;/b&gt; xin" in answer.text
    assert "bí mật" not in answer.text


def test_who_may_be_sent_where_after_signing_in(sqlite_app):
    """Only a page of the staff area may follow the sign-in."""
    email, password = add_account(sqlite_app, "leader")
    for target, follows in {
        "/staff/password": "/staff/password",
        "https://example.com/staff/": "/staff/",
        "//example.com/staff/x": "/staff/",
        "///staff/x": "/staff/",
        "/staff/\\example.com": "/staff/",
        "/staff/x\r\nSet-Cookie: a=b": "/staff/",
        "/s/ABCDEFGHJKMN": "/staff/",
    }.items():
        client = sqlite_app.test_client()
        token = form_token(client, "/login")
        form = {"csrf_token": token, "email": email, "password": password, "next": target}
        assert client.post("/login", data=form).headers["Location"] in {follows, "/staff"}


def test_accounts_leave_traces_in_the_audit_chain(app, runner):
    """Adding, wrong and right sign-ins and resets are recorded, without addresses or passwords."""
    email, _ = add_account(app, "handler")
    client = app.test_client()
    sign_in(client, email, "sai")
    sign_in(client, email)
    assert runner("staff", "reset", email, "--json").json["email"] == email
    with unit_of_work(app) as session:
        rows = list(audit.entries(session))
        acts = [row.action for row in rows]
        assert acts == ["staff.add", "staff.sign_in_failed", "staff.sign_in", "staff.reset"]
        assert not any(email in f"{row.subject}{row.detail}" for row in rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["khong-phai-thu", "--role", "admin"], "Thư điện tử chưa đúng"),
        (["a\x01b@tinh.vn", "--role", "admin"], "Thư điện tử chưa đúng"),
        (["a@tinh.vn", "--role", "handler", "--agency", "KHONG-CO"], "KHONG-CO"),
        (["a@tinh.vn", "--role", "handler", "--sector", "khong-co"], "khong-co"),
        (["leader.tinh.moi@tinh.vn", "--role", "admin"], "đã có tài khoản"),
    ],
)
def test_staff_add_refuses_with_a_sentence(sqlite_app, words, sentence):
    """A wrong address, agency or sector and a second account are refused with exit code 2."""
    add_account(sqlite_app, "leader")
    ran = run_command(sqlite_app, "staff", "add", *words)
    assert ran.code == 2
    assert sentence in ran.err


def test_a_cookie_is_secure_where_the_site_is(make_app):
    """Behind https the cookie is Secure, HttpOnly and SameSite, and no page is stored."""
    secure = make_app(PUBLIC_URL="https://danhgia.tinh.vn")
    answer = secure.test_client().get("/login", base_url="https://danhgia.tinh.vn")
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax"))
    assert answer.headers["Cache-Control"] == "no-store"
