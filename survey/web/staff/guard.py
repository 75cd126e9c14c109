"""Access guard of the staff area: checks every request below /staff before its page.

Signed in, session not expired, CSRF token valid, own password chosen, second factor set up, role
allowed.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Flask, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import MethodNotAllowed, NotFound

from survey import clock
from survey.db import db
from survey.models.staff import Scope, Staff, scope_of
from survey.settings import Settings
from survey.web.staff.errors import STRANGERS_BYTES, refuse, typed
from survey.web.staff.permissions import PAGES, may_open

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# The time of the last request is stored at most this often.
SEEN_EVERY = timedelta(minutes=1)
OPEN_TO_BEGINNERS = ("staff.password", "sign_in.leave")

csrf = CSRFProtect()


def register(app: Flask) -> None:
    """Register the guard before every staff page."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # citizen pages need none; staff pages are checked here
        WTF_CSRF_TIME_LIMIT=None,  # a form is valid as long as its session
        WTF_CSRF_SSL_STRICT=False,  # the referrer is never sent across sites
    )
    csrf.init_app(app)
    app.before_request(check)


def current_staff() -> Staff:
    """The signed-in account; only for pages behind the guard."""
    return cast("Staff", current_user._get_current_object())  # noqa: SLF001 - werkzeug's way out of a proxy


def current_scope() -> Scope:
    """The scope of the signed-in account."""
    return scope_of(db.session(), current_staff())


def begin_session(staff: Staff) -> None:
    """Sign an account in on this browser, with a fresh session."""
    session.clear()
    now = int(clock.now().timestamp())
    session["began"] = session["seen"] = now
    login_user(staff, remember=False)


def end_session() -> None:
    """Delete this browser's session."""
    logout_user()
    session.clear()


def check() -> ResponseReturnValue | None:
    """None lets the request pass; otherwise the response: sign-in, forbidden, and the like."""
    if request.blueprint == "sign_in":
        request.max_content_length = STRANGERS_BYTES
        _check_form()
        return None
    if not _is_staff_path():
        return None
    if not current_user.is_authenticated or _is_too_old():
        return _ask_to_sign_in()
    if isinstance(request.routing_exception, NotFound | MethodNotAllowed):
        return refuse(request.routing_exception.code)
    _check_form()
    return _check_account() or _check_role()


def _is_staff_path() -> bool:
    return request.path == "/staff" or request.path.startswith("/staff/")


def _is_too_old() -> bool:
    """Whether the session has idled or lasted too long; updates its time of last use."""
    now = clock.now()
    began, seen = (datetime.fromtimestamp(session.get(name, 0), UTC) for name in ("began", "seen"))
    if now - began > LONGEST or now - seen > IDLE:
        return True
    if now - seen > SEEN_EVERY:
        session["seen"] = int(now.timestamp())
    return False


def _ask_to_sign_in() -> ResponseReturnValue:
    expired = current_user.is_authenticated
    if expired:
        end_session()
    if request.method not in {"GET", "HEAD"}:
        return refuse(401, kept=typed())
    target = request.full_path.rstrip("?")
    return redirect(url_for("sign_in.show", next=target, expired="1" if expired else None))


def _check_form() -> None:
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        csrf.protect()


def _check_account() -> ResponseReturnValue | None:
    """A new account first chooses a password and then, if required, sets up a second factor."""
    staff = current_staff()
    if request.endpoint in OPEN_TO_BEGINNERS:
        return None
    if staff.must_change_password:
        return redirect(url_for("staff.password"))
    settings = cast("Settings", current_app.extensions["settings"])
    if settings.require_2fa and not staff.totp_secret_sealed:
        return (
            None
            if request.endpoint == "staff.second_factor"
            else redirect(url_for("staff.second_factor"))
        )
    return None


def _check_role() -> ResponseReturnValue | None:
    if may_open(current_staff().role, request.endpoint or ""):
        return None
    return refuse(403, roles=sorted(PAGES.get(request.endpoint or "", ())))
