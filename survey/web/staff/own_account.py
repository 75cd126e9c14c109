"""One's own account: first page, password, second factor."""

import pyotp
import segno
from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from survey import accounts, clock
from survey.db import transaction
from survey.errors import SurveyError
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import begin_session, current_staff
from survey.web.staff.permissions import FIRST_PAGES
from survey.wording import words_for

blueprint = staff_blueprint("staff", __name__, "/staff")


@blueprint.get("")
@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Go to the page where this role begins."""
    first = FIRST_PAGES[current_staff().role]
    known = first if first in current_app.view_functions else "staff.password"
    return redirect(url_for(known))


@blueprint.route("/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """Choose a new password; every other session of the account ends."""
    fault = ""
    if request.method == "POST":
        fault = _change_password()
        if not fault:
            flash("Đã đổi mật khẩu. Các thiết bị khác đã được đăng xuất.", "done")
            return redirect(url_for("staff.home"), 303)
    page = render_template(
        "staff/password.html", fault=fault, must=current_staff().must_change_password
    )
    return page, 400 if fault else 200


def _change_password() -> str:
    """What was wrong, or an empty text when the password is changed."""
    new = request.form.get("new_password", "")
    if new != request.form.get("new_password_again", ""):
        return "Hai lần nhập mật khẩu mới chưa giống nhau."
    staff_id = current_staff().id
    try:
        with transaction() as unit:
            staff = accounts.get(unit, staff_id)
            old = request.form.get("old_password", "")
            accounts.change_password(unit, clock.now(), staff, old, new)
    except SurveyError as refusal:
        return words_for(refusal)
    begin_session(staff)
    return ""


@blueprint.route("/second-factor", methods=["GET", "POST"])
def second_factor() -> ResponseReturnValue:
    """Set up an authenticator app; its secret waits in the signed session for a right code."""
    staff = current_staff()
    if staff.totp_secret_sealed:
        return render_template("staff/second_factor.html", is_set=True)
    if request.method == "GET" or "totp" not in session:
        session["totp"] = pyotp.random_base32()
        return _setup_page()
    staff_id, secret = staff.id, session["totp"]
    try:
        with transaction() as unit:
            found = accounts.get(unit, staff_id)
            code = request.form.get("code", "")
            codes = accounts.enable_second_factor(unit, clock.now(), found, secret, code)
    except SurveyError as refusal:
        return _setup_page(words_for(refusal)), 400
    session.pop("totp")
    return render_template("staff/recovery_codes.html", codes=codes)


def _setup_page(fault: str = "") -> str:
    secret = session["totp"]
    image = segno.make(accounts.totp_address(current_staff(), secret), error="m")
    return render_template(
        "staff/second_factor.html",
        is_set=False,
        fault=fault,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        image=image.png_data_uri(scale=5, border=3),
    )
