"""Forms of staff: what is wrong stands beside its field, what was typed stays, and stays text."""

import io

import pytest
from sqlalchemy import select

from survey.models.staff import Staff
from tests.conftest import unit_of_work
from tests.web.staff_accounts import add_account, form_token, post, signed_in

NEW = "/staff/accounts/new"


@pytest.fixture
def admin(sqlite_app):
    return signed_in(sqlite_app, "admin")


def test_what_is_wrong_stands_beside_its_field(admin):
    """A refused field is marked, described by its sentence, and holds what was typed."""
    page = post(admin, NEW, email="không phải <địa chỉ>", role="leader", name="Bà Lan")
    assert page.status_code == 400
    (field,) = [line for line in page.text.split("<input") if 'name="email"' in line]
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="email-fault"' in field
    assert 'value="không phải &lt;địa chỉ&gt;"' in field
    assert 'id="email-fault"' in page.text
    assert 'value="Bà Lan"' in page.text
    assert "<địa chỉ>" not in page.text


def test_a_choice_that_is_not_offered_is_refused(sqlite_app, admin):
    """A role nobody offers makes no account, whatever else is right."""
    assert post(admin, NEW, email="lan@tinh.vn", role="emperor").status_code == 400
    with unit_of_work(sqlite_app) as session:
        assert session.scalars(select(Staff.email)).all() == ["admin.tinh.moi@tinh.vn"]


def test_a_file_is_no_text(admin):
    """A file where a form asks for words counts as nothing typed, not as a fault of ours."""
    token = form_token(admin, NEW)
    sent = {"csrf_token": token, "role": "leader", "email": (io.BytesIO(b"a@tinh.vn"), "a.txt")}
    page = admin.post(NEW, data=sent, content_type="multipart/form-data")
    assert page.status_code == 400
    assert "email-fault" in page.text


def test_all_wrong_rules_are_named_at_once(admin):
    """Each wrong number or time of the settings has its line, and nothing is stored."""
    rules = {"window_start": "sáng", "window_end": "19:00", "link_days": "0", "full_percent": "١٠"}
    page = post(admin, "/staff/settings", **rules)
    assert page.status_code == 400
    for name in ("window_start", "link_days", "full_percent", "verdict_from"):
        assert f'href="#{name}"' in page.text
    assert 'href="#window_end"' not in page.text
    assert 'value="١٠"' in page.text


def test_what_was_typed_comes_back_as_text(make_app):
    """Words of a person in a message of the page are never markup."""
    client = make_app(DEMO="1").test_client()
    post(client, "/demo/phone/reply", page="/demo/phone", text="<b>TG</b>")
    page = client.get("/demo/phone").text
    assert "“&lt;b&gt;TG&lt;/b&gt;”" in page
    assert "<b>TG</b>”" not in page


@pytest.mark.parametrize("target", ["//[evil", "/staff/\\evil", "http://[", "/staff/\tx"])
def test_signing_in_leads_nowhere_else(sqlite_app, target):
    """An address that no browser should follow leads to the first page instead."""
    client = sqlite_app.test_client()
    email, password = add_account(sqlite_app, "leader")
    done = post(client, "/login", email=email, password=password, next=target)
    assert done.location.rstrip("/") == "/staff"
