"""Signing in and out: password, then the second factor where the account has one."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from survey import accounts, clock
from survey.db import db, transaction
from survey.models.staff import Staff
from survey.web import caller
from survey.web.staff.errors import refuse
from survey.web.staff.guard import begin_session, current_staff, end_session

blueprint = Blueprint("sign_in", __name__)

# How long a right password waits for its code.
CODE_WITHIN = timedelta(minutes=10)


@blueprint.get("/login")
def show() -> ResponseReturnValue:
    """The form; who is signed in already goes on."""
    if current_user.is_authenticated and "expired" not in request.args:
        return redirect(url_for("staff.home"))
    return _form()


@blueprint.post("/login")
def check() -> ResponseReturnValue:
    """Right password: in, or on to the code. Hashing is slow, so the transaction comes after."""
    now = clock.now()
    email, password = request.form.get("email", ""), request.form.get("password", "")
    if accounts.is_throttled(db.session(), now, email, caller.address()):
        return refuse(429)
    staff = accounts.prove(db.session(), email, password)
    if staff is None:
        with transaction() as unit:
            accounts.note_wrong_try(unit, now, email, caller.address())
        return _form(email, wrong=True), 401
    if accounts.is_overdue(staff, now):
        return _form(email, overdue=True), 403
    if staff.totp_secret_sealed:
        session.clear()
        session["proved"] = {"staff": staff.fs_uniquifier, "at": int(now.timestamp())}
        return redirect(url_for("sign_in.ask_code", next=_next()), 303)
    return _enter(staff, now)


@blueprint.get("/login/code")
def ask_code() -> ResponseReturnValue:
    """Ask for the code of the authenticator app."""
    if _proved(clock.now()) is None:
        return redirect(url_for("sign_in.show"))
    return render_template("staff/code.html", next=_next(), wrong=False)


@blueprint.post("/login/code")
def check_code() -> ResponseReturnValue:
    """Right code: in. A code works once, and wrong ones count like wrong passwords."""
    now = clock.now()
    proved = _proved(now)
    if proved is None:
        return redirect(url_for("sign_in.show"), 303)
    if accounts.is_throttled(db.session(), now, proved.email, caller.address()):
        return refuse(429)
    with transaction() as unit:
        staff = accounts.get(unit, proved.id)
        right = accounts.check_second_factor(unit, now, staff, request.form.get("code", "")[:40])
        if not right:
            accounts.note_wrong_try(unit, now, staff.email, caller.address())
    if not right:
        return render_template("staff/code.html", next=_next(), wrong=True), 401
    return _enter(staff, now)


@blueprint.post("/logout")
def leave() -> ResponseReturnValue:
    """Sign out on every device: whoever copied the cookie is out as well."""
    if current_user.is_authenticated:
        staff_id = current_staff().id
        with transaction() as unit:
            accounts.end_sessions(accounts.get(unit, staff_id))
    end_session()
    return redirect(url_for("sign_in.show"), 303)


def _enter(staff: Staff, now: datetime) -> ResponseReturnValue:
    with transaction() as unit:
        accounts.note_sign_in(unit, now, staff)
    begin_session(staff)
    return redirect(_next() or url_for("staff.home"), 303)


def _proved(now: datetime) -> Staff | None:
    """Whose password was right within the last minutes on this browser."""
    proved = session.get("proved")
    if not proved or now - datetime.fromtimestamp(proved["at"], UTC) > CODE_WITHIN:
        return None
    whose = select(Staff).where(Staff.fs_uniquifier == proved["staff"], Staff.active)
    return db.session.scalar(whose)


def _form(email: str = "", *, wrong: bool = False, overdue: bool = False) -> str:
    return render_template(
        "staff/login.html",
        email=email,
        wrong=wrong,
        overdue=overdue,
        next=_next(),
        expired="expired" in request.args,
    )


def _next() -> str:
    """Where to go afterwards: only a page of the staff area."""
    target = request.values.get("next", "")
    parts = urlsplit(target)
    inside = not parts.scheme and not parts.netloc and target.startswith("/staff/")
    return target if inside and target.isprintable() and "\\" not in target else ""
