"""The province's own rules: when citizens are asked, how many of them, and special days."""

from collections.abc import Mapping
from datetime import date, time, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import clock
from survey.audit import record
from survey.db import db, transaction
from survey.errors import Invalid, NotFound, SurveyError
from survey.models.organisation import (
    DayKind,
    Province,
    Sector,
    SendBias,
    SpecialDay,
    alphabetical,
)
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_staff
from survey.wording import words_for
from survey.workdays import local_day, state_holidays

blueprint = staff_blueprint("rules", __name__, "/staff/settings")

# Column of the province → (label, unit, least, most).
NUMBERS = {
    "invite_delay_minutes": ("Chờ sau khi trả kết quả", "phút", 0, 10_080),
    "link_days": ("Liên kết có hiệu lực", "ngày", 1, 90),
    "max_age_days": ("Không hỏi hồ sơ đã xong quá", "ngày", 1, 365),
    "phone_gap_days": ("Giữa hai lời mời tới một số (0: bỏ quy tắc)", "ngày", 0, 365),
    "phone_week_cap": ("Nhiều nhất cho một số trong 7 ngày", "tin", 1, 20),
    "reminder_days": ("Nhắc một lần sau (0: không nhắc)", "ngày", 0, 30),
    "intermediary_over": ("Coi là người nộp hộ khi một số có hơn", "hồ sơ", 1, 1_000),
    "intermediary_days": ("Số ngày xét người nộp hộ", "ngày", 1, 365),
    "full_percent": ("Tỷ lệ nhận phiếu đầy đủ", "%", 0, 100),
    "followup_percent": ("Tỷ lệ có thể được gọi hỏi thêm khi không trả lời", "%", 0, 100),
    "confidence_percent": ("Độ tin cậy của khoảng và của kết luận", "%", 80, 99),
    "judged_from": ("Số phiếu ít nhất để kết luận", "phiếu", 5, 1_000),
}
TIMES = {"window_start": "Gửi tin từ", "window_end": "Ngừng gửi tin từ"}
BIAS_WORDS = {
    SendBias.PREFER_MISS: "Không gửi lại, chờ người quyết định",
    SendBias.PREFER_SEND: "Gửi lại, chấp nhận có thể trùng",
}
STATE_DAYS_AHEAD = timedelta(days=365)
DAY_WORDS = {DayKind.EXTRA_OFF: "Nghỉ thêm", DayKind.SWAP_WORK: "Làm bù"}


@blueprint.get("")
def show() -> str:
    """All rules on one page."""
    return _page()


@blueprint.post("")
def save() -> ResponseReturnValue:
    """Store numbers and the window for sending."""
    by = current_staff().id
    try:
        with transaction() as unit:
            _store(unit, by)
    except SurveyError as refusal:
        return _page(words_for(refusal), request.form), 400
    flash("Đã lưu quy tắc gửi lời mời.", "done")
    return redirect(url_for("rules.show"), 303)


@blueprint.post("/sampling")
def save_sampling() -> ResponseReturnValue:
    """Store the share of finished dossiers that are asked, for each sector."""
    by, changed = current_staff().id, {}
    try:
        with transaction() as unit:
            for sector in unit.scalars(select(Sector)):
                share = _number(f"sample_{sector.code}", sector.name, 0, 100)
                if share != sector.sample_percent:
                    changed[sector.code] = [sector.sample_percent, share]
                    sector.sample_percent = share
            _keep(unit, by, "rules.sampling", changed)
    except SurveyError as refusal:
        return _page(words_for(refusal), request.form), 400
    flash("Đã lưu tỷ lệ lấy mẫu.", "done")
    return redirect(url_for("rules.show"), 303)


@blueprint.post("/days")
def add_day() -> ResponseReturnValue:
    """Add or replace a special day."""
    by = current_staff().id
    try:
        with transaction() as unit:
            day, kind = _day(request.form.get("day", "")), request.form.get("kind", "")
            if kind not in list(DayKind):
                raise Invalid("bad_day_kind")
            note = request.form.get("note", "").strip()[:200]
            unit.merge(SpecialDay(day=day, kind=kind, note=note))
            _keep(unit, by, "rules.day", {str(day): kind})
    except SurveyError as refusal:
        return _page(words_for(refusal), request.form), 400
    flash("Đã thêm ngày đặc biệt.", "done")
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
    flash("Đã bỏ ngày đặc biệt.", "done")
    return redirect(url_for("rules.show"), 303)


def _store(unit: Session, by: int) -> None:
    province = unit.scalars(select(Province)).one()
    values: dict[str, int | str | time] = {
        name: _number(name, label, least, most)
        for name, (label, _unit, least, most) in NUMBERS.items()
    }
    values |= {name: _time(name) for name in TIMES}
    values["send_bias"] = request.form.get("send_bias", province.send_bias)
    if values["send_bias"] not in list(SendBias):
        raise Invalid("bad_send_bias")
    if str(values["window_start"]) >= str(values["window_end"]):
        raise Invalid("bad_window")
    changed: dict[str, object] = {}
    for name, value in values.items():
        if getattr(province, name) != value:
            changed[name] = [str(getattr(province, name)), str(value)]
            setattr(province, name, value)
    _keep(unit, by, "rules.change", changed)


def _keep(unit: Session, by: int, action: str, changed: Mapping[str, object]) -> None:
    if changed:
        unit.flush()
        record(unit, clock.now(), action, "province", staff_id=by, detail=changed)


def _number(name: str, label: str, least: int, most: int) -> int:
    text = request.form.get(name, "").strip()
    is_number = text.isascii() and text.isdigit() and len(text) < len("1_000_000")
    if not (is_number and least <= int(text) <= most):
        raise Invalid("bad_number", f"{label}: {least}–{most}")
    return int(text)


def _time(name: str) -> time:
    try:
        return time.fromisoformat(request.form.get(name, ""))
    except ValueError as wrong:
        raise Invalid("bad_time", TIMES[name]) from wrong


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise Invalid("bad_day") from wrong


def _page(fault: str = "", typed: object = None) -> str:
    session = db.session()
    days = select(SpecialDay).order_by(SpecialDay.day.desc())
    today = local_day(clock.now())
    return render_template(
        "staff/rules.html",
        province=session.scalars(select(Province)).first(),
        sectors=sorted(session.scalars(select(Sector)), key=lambda one: alphabetical(one.name)),
        days=session.scalars(days).all(),
        numbers=NUMBERS,
        times=TIMES,
        day_words=DAY_WORDS,
        state_days=state_holidays(today, today + STATE_DAYS_AHEAD),
        bias_words=BIAS_WORDS,
        fault=fault,
        typed=typed or {},
    )
