"""Sign-in and sign-out: password, then the second factor if the account has one; language choice.

The language of the staff area may be chosen before signing in.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import (
    Blueprint,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_login import current_user
from wtforms import EmailField, HiddenField, PasswordField, StringField

from survey import accounts, clock
from survey.db import db, transaction
from survey.models.staff import Staff
from survey.web import caller
from survey.web.sessions import LANGUAGE
from survey.web.staff.errors import refuse
from survey.web.staff.forms import StaffForm
from survey.web.staff.guard import begin_session, current_staff, end_session

blueprint = Blueprint("sign_in", __name__)

# How long a correct password waits for its code.
CODE_WITHIN = timedelta(minutes=10)
LONGEST_CODE = 40
# The language cookie outlives sessions, so the next sign-in is in the same language.
LANGUAGE_KEPT = timedelta(days=365)


def _within(*places: str) -> Callable[[str], str]:
    """A filter for redirect targets: empties any path that begins with none of these."""

    def keep_within(target: str) -> str:
        is_ours = target.startswith(places) and target.isprintable() and "\\" not in target
        return target if is_ours else ""

    return keep_within


class SignInForm(StaffForm):
    """Name and password; every error has the same message, so that it does not help guessing."""

    email = EmailField(
        _("Thư điện tử"),
        render_kw={"autocomplete": "username", "required": True, "maxlength": 200},
        default="",
    )
    password = PasswordField(
        _("Mật khẩu"),
        render_kw={"autocomplete": "current-password", "required": True, "maxlength": 200},
        default="",
    )
    next = HiddenField(filters=[_within("/staff/")], default="")


class CodeForm(StaffForm):
    """A code of the authenticator app, or a recovery code."""

    code = StringField(
        _("Mã 6 chữ số trong ứng dụng xác thực"),
        description=_("Mất điện thoại? Nhập một mã dự phòng."),
        render_kw={
            "autocomplete": "one-time-code",
            "required": True,
            "maxlength": LONGEST_CODE,
            "inputmode": "text",
            "autofocus": True,
        },
        default="",
    )
    next = HiddenField(filters=[_within("/staff/")], default="")


class LanguageForm(StaffForm):
    """The chosen language, and the page to return to."""

    language = HiddenField(default="")
    next = HiddenField(filters=[_within("/staff/", "/demo", "/login?")], default="")


@blueprint.post("/language")
def choose_language() -> ResponseReturnValue:
    """Switch to another language."""
    form = LanguageForm.sent()
    answer = redirect(form.next.data or url_for("staff.home"), 303)
    answer.set_cookie(
        LANGUAGE,
        form.language.data,
        max_age=LANGUAGE_KEPT,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return answer


@blueprint.get("/login")
def show() -> ResponseReturnValue:
    """The sign-in form; a signed-in account is redirected to its first page."""
    if current_user.is_authenticated and "expired" not in request.args:
        return redirect(url_for("staff.home"))
    return _page(SignInForm(next=request.args.get("next", "")))


@blueprint.post("/login")
def check() -> ResponseReturnValue:
    """Check the password; sign in or ask for the code. Slow hashing precedes the transaction."""
    now = clock.now()
    form = SignInForm.sent(next=request.args.get("next", ""))
    email, password = form.email.data, form.password.data
    if accounts.is_throttled(db.session(), now, email, caller.address()):
        return refuse(429)
    staff = accounts.prove(db.session(), email, password)
    if staff is None:
        with transaction() as unit:
            accounts.note_wrong_try(unit, now, email, caller.address())
        return _page(form, wrong=True), 401
    if accounts.is_overdue(staff, now):
        return _page(form, overdue=True), 403
    if staff.totp_secret_sealed:
        session.clear()
        session["proved"] = {"staff": staff.fs_uniquifier, "at": int(now.timestamp())}
        return redirect(url_for("sign_in.ask_code", next=form.next.data), 303)
    return _enter(staff, now, form.next.data)


@blueprint.get("/login/code")
def ask_code() -> ResponseReturnValue:
    """Ask for the code of the authenticator app."""
    if _proved(clock.now()) is None:
        return redirect(url_for("sign_in.show"))
    form = CodeForm(next=request.args.get("next", ""))
    return render_template("staff/code.html", form=form, wrong=False)


@blueprint.post("/login/code")
def check_code() -> ResponseReturnValue:
    """Check the code; a code works once, and wrong codes count like wrong passwords."""
    now, form = clock.now(), CodeForm.sent(next=request.args.get("next", ""))
    proved = _proved(now)
    if proved is None:
        return redirect(url_for("sign_in.show"), 303)
    if accounts.is_throttled(db.session(), now, proved.email, caller.address()):
        return refuse(429)
    with transaction() as unit:
        staff = accounts.get(unit, proved.id, lock=True)
        code = form.code.data[:LONGEST_CODE]
        right = accounts.check_second_factor(unit, now, staff, code)
        if not right:
            accounts.note_wrong_try(unit, now, staff.email, caller.address())
    if not right:
        return render_template("staff/code.html", form=form, wrong=True), 401
    return _enter(staff, now, form.next.data)


@blueprint.post("/logout")
def leave() -> ResponseReturnValue:
    """Sign out on every device, which also ends sessions with a copied cookie."""
    if current_user.is_authenticated:
        staff_id = current_staff().id
        with transaction() as unit:
            accounts.end_sessions(accounts.get(unit, staff_id, lock=True))
    end_session()
    return redirect(url_for("sign_in.show"), 303)


def _enter(staff: Staff, now: datetime, following: str) -> ResponseReturnValue:
    with transaction() as unit:
        accounts.note_sign_in(unit, now, staff)
    begin_session(staff)
    return redirect(following or url_for("staff.home"), 303)


def _proved(now: datetime) -> Staff | None:
    """The account whose password was correct on this browser within CODE_WITHIN."""
    proved = session.get("proved")
    if not proved or now - datetime.fromtimestamp(proved["at"], UTC) > CODE_WITHIN:
        return None
    return accounts.of_session(db.session(), proved["staff"])


def _page(form: SignInForm, *, wrong: bool = False, overdue: bool = False) -> str:
    return render_template(
        "staff/login.html",
        form=form,
        wrong=wrong,
        overdue=overdue,
        expired="expired" in request.args,
    )
