"""Pages of the province's settings: invitation rules, sample shares and special days."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import Field, SelectField, StringField
from wtforms.widgets import DateInput, NumberInput, TimeInput

from survey import clock
from survey.db import db, transaction
from survey.errors import SurveyError
from survey.models.organisation import Sector
from survey.models.province import DayKind, SendBias
from survey.province import (
    SettingsRefused,
    all_sectors,
    change,
    province_if_loaded,
    settings_of_province,
    special_days,
)
from survey.province.rules import (
    DAY,
    LONGEST_NOTE,
    NUMBERS,
    ORDINARY,
    SAMPLE_PERCENT,
    WholeNumber,
    share_key,
)
from survey.province.workdays import local_day, state_holidays
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import StaffForm, choices
from survey.web.staff.guard import current_staff
from survey.wording import words_for

blueprint = staff_blueprint("settings", __name__, "/staff/settings")

BIAS_WORDS: dict[str, object] = {
    SendBias.PREFER_MISS: _("Không gửi lại, chờ người quyết định"),
    SendBias.PREFER_SEND: _("Gửi lại, chấp nhận có thể trùng"),
}
STATE_DAYS_AHEAD = timedelta(days=365)
DAY_WORDS: dict[str, object] = {DayKind.EXTRA_OFF: _("Nghỉ thêm"), DayKind.SWAP_WORK: _("Làm bù")}


def _number(label: object, unit: object, bounds: WholeNumber) -> Field:
    """A number input with its unit and the bounds of the setting."""
    box = NumberInput(min=bounds.least, max=bounds.most)
    return StringField(label, description=unit, widget=box, render_kw={"required": True})


def _time(label: object) -> Field:
    unit = _("giờ Việt Nam")
    return StringField(label, description=unit, widget=TimeInput(), render_kw={"required": True})


class SettingsForm(StaffForm):
    """Settings as texts; each field is named like its key."""

    @property
    def texts(self) -> dict[str, str]:
        """Sent texts by key; empty for fields that were not sent."""
        return {field.name: field.data or "" for field in self}

    def explain(self, refusal: SurveyError) -> None:
        """Put each error beside its field."""
        if not isinstance(refusal, SettingsRefused):
            super().explain(refusal)
            return
        for key, reason in refusal.reasons.items():
            self[key].errors = [words_for(reason)]


class RulesForm(SettingsForm):
    """Whom the province invites and when, and the sample size from which it concludes."""

    window_start = _time(_("Gửi tin từ"))
    window_end = _time(_("Ngừng gửi tin từ"))
    invite_delay_minutes = _number(
        _("Chờ sau khi trả kết quả"), _("phút"), NUMBERS["invite_delay_minutes"]
    )
    link_days = _number(_("Liên kết có hiệu lực"), _("ngày"), NUMBERS["link_days"])
    max_age_days = _number(_("Không hỏi hồ sơ đã xong quá"), _("ngày"), NUMBERS["max_age_days"])
    phone_gap_days = _number(
        _("Giữa hai lời mời tới một số (0: bỏ quy tắc)"), _("ngày"), NUMBERS["phone_gap_days"]
    )
    phone_week_cap = _number(
        _("Nhiều nhất cho một số trong 7 ngày"), _("tin"), NUMBERS["phone_week_cap"]
    )
    reminder_days = _number(
        _("Nhắc một lần sau (0: không nhắc)"), _("ngày"), NUMBERS["reminder_days"]
    )
    intermediary_over = _number(
        _("Coi là người nộp hộ khi một số có hơn"), _("hồ sơ"), NUMBERS["intermediary_over"]
    )
    intermediary_days = _number(
        _("Số ngày xét người nộp hộ"), _("ngày"), NUMBERS["intermediary_days"]
    )
    full_percent = _number(_("Tỷ lệ nhận phiếu đầy đủ"), "%", NUMBERS["full_percent"])
    followup_percent = _number(
        _("Tỷ lệ có thể được gọi hỏi thêm khi không trả lời"), "%", NUMBERS["followup_percent"]
    )
    confidence_percent = _number(
        _("Độ tin cậy của khoảng và của kết luận"), "%", NUMBERS["confidence_percent"]
    )
    verdict_from = _number(_("Số phiếu ít nhất để kết luận"), _("phiếu"), NUMBERS["verdict_from"])
    send_bias = SelectField(
        _("Tin không rõ đã đi hay chưa, khi không hỏi được nhà mạng"),
        choices=choices(BIAS_WORDS),
        validate_choice=False,
    )


class DayForm(StaffForm):
    """A special day: a day off on a working day, or a working day on a day off."""

    FIELD_OF_REFUSAL: ClassVar = {"bad_day": "day", "not_a_choice": "kind", "note_too_long": "note"}

    day = StringField(_("Ngày"), widget=DateInput(), render_kw={"required": True}, default="")
    kind = SelectField(_("Loại"), choices=choices(DAY_WORDS), validate_choice=False, default="")
    note = StringField(_("Căn cứ"), render_kw={"maxlength": LONGEST_NOTE}, default="")


def _shares_form(sectors: Sequence[Sector]) -> type[SettingsForm]:
    """The share of finished dossiers to invite, for each sector of the province."""
    shares = {share_key(one): _number(one.name, "%", SAMPLE_PERCENT) for one in sectors}
    return type("SharesForm", (SettingsForm,), shares)


@blueprint.get("")
def show() -> str:
    """All settings on one page."""
    return _page()


@blueprint.post("")
def save() -> ResponseReturnValue:
    """Store the invitation rules and the sending hours."""
    form = RulesForm.sent()
    if not _is_stored(form, form.texts):
        return _page(rules=form), 400
    flash(gettext("Đã lưu quy tắc gửi lời mời."), "done")
    return redirect(url_for("settings.show"), 303)


@blueprint.post("/sampling")
def save_shares() -> ResponseReturnValue:
    """Store the share of finished dossiers to invite, for each sector."""
    form = _shares_form(all_sectors(db.session())).sent()
    if not _is_stored(form, form.texts):
        return _page(shares=form), 400
    flash(gettext("Đã lưu tỷ lệ lấy mẫu."), "done")
    return redirect(url_for("settings.show"), 303)


@blueprint.post("/days")
def add_day() -> ResponseReturnValue:
    """Add or replace a special day."""
    form = DayForm.sent()
    if not _is_stored(form, {f"{DAY}{form.day.data}": f"{form.kind.data} {form.note.data}"}):
        return _page(day=form), 400
    flash(gettext("Đã thêm ngày đặc biệt."), "done")
    return redirect(url_for("settings.show"), 303)


@blueprint.post("/days/<day>/remove")
def remove_day(day: str) -> ResponseReturnValue:
    """Remove a special day from the calendar."""
    by = current_staff().id
    with transaction() as unit:
        change(unit, clock.now(), {f"{DAY}{day}": ORDINARY}, staff_id=by)
    flash(gettext("Đã bỏ ngày đặc biệt."), "done")
    return redirect(url_for("settings.show"), 303)


def _is_stored(form: StaffForm, texts: Mapping[str, str]) -> bool:
    """Whether the settings were stored; if not, the form has the errors."""
    by = current_staff().id
    try:
        with transaction() as unit:
            change(unit, clock.now(), texts, staff_id=by)
    except SettingsRefused as refusal:
        form.explain(refusal)
        return False
    return True


def _page(
    rules: RulesForm | None = None,
    shares: SettingsForm | None = None,
    day: DayForm | None = None,
) -> str:
    """All settings; a refused form is shown as it was typed."""
    session, today = db.session(), local_day(clock.now())
    is_loaded = province_if_loaded(session) is not None
    stored = settings_of_province(session) if is_loaded else {}
    return render_template(
        "staff/settings.html",
        is_loaded=is_loaded,
        refused=rules or shares or day,
        rules=rules or RulesForm(data=stored),
        shares=shares or _shares_form(all_sectors(session))(data=stored),
        special=day or DayForm(),
        days=special_days(session),
        day_words=DAY_WORDS,
        state_days=state_holidays(today, today + STATE_DAYS_AHEAD),
    )
