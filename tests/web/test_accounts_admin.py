"""Second factor, the administrator's pages, the table of roles, and the province's rules."""

import json
import re
from datetime import timedelta

import pyotp
import pytest

from survey import accounts, audit
from survey.models.organisation import Sector
from survey.models.province import Province, SpecialDay
from survey.models.staff import RoleName, Scope, scope_of
from survey.web.staff.permissions import PAGES
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.web.staff_accounts import PASSWORD, add_account, post, sign_in, signed_in

SECRET = re.compile(r"<code[^>]*>([A-Z2-7 ]{39})</code>")
RECOVERY = re.compile(r"<code>([0-9A-Z-]{14})</code>")
OPEN_ROOMS = ("sign_in.",)
NUMBERS = {
    "followup_percent": "10",
    "invite_delay_minutes": "60",
    "link_days": "10",
    "max_age_days": "20",
    "phone_gap_days": "0",
    "phone_week_cap": "3",
    "reminder_days": "0",
    "send_bias": "prefer_send",
    "intermediary_over": "5",
    "intermediary_days": "90",
    "full_percent": "25",
    "confidence_percent": "95",
    "verdict_from": "30",
}


@pytest.fixture
def strict(make_app):
    """An application that demands a second factor."""
    return make_app(REQUIRE_2FA="1")


def _set_up(app, role="analyst"):
    """Sign in for the first time and set up an authenticator app."""
    email, _ = add_account(app, role)
    client = app.test_client()
    sign_in(client, email)
    page = client.get("/staff/second-factor").text
    secret = SECRET.search(page)[1].replace(" ", "")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.partition("<main")[2])[1]
    code = pyotp.TOTP(secret).at(app.extensions["clock"]())
    done = client.post("/staff/second-factor", data={"csrf_token": token, "code": code})
    assert done.status_code == 200
    return client, email, secret, code, RECOVERY.findall(done.text)


def _code_page(app, email):
    client = app.test_client()
    assert sign_in(client, email).headers["Location"].startswith("/login/code")
    return client


def test_without_a_second_factor_nothing_else_opens(strict):
    """Where a second factor is demanded, a new account first sets it up."""
    email, _ = add_account(strict, "analyst")
    client = strict.test_client()
    sign_in(client, email)
    assert client.get("/staff/dashboard").headers["Location"] == "/staff/second-factor"
    wrong = post(client, "/staff/second-factor", code="000000")
    assert wrong.status_code == 400


def test_a_code_works_once(strict, clock):
    """The code that set the factor up, and any used after, opens nothing a second time."""
    client, email, secret, used, _ = _set_up(strict)
    assert client.get("/staff/dashboard").status_code == 200
    again = _code_page(strict, email)
    assert post(again, "/login/code", code=used).status_code == 401
    fresh = pyotp.TOTP(secret).at(clock() + timedelta(seconds=30))
    assert post(again, "/login/code", code=fresh).status_code == 303
    assert again.get("/staff/dashboard").status_code == 200
    third = _code_page(strict, email)
    assert post(third, "/login/code", code=fresh).status_code == 401
    assert third.get("/staff/dashboard").status_code == 302


def test_a_recovery_code_works_once(strict):
    """Ten recovery codes stand in for the phone, each once; none lies in clear in the database."""
    _, email, _, _, codes = _set_up(strict)
    assert len(set(codes)) == 10
    first = _code_page(strict, email)
    assert post(first, "/login/code", code=codes[3].lower()).status_code == 303
    second = _code_page(strict, email)
    assert post(second, "/login/code", code=codes[3]).status_code == 401
    with unit_of_work(strict) as session:
        staff = accounts.find(session, email)
        assert len(json.loads(staff.mf_recovery_codes)) == 9
        assert not any(code in staff.mf_recovery_codes for code in codes)


def test_wrong_codes_are_throttled(strict):
    """The eleventh wrong code within five minutes is refused, like a wrong password."""
    _, email, *_ = _set_up(strict)
    client = _code_page(strict, email)
    answers = [post(client, "/login/code", code="000000").status_code for _ in range(10)]
    assert answers == [401] * 10
    assert post(client, "/login/code", code="000000").status_code == 429
    assert sign_in(strict.test_client(), email).status_code == 429


def test_a_code_page_needs_a_fresh_right_password(strict, clock):
    """Nobody reaches the code page without a password proven within ten minutes."""
    assert strict.test_client().get("/login/code").headers["Location"] == "/login"
    _, email, *_ = _set_up(strict)
    client = _code_page(strict, email)
    clock.set(clock() + timedelta(minutes=10, seconds=1))
    assert client.get("/login/code").headers["Location"] == "/login"


def test_an_administrator_resets_password_and_lost_phone(strict):
    """A reset gives a one-time password, ends sessions and, if asked, forgets the second factor."""
    client, email, *_ = _set_up(strict)
    admin, *_ = _set_up(strict, "admin")
    with unit_of_work(strict) as session:
        staff_id = accounts.find(session, email).id
    page = f"/staff/accounts/{staff_id}"
    done = post(admin, f"{page}/reset", page=page, second_factor="yes")
    password = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", done.text)[0]
    assert client.get("/staff/dashboard").status_code == 302
    fresh = strict.test_client()
    assert sign_in(fresh, email, password).headers["Location"] == "/staff/"
    assert fresh.get("/staff/dashboard").headers["Location"] == "/staff/password"


def test_an_administrator_adds_changes_and_closes_accounts(app):
    """Accounts are made, narrowed and closed on pages; the last administrator cannot go."""
    admin = signed_in(app, "admin")
    form = {"email": "Lan@Tinh.vn", "role": "handler", "name": "Bà Lan", "sector": "land"}
    made = post(admin, "/staff/accounts/new", **form)
    assert made.status_code == 201
    again = post(admin, "/staff/accounts/new", **form)
    assert again.status_code == 400
    assert "đã có tài khoản" in again.text
    assert "Bà Lan" in admin.get("/staff/accounts").text
    with unit_of_work(app) as session:
        lan = accounts.find(session, "lan@tinh.vn").id
        own = accounts.find(session, "admin.tinh.moi@tinh.vn").id
    assert post(admin, f"/staff/accounts/{lan}", act="close").status_code == 303
    assert "Đã khóa" in admin.get("/staff/accounts").text
    for change in ({"act": "close"}, {"role": "leader"}):
        refused = post(admin, f"/staff/accounts/{own}", **change)
        assert refused.status_code == 400
        assert "quản trị cuối cùng" in refused.text
    assert post(admin, f"/staff/accounts/{lan}", act="open").status_code == 303
    assert admin.get("/staff/accounts/999").status_code == 404


def test_lists_of_names_follow_the_vietnamese_alphabet(app):
    """Đ stands behind D on every database, tones decide last, and departments come first."""
    page = signed_in(app, "admin").get("/staff/accounts/new").text
    names = re.findall(r"<option[^>]*>([^<]+)</option>", page)
    at = names.index
    assert at("Cư trú, căn cước") < at("Đất đai") < at("Đầu tư") < at("Giao thông vận tải")
    assert at("Lao động, người có công, bảo trợ xã hội") < at("Y tế")
    assert at("Sở Y tế") < at("UBND xã Cam An") < at("UBND xã Đại Lãnh") < at("UBND xã Vạn Ninh")


def test_a_closed_account_is_out_at_once(app):
    """Closing an account ends its sessions, and its password opens nothing any more."""
    client = signed_in(app, "analyst")
    with unit_of_work(app) as session:
        staff = accounts.find(session, "analyst.tinh.moi@tinh.vn")
        accounts.set_active(session, NOW, staff, active=False)
    assert client.get("/staff/password").status_code == 302
    assert sign_in(app.test_client(), "analyst.tinh.moi@tinh.vn").status_code == 401


def _staff_routes(app):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/staff"):
            values = {name: _example(rule, name) for name in rule.arguments}
            with app.test_request_context():
                yield rule, app.jinja_env.globals["url_for"](rule.endpoint, **values)


def _example(rule, name):
    return 999_999 if f"int:{name}>" in rule.rule else "khong-co"


def test_every_staff_page_declares_its_roles_and_keeps_them(sqlite_app):
    """Each staff route is in the table: other roles get 403, a stranger the sign-in page."""
    routes = list(_staff_routes(sqlite_app))
    assert {rule.endpoint for rule, _ in routes} <= set(PAGES)
    stranger = sqlite_app.test_client()
    people = {role: signed_in(sqlite_app, role) for role in RoleName}
    for rule, path in routes:
        if "GET" not in rule.methods:
            assert stranger.post(path).status_code == 401, path
            continue
        assert stranger.get(path).headers["Location"].startswith("/login"), path
        for role, client in people.items():
            status = client.get(path).status_code
            assert (status == 403) == (role not in PAGES[rule.endpoint]), (path, role, status)
            assert status < 500, (path, role)


def test_every_staff_form_needs_its_token(sqlite_app):
    """A POST without the page's own token is refused for every role that may open the page."""
    people = {role: signed_in(sqlite_app, role) for role in RoleName}
    posts = [(rule, path) for rule, path in _staff_routes(sqlite_app) if "POST" in rule.methods]
    assert posts
    for rule, path in posts:
        for role in PAGES[rule.endpoint]:
            assert people[role].post(path, data={"act": "close"}).status_code == 400, path
    assert sqlite_app.test_client().post("/login", data={"email": "a@b.vn"}).status_code == 400
    assert people["leader"].post("/logout").status_code == 400
    assert people["leader"].get("/staff/password").status_code == 200


def test_pages_that_are_not_there_answer_in_words(sqlite_app):
    """An unknown staff page is a 404 in Vietnamese for staff, and tells strangers nothing."""
    leader = signed_in(sqlite_app, "leader")
    missing = leader.get("/staff/khong-co")
    assert missing.status_code == 404
    assert "Không tìm thấy" in missing.text
    assert sqlite_app.test_client().get("/staff/khong-co").status_code == 302


def test_an_account_sees_its_agency_tree_and_sector(app):
    """The scope of an account is its agency with all below it, whatever their dates."""
    with unit_of_work(app) as session:
        add = accounts.add
        now = NOW
        head, _ = add(session, now, accounts.NewAccount("a@tinh.vn", RoleName.AGENCY_HEAD))
        assert scope_of(session, head) == Scope(frozenset(), None)
        hotline, _ = add(session, now, accounts.NewAccount("b@tinh.vn", RoleName.HANDLER))
        assert scope_of(session, hotline).holds(1, "land")
        wanted = accounts.NewAccount("c@tinh.vn", RoleName.HANDLER, "LOC-KH-D568", "land")
        narrow, _ = add(session, now, wanted)
        scope = scope_of(session, narrow)
        assert narrow.agency_id in scope.agency_ids
        assert scope.holds(narrow.agency_id, "land")
        assert not scope.holds(narrow.agency_id, "health")
        assert not scope.holds(-1, "land")


def test_the_provinces_rules_are_changed_and_recorded(app):
    """Delay, window, gap, sampling and special days are set on one page, each act audited."""
    admin = signed_in(app, "admin")
    page = "/staff/settings"
    times = {"window_start": "08:30", "window_end": "19:00"}
    assert post(admin, page, **NUMBERS, **times).status_code == 303
    bad = [
        {**NUMBERS, **times, "link_days": "0"},
        {**NUMBERS, **times, "send_bias": "maybe"},
        {**NUMBERS, **times, "full_percent": "١٠"},
        {**NUMBERS, **times, "full_percent": "000000000101"},
        {**NUMBERS, "window_start": "20:00", "window_end": "08:00"},
        {**NUMBERS, "window_start": "sáng", "window_end": "08:00"},
    ]
    for fields in bad:
        assert post(admin, page, **fields).status_code == 400
    with unit_of_work(app) as session:
        codes = [sector.code for sector in session.query(Sector)]
    shares = {f"sample_{code}": "50" for code in codes}
    assert post(admin, f"{page}/sampling", page=page, **shares).status_code == 303
    day = {"day": "2026-12-24", "kind": "extra_off", "note": "Quyết định 12"}
    assert post(admin, f"{page}/days", page=page, **day).status_code == 303
    assert post(admin, f"{page}/days", page=page, day="24/12", kind="x").status_code == 400
    assert "24/12/2026" in admin.get(page).text
    assert post(admin, f"{page}/days/2026-12-24/remove", page=page).status_code == 303
    with unit_of_work(app) as session:
        province = session.query(Province).one()
        assert (province.phone_gap_days, province.link_days) == (0, 10)
        assert (province.reminder_days, province.send_bias) == (0, "prefer_send")
        assert province.window_start.isoformat() == "08:30:00"
        assert {sector.sample_percent for sector in session.query(Sector)} == {50}
        assert session.query(SpecialDay).count() == 0
        acts = [act.action for act in audit.entries(session)]
        assert acts[-4:] == ["rules.change", "rules.sampling", "rules.day", "rules.day"]


def test_passwords_are_argon2id_of_the_stated_strength(sqlite_app):
    """A stored password is argon2id with 19 MiB, two passes and one lane."""
    email, _ = add_account(sqlite_app, "leader")
    with unit_of_work(sqlite_app) as session:
        stored = accounts.find(session, email).password
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored
