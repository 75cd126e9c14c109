"""The province's own rules: when citizens are asked, how many of them, and special days."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import DateField, Field, SelectField, StringField, TimeField
from wtforms.validators import Length, NumberRange, ValidationError

from survey import clock
from survey.audit import record
from survey.db import db, transaction
from survey.errors import Invalid, NotFound
from survey.models.organisation import Sector, alphabetical
from survey.models.province import DayKind, Province, SendBias, SpecialDay
from survey.province.workdays import local_day, state_holidays
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import StaffForm, WholeNumberField, choices
from survey.web.staff.guard import current_staff

blueprint = staff_blueprint("rules", __name__, "/staff/settings")

BIAS_WORDS: dict[str, object] = {
    SendBias.PREFER_MISS: _("Không gửi lại, chờ người quyết định"),
    SendBias.PREFER_SEND: _("Gửi lại, chấp nhận có thể trùng"),
}
STATE_DAYS_AHEAD = timedelta(days=365)
DAY_WORDS: dict[str, object] = {DayKind.EXTRA_OFF: _("Nghỉ thêm"), DayKind.SWAP_WORK: _("Làm bù")}
# A browser sends seconds only where somebody typed them.
TIMES = ["%H:%M", "%H:%M:%S"]


def _number(label: object, unit: object, least: int, most: int) -> Field:
    """A number between bounds; its unit stands behind the input."""
    bounds = NumberRange(least, most, _("Hãy nhập số nguyên từ %(min)s đến %(max)s."))
    return WholeNumberField(label, [bounds], description=unit, render_kw={"required": True})


def _time(label: object) -> Field:
    return TimeField(
        label,
        format=TIMES,
        description=_("giờ Việt Nam"),
        invalid_value_message=_("Hãy viết giờ dạng 08:00."),
        render_kw={"required": True},
    )


class RulesForm(StaffForm):
    """Whom the province asks and when, and from when on it concludes; named like the columns."""

    window_start = _time(_("Gửi tin từ"))
    window_end = _time(_("Ngừng gửi tin từ"))
    invite_delay_minutes = _number(_("Chờ sau khi trả kết quả"), _("phút"), 0, 10_080)
    link_days = _number(_("Liên kết có hiệu lực"), _("ngày"), 1, 90)
    max_age_days = _number(_("Không hỏi hồ sơ đã xong quá"), _("ngày"), 1, 365)
    phone_gap_days = _number(_("Giữa hai lời mời tới một số (0: bỏ quy tắc)"), _("ngày"), 0, 365)
    phone_week_cap = _number(_("Nhiều nhất cho một số trong 7 ngày"), _("tin"), 1, 20)
    reminder_days = _number(_("Nhắc một lần sau (0: không nhắc)"), _("ngày"), 0, 30)
    intermediary_over = _number(_("Coi là người nộp hộ khi một số có hơn"), _("hồ sơ"), 1, 1_000)
    intermediary_days = _number(_("Số ngày xét người nộp hộ"), _("ngày"), 1, 365)
    full_percent = _number(_("Tỷ lệ nhận phiếu đầy đủ"), "%", 0, 100)
    followup_percent = _number(_("Tỷ lệ có thể được gọi hỏi thêm khi không trả lời"), "%", 0, 100)
    confidence_percent = _number(_("Độ tin cậy của khoảng và của kết luận"), "%", 80, 99)
    judged_from = _number(_("Số phiếu ít nhất để kết luận"), _("phiếu"), 5, 1_000)
    send_bias = SelectField(
        _("Tin không rõ đã đi hay chưa, khi không hỏi được nhà mạng"),
        choices=choices(BIAS_WORDS),
        invalid_choice_message=_("Hãy chọn một trong hai cách xử lý tin không rõ đã đi hay chưa."),
    )

    def validate_window_end(self, end: Field) -> None:
        """The window for sending has a length."""
        if self.window_start.data and end.data and self.window_start.data >= end.data:
            raise ValidationError(_("Giờ này phải sau giờ bắt đầu gửi tin."))


class DayForm(StaffForm):
    """A day that is off though others work, or a day of work though others are off."""

    day = DateField(
        _("Ngày"),
        invalid_value_message=_("Ngày chưa đúng. Hãy chọn ngày trong lịch."),
        render_kw={"required": True},
    )
    kind = SelectField(
        _("Loại"),
        choices=choices(DAY_WORDS),
        invalid_choice_message=_("Hãy chọn loại ngày: nghỉ thêm hoặc làm bù."),
    )
    note = StringField(
        _("Căn cứ"), [Length(max=200, message=_("Căn cứ không quá 200 ký tự."))], default=""
    )

    def validate_day(self, day: Field) -> None:
        """A day is there; an empty field is none."""
        if day.data is None and not day.errors:
            raise ValidationError(day.invalid_value_message)


def _sampling_form(sectors: Sequence[Sector]) -> type[StaffForm]:
    """A share of finished dossiers to ask for each sector of the province."""
    shares = {f"sample_{one.code}": _number(one.name, "%", 0, 100) for one in sectors}
    return type("SamplingForm", (StaffForm,), shares)


@blueprint.get("")
def show() -> str:
    """All rules on one page."""
    return _page()


@blueprint.post("")
def save() -> ResponseReturnValue:
    """Store numbers and the window for sending."""
    by = current_staff().id
    form = RulesForm.sent(obj=db.session.scalars(select(Province)).one())
    if not form.validate():
        return _page(rules=form), 400
    with transaction() as unit:
        _store(unit, form, by)
    flash(gettext("Đã lưu quy tắc gửi lời mời."), "done")
    return redirect(url_for("rules.show"), 303)


@blueprint.post("/sampling")
def save_sampling() -> ResponseReturnValue:
    """Store the share of finished dossiers that are asked, for each sector."""
    by, changed = current_staff().id, {}
    form = _sampling_form(_sectors(db.session())).sent()
    if not form.validate():
        return _page(sampling=form), 400
    with transaction() as unit:
        for sector in _sectors(unit):
            share = form[f"sample_{sector.code}"].data
            if share != sector.sample_percent:
                changed[sector.code] = [sector.sample_percent, share]
                sector.sample_percent = share
        _keep(unit, by, "rules.sampling", changed)
    flash(gettext("Đã lưu tỷ lệ lấy mẫu."), "done")
    return redirect(url_for("rules.show"), 303)


@blueprint.post("/days")
def add_day() -> ResponseReturnValue:
    """Add or replace a special day."""
    by, form = current_staff().id, DayForm.sent()
    if not form.validate():
        return _page(day=form), 400
    day, kind = form.day.data, form.kind.data
    with transaction() as unit:
        unit.merge(SpecialDay(day=day, kind=kind, note=form.note.data.strip()))
        _keep(unit, by, "rules.day", {str(day): kind})
    flash(gettext("Đã thêm ngày đặc biệt."), "done")
    return redirect(url_for("rules.show"), 303)


@blueprint.post("/days/<day>/remove")
def remove_day(day: str) -> ResponseReturnValue:
    """Take a special day out of the calendar."""
    by = current_staff().id
    with transaction() as unit:
        found = unit.get(SpecialDay, _day(day))
        if found is None:
            raise NotFound("no_such_day")
        unit.delete(found)
        _keep(unit, by, "rules.day", {day: None})
    flash(gettext("Đã bỏ ngày đặc biệt."), "done")
    return redirect(url_for("rules.show"), 303)


def _store(unit: Session, form: RulesForm, by: int) -> None:
    province = unit.scalars(select(Province)).one()
    changed: dict[str, object] = {}
    for field in form:
        before = getattr(province, field.name)
        if before != field.data:
            changed[field.name] = [str(before), str(field.data)]
            setattr(province, field.name, field.data)
    _keep(unit, by, "rules.change", changed)


def _keep(unit: Session, by: int, action: str, changed: Mapping[str, object]) -> None:
    if changed:
        unit.flush()
        record(unit, clock.now(), action, "province", staff_id=by, detail=changed)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise Invalid("bad_day") from wrong


def _sectors(session: Session) -> list[Sector]:
    return sorted(session.scalars(select(Sector)), key=lambda one: alphabetical(one.name))


def _page(
    rules: RulesForm | None = None,
    sampling: StaffForm | None = None,
    day: DayForm | None = None,
) -> str:
    """All rules; a form that was refused stands there as it was typed."""
    session, today = db.session(), local_day(clock.now())
    province, sectors = session.scalars(select(Province)).first(), _sectors(session)
    days = select(SpecialDay).order_by(SpecialDay.day.desc())
    shares = {f"sample_{one.code}": one.sample_percent for one in sectors}
    refused = rules or sampling or day
    return render_template(
        "staff/rules.html",
        province=province,
        refused=refused,
        rules=rules or RulesForm(obj=province),
        sampling=sampling or _sampling_form(sectors)(**shares),
        special=day or DayForm(),
        days=session.scalars(days).all(),
        day_words=DAY_WORDS,
        state_days=state_holidays(today, today + STATE_DAYS_AHEAD),
    )
