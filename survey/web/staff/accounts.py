"""Accounts for the administrator: list, add, change, close, and a new one-time password."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from survey import accounts, clock
from survey.db import db, transaction
from survey.errors import SurveyError
from survey.models.organisation import Agency, AgencyLevel, Sector, alphabetical
from survey.models.staff import RoleName, Staff
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.formats import ROLES
from survey.web.staff.guard import current_staff
from survey.wording import words_for
from survey.workdays import local_day

blueprint = staff_blueprint("accounts", __name__, "/staff/accounts")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the lists of the form offer, as (value, words)."""

    roles: list[tuple[str, str]]
    agencies: list[tuple[str, str]]
    sectors: list[tuple[str, str]]


@blueprint.get("")
def show_all() -> str:
    """Every account, open ones first."""
    everyone = select(Staff).options(selectinload(Staff.roles), selectinload(Staff.agency))
    found = db.session.scalars(everyone.order_by(Staff.active.desc(), Staff.email)).all()
    now = clock.now()
    return render_template(
        "staff/accounts.html",
        found=found,
        sectors=_sector_names(),
        is_overdue=lambda one: accounts.is_overdue(one, now),
    )


@blueprint.route("/new", methods=["GET", "POST"])
def add() -> ResponseReturnValue:
    """Make an account and show its one-time password, this once."""
    if request.method == "GET":
        return _form(None, _typed())
    by = current_staff().id
    try:
        with transaction() as unit:
            staff, password = accounts.add(unit, clock.now(), _typed(), by)
    except SurveyError as refusal:
        return _form(None, _typed(), words_for(refusal)), 400
    return _password_page(staff, password), 201


@blueprint.get("/<int:staff_id>")
def show(staff_id: int) -> str:
    """One account with its rights."""
    staff = accounts.get(db.session(), staff_id)
    agency = staff.agency.code if staff.agency else ""
    sector = staff.sector_code or ""
    return _form(staff, accounts.NewAccount(staff.email, staff.role, agency, sector, staff.name))


@blueprint.post("/<int:staff_id>")
def change(staff_id: int) -> ResponseReturnValue:
    """Change name, role, agency and sector, or close and open the account."""
    by, now = current_staff().id, clock.now()
    try:
        with transaction() as unit:
            staff = accounts.get(unit, staff_id)
            act = request.form.get("act")
            if act in {"close", "open"}:
                accounts.set_active(unit, now, staff, active=act == "open", by=by)
            else:
                accounts.change(unit, now, staff, _typed(), by)
    except SurveyError as refusal:
        staff = accounts.get(db.session(), staff_id)
        return _form(staff, _typed(), words_for(refusal)), 400
    flash("Đã lưu tài khoản. Nếu quyền thay đổi, người dùng cần đăng nhập lại.", "done")
    return redirect(url_for("accounts.show_all"), 303)


@blueprint.post("/<int:staff_id>/reset")
def reset(staff_id: int) -> ResponseReturnValue:
    """A new one-time password for somebody who forgot theirs or lost their phone."""
    by = current_staff().id
    with transaction() as unit:
        staff = accounts.get(unit, staff_id)
        both = request.form.get("second_factor") == "yes"
        now = clock.now()
        password = accounts.reset(unit, now, staff, with_second_factor=both, by=by)
    return _password_page(staff, password)


def _typed() -> accounts.NewAccount:
    role = request.form.get("role", "")
    return accounts.NewAccount(
        email=request.form.get("email", ""),
        role=RoleName(role) if role in list(RoleName) else RoleName.HANDLER,
        agency_code=request.form.get("agency", ""),
        sector_code=request.form.get("sector", ""),
        name=request.form.get("name", ""),
    )


def _form(staff: Staff | None, typed: accounts.NewAccount, fault: str = "") -> str:
    return render_template(
        "staff/account.html", staff=staff, typed=typed, choices=_choices(), fault=fault
    )


def _password_page(staff: Staff, password: str) -> str:
    return render_template("staff/one_time_password.html", staff=staff, password=password)


def _choices() -> Choices:
    today = local_day(clock.now())
    levels = list(AgencyLevel)
    agencies = sorted(
        db.session.scalars(select(Agency)),
        key=lambda one: (levels.index(AgencyLevel(one.level)), alphabetical(one.name)),
    )
    return Choices(
        roles=list(ROLES.items()),
        agencies=[("", "Toàn tỉnh")]
        + [(one.code, one.name) for one in agencies if one.is_valid_on(today)],
        sectors=[("", "Mọi lĩnh vực"), *_sector_names().items()],
    )


def _sector_names() -> dict[str, str]:
    found = sorted(db.session.scalars(select(Sector)), key=lambda one: alphabetical(one.name))
    return {sector.code: sector.name for sector in found}
