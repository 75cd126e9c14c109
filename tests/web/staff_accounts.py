"""Staff for tests: an account of any role with a known password, and signing in like a person."""

import re
from datetime import UTC, datetime
from functools import cache

from flask import Flask
from flask.testing import FlaskClient

from survey import accounts
from survey.models.staff import RoleName, Staff
from tests.conftest import unit_of_work

PASSWORD = "một câu dài dễ nhớ 27"
FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
MADE_AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


def add_account(app: Flask, role: str, agency: str = "", sector: str = "") -> tuple[str, str]:
    """Make an account that chose its password already; gives address and password."""
    email = f"{role}.{agency or 'tinh'}.{sector or 'moi'}@tinh.vn".lower()
    with unit_of_work(app) as session:
        wanted = accounts.NewAccount(email, RoleName(role), agency, sector)
        staff, _ = accounts.add(session, MADE_AT, wanted)
        staff.password, staff.one_time_until = _hashed(), None
    return email, PASSWORD


@cache
def _hashed() -> str:
    """The password as the table holds it: made once, since a hash is slow on purpose."""
    staff = Staff()
    accounts.set_password(staff, PASSWORD)
    return staff.password


def form_token(client: FlaskClient, path: str) -> str:
    """The hidden token of the first form on a page."""
    found = FORM_TOKEN.search(client.get(path).text)
    assert found, f"no form on {path}"
    return found[1]


def post(client: FlaskClient, path: str, page: str = "", **fields: str):
    """Send a form as the page that holds it would (`page` when the form stands elsewhere)."""
    return client.post(path, data={"csrf_token": form_token(client, page or path), **fields})


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD):
    """Fill in the sign-in form."""
    return post(client, "/login", email=email, password=password)


def signed_in(app: Flask, role: str, agency: str = "", sector: str = "") -> FlaskClient:
    """A browser where somebody of this role is signed in."""
    client = app.test_client()
    assert sign_in(client, *add_account(app, role, agency, sector)).status_code == 303
    return client
