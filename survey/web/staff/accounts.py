"""Account administration: list, add, change, close, and reset of the password."""

from typing import ClassVar

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField, SelectField, StringField
from wtforms.validators import Length

from survey import accounts, clock
from survey.db import db, transaction
from survey.errors import SurveyError
from survey.models.organisation import AgencyLevel
from survey.models.staff import RoleName, Staff
from survey.province import agencies_on, all_sectors
from survey.province.workdays import local_day
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.formats import ROLES
from survey.web.staff.forms import StaffForm, choices
from survey.web.staff.guard import current_staff

blueprint = staff_blueprint("accounts", __name__, "/staff/accounts")


class AccountForm(StaffForm):
    """A person's name, role, and part of the province."""

    FIELD_OF_REFUSAL: ClassVar = {
        "bad_email": "email",
        "account_exists": "email",
        "unknown_agency": "agency",
        "unknown_sector": "sector",
    }

    name = StringField(
        _("Họ và tên"),
        [Length(max=100, message=_("Họ và tên không quá 100 ký tự."))],
        render_kw={"autocomplete": "off"},
    )
    role = SelectField(
        _("Vai trò"),
        choices=choices(ROLES),
        invalid_choice_message=_("Hãy chọn một vai trò trong danh sách."),
    )
    # The allowed codes are in the database, so accounts validate the choice.
    agency = SelectField(
        _("Cơ quan, đơn vị"),
        description=_("Tài khoản chỉ thấy đơn vị này và các đơn vị trực thuộc."),
        validate_choice=False,
        default="",
    )
    sector = SelectField(
        _("Lĩnh vực"),
        description=_("Để trống nếu phụ trách mọi lĩnh vực."),
        validate_choice=False,
        default="",
    )

    def account(self, email: str) -> accounts.NewAccount:
        """The account the form describes, for this email address."""
        return accounts.NewAccount(
            email=email,
            role=RoleName(self.role.data),
            agency_code=self.agency.data,
            sector_code=self.sector.data,
            name=self.name.data or "",
        )


class NewAccountForm(AccountForm):
    """The same for a new account, with its email address."""

    email = EmailField(
        _("Thư điện tử"),
        render_kw={"required": True, "maxlength": 190, "autocomplete": "off"},
        default="",
    )


class ActiveForm(StaffForm):
    """The button that closes or reopens an account."""

    act = StringField()


class ResetForm(StaffForm):
    """What a password reset removes besides the old password."""

    second_factor = BooleanField(_("Đặt lại cả xác thực hai bước (mất điện thoại)"))


@blueprint.get("")
def show_all() -> str:
    """Every account, open ones first."""
    now = clock.now()
    return render_template(
        "staff/accounts.html",
        found=accounts.everyone(db.session()),
        sectors=_sector_names(),
        is_overdue=lambda one: accounts.is_overdue(one, now),
    )


@blueprint.route("/new", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    """Add an account and show its one-time password, only this once."""
    if request.method == "GET":
        return _page(None, NewAccountForm(role=RoleName.HANDLER))
    form, by = NewAccountForm.sent(), current_staff().id
    if not form.validate():
        return _page(None, form), 400
    try:
        with transaction() as unit:
            account = form.account(form.email.data)
            staff, password = accounts.add(unit, clock.now(), account, by)
    except SurveyError as refusal:
        form.explain(refusal)
        return _page(None, form), 400
    return _password_page(staff, password), 201


@blueprint.get("/<int:staff_id>")
def show(staff_id: int) -> str:
    """One account with its rights."""
    staff = accounts.get(db.session(), staff_id)
    return _page(staff, AccountForm(**_held(staff)))


@blueprint.post("/<int:staff_id>")
def change(staff_id: int) -> ResponseReturnValue:
    """Change name, role, agency and sector, or close or reopen the account."""
    by, now, act = current_staff().id, clock.now(), ActiveForm.sent().act.data
    if act in {"close", "open"}:
        form = AccountForm(**_held(accounts.get(db.session(), staff_id)))
    else:
        form, act = AccountForm.sent(), ""
    if not act and not form.validate():
        return _page(accounts.get(db.session(), staff_id), form), 400
    try:
        with transaction() as unit:
            staff = accounts.get(unit, staff_id, lock=True)
            if act:
                accounts.set_active(unit, now, staff, active=act == "open", by=by)
            else:
                accounts.change(unit, now, staff, form.account(staff.email), by)
    except SurveyError as refusal:
        form.explain(refusal)
        return _page(accounts.get(db.session(), staff_id), form), 400
    flash(gettext("Đã lưu tài khoản. Nếu quyền thay đổi, người dùng cần đăng nhập lại."), "done")
    return redirect(url_for("accounts.show_all"), 303)


@blueprint.post("/<int:staff_id>/reset")
def reset(staff_id: int) -> ResponseReturnValue:
    """Set a new one-time password for somebody who lost the password or the phone."""
    by, both = current_staff().id, ResetForm.sent().second_factor.data
    with transaction() as unit:
        staff = accounts.get(unit, staff_id, lock=True)
        now = clock.now()
        password = accounts.reset(unit, now, staff, with_second_factor=both, by=by)
    return _password_page(staff, password)


def _held(staff: Staff) -> dict[str, str]:
    """The form's fields as currently stored in the account."""
    return {
        "name": staff.name,
        "role": staff.role,
        "agency": staff.agency.code if staff.agency else "",
        "sector": staff.sector_code or "",
    }


def _page(staff: Staff | None, form: AccountForm) -> str:
    form.agency.choices = choices({"": _("Toàn tỉnh")}, _agency_names())
    form.sector.choices = choices({"": _("Mọi lĩnh vực")}, _sector_names())
    return render_template("staff/account.html", staff=staff, form=form, reset=ResetForm())


def _password_page(staff: Staff, password: str) -> str:
    return render_template("staff/one_time_password.html", staff=staff, password=password)


def _agency_names() -> dict[str, str]:
    """Code → name of the agencies that exist today, level by level."""
    today = local_day(clock.now())
    levels = list(AgencyLevel)
    found = agencies_on(db.session(), today)
    by_level = sorted(found, key=lambda one: levels.index(AgencyLevel(one.level)))
    return {one.code: one.name for one in by_level}


def _sector_names() -> dict[str, str]:
    return {sector.code: sector.name for sector in all_sectors(db.session())}
