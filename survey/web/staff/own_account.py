"""One's own account: first page, password, second factor."""

from typing import ClassVar

import pyotp
import segno
from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo

from survey import accounts, clock
from survey.db import transaction
from survey.errors import SurveyError
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import StaffForm
from survey.web.staff.guard import begin_session, current_staff
from survey.web.staff.permissions import FIRST_PAGES

blueprint = staff_blueprint("staff", __name__, "/staff")


NEW_PASSWORD = {
    "autocomplete": "new-password",
    "required": True,
    "minlength": accounts.PASSWORD_LEAST,
    "maxlength": accounts.PASSWORD_MOST,
}


class PasswordForm(StaffForm):
    """The current password, and the new one twice; `accounts` validates the new one."""

    FIELD_OF_REFUSAL: ClassVar = {
        "wrong_password": "old_password",
        "password_length": "new_password",
        "password_weak": "new_password",
    }

    old_password = PasswordField(
        _("Mật khẩu hiện tại"),
        render_kw={"autocomplete": "current-password", "required": True, "maxlength": 200},
        default="",
    )
    new_password = PasswordField(
        _("Mật khẩu mới"),
        description=_("Từ 12 ký tự trở lên; một câu dài dễ nhớ là tốt nhất."),
        render_kw=NEW_PASSWORD,
        default="",
    )
    new_password_again = PasswordField(
        _("Nhập lại mật khẩu mới"),
        [EqualTo("new_password", _("Hai lần nhập mật khẩu mới chưa giống nhau."))],
        render_kw=NEW_PASSWORD,
        default="",
    )


class FirstCodeForm(StaffForm):
    """A code that proves that the authenticator app has the secret."""

    FIELD_OF_REFUSAL: ClassVar = {"wrong_code": "code"}

    code = StringField(
        _("Mã 6 chữ số"),
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "required": True,
            "maxlength": 6,
        },
        default="",
    )


@blueprint.get("")
@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Redirect to the first page of this role."""
    first = FIRST_PAGES[current_staff().role]
    known = first if first in current_app.view_functions else "staff.password"
    return redirect(url_for(known))


@blueprint.route("/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """Choose a new password; every other session of the account ends."""
    if request.method == "GET":
        return _password_page(PasswordForm())
    form = PasswordForm.sent()
    if not (form.validate() and _change_password(form)):
        return _password_page(form), 400
    flash(gettext("Đã đổi mật khẩu. Các thiết bị khác đã được đăng xuất."), "done")
    return redirect(url_for("staff.home"), 303)


def _password_page(form: PasswordForm) -> str:
    must = current_staff().must_change_password
    if must:
        form.old_password.label.text = _("Mật khẩu hiện tại (dùng một lần)")
    return render_template("staff/password.html", form=form, must=must)


def _change_password(form: PasswordForm) -> bool:
    """Whether the password was changed; if not, the form has the error."""
    staff_id = current_staff().id
    old, new = form.old_password.data, form.new_password.data
    try:
        with transaction() as unit:
            staff = accounts.get(unit, staff_id, lock=True)
            accounts.change_password(unit, clock.now(), staff, old, new)
    except SurveyError as refusal:
        form.explain(refusal)
        return False
    begin_session(staff)
    return True


@blueprint.route("/second-factor", methods=["GET", "POST"])
def second_factor() -> ResponseReturnValue:
    """Set up an authenticator app; its secret is in the signed session until a code is correct."""
    staff = current_staff()
    if staff.totp_secret_sealed:
        return render_template("staff/second_factor.html", is_set=True)
    if request.method == "GET" or "totp" not in session:
        session["totp"] = pyotp.random_base32()
        return _setup_page(FirstCodeForm())
    staff_id, secret, form = staff.id, session["totp"], FirstCodeForm.sent()
    try:
        with transaction() as unit:
            found = accounts.get(unit, staff_id, lock=True)
            code = form.code.data
            codes = accounts.enable_second_factor(unit, clock.now(), found, secret, code)
    except SurveyError as refusal:
        form.explain(refusal)
        return _setup_page(form), 400
    session.pop("totp")
    return render_template("staff/recovery_codes.html", codes=codes)


def _setup_page(form: FirstCodeForm) -> str:
    secret = session["totp"]
    image = segno.make(accounts.totp_address(current_staff(), secret), error="m")
    return render_template(
        "staff/second_factor.html",
        is_set=False,
        form=form,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        image=image.png_data_uri(scale=5, border=3),
    )
