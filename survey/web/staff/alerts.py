"""Open alerts, of cases and of control charts, and the page of baselines and control charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from wtforms import SelectField, TextAreaField

from survey import clock, indices, monitoring
from survey.cases import access_control, labels, queue
from survey.db import db, transaction
from survey.errors import NotFound, SurveyError
from survey.formats import number
from survey.models.organisation import Agency
from survey.models.staff import Staff
from survey.monitoring import labels as chart_labels
from survey.period import Month, month_of
from survey.province import agencies_on, calendar_of
from survey.province.workdays import TET_WEEKS, local_day
from survey.reports.phrases import month_name
from survey.web.errors import status_of
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import Lines, StaffForm, choices
from survey.web.staff.guard import current_scope, current_staff
from survey.web.staff.permissions import may_open

blueprint = staff_blueprint("alerts", __name__, "/staff/alerts")

# So many charts are expanded; the others are collapsed.
OPEN_CHARTS = 15
# False alarm rates are given in years from so many months on; the smallest chance is 1 in RAREST.
IN_YEARS_FROM = 24
RAREST = 10_000


class CloseForm(StaffForm):
    """What was found when an alert of a control chart was investigated."""

    FIELD_OF_REFUSAL: ClassVar = {"alert_words": "words"}

    words = TextAreaField(
        _("Đã kiểm tra những gì, kết quả ra sao?"),
        widget=Lines(),
        render_kw={"rows": 3},
        default="",
    )


class BaselineForm(StaffForm):
    """The closed months for a new baseline (phase I), and for whom."""

    # Monitoring validates the months and agencies.
    first = SelectField(_("Từ kỳ"), validate_choice=False, default="")
    last = SelectField(_("Đến kỳ"), validate_choice=False, default="")
    agency = SelectField(_("Phạm vi"), validate_choice=False, default="")


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused closing: the form of one alert as it was typed."""

    alert_id: int
    form: CloseForm


@blueprint.get("")
def show_all() -> ResponseReturnValue:
    """Open alerts: of control charts, then case groups."""
    return _page()


@blueprint.post("/<bigint:alert_id>/close")
def close(alert_id: int) -> ResponseReturnValue:
    """Close an alert of a control chart with what was found."""
    staff_id, form = current_staff().id, CloseForm.sent()
    try:
        with transaction() as unit:
            staff = unit.get_one(Staff, staff_id)
            monitoring.close(unit, alert_id, staff, form.words.data, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        form.explain(refusal)
        return _page(Refused(alert_id, form)), status_of(refusal)
    flash(gettext("Đã đóng cảnh báo và ghi lại kết quả xem xét."), "done")
    return redirect(url_for("alerts.show_all"), 303)


@blueprint.get("/control-charts")
def control_charts() -> ResponseReturnValue:
    """Baseline and control chart of each unit, and its distance from the alarm limit."""
    return _charts_page(None)


@blueprint.post("/control-charts")
def set_baseline() -> ResponseReturnValue:
    """Set the baseline (phase I) anew from chosen months, for all units or for one agency."""
    staff_id, now = current_staff().id, clock.now()
    form = BaselineForm.sent()
    code = form.agency.data
    try:
        first, last = month_of(form.first.data), month_of(form.last.data)
        with transaction() as unit:
            if code:
                baseline = monitoring.set_agency_baseline(
                    unit, code, first, last, now, staff_id=staff_id
                )
            else:
                baseline = monitoring.set_baseline(unit, first, last, now, staff_id=staff_id)
    except SurveyError as refusal:
        form.explain(refusal)
        return _charts_page(form), status_of(refusal)
    done = gettext(
        "Đã chốt mức nền từ %(months)s kỳ: %(charts)s biểu đồ.",
        months=len(baseline.months),
        charts=baseline.charts,
    )
    flash(done, "done")
    return redirect(url_for("alerts.control_charts"), 303)


def _page(refused: Refused | None = None) -> str:
    session, staff = db.session(), current_staff()
    return render_template(
        "staff/alerts/list.html",
        signals=monitoring.open_alerts(session, current_scope()),
        groups=queue.case_groups(access_control.visible(session, staff)),
        reads_cases=may_open(staff.role, "cases.queue"),
        may_close=may_open(staff.role, "alerts.close"),
        may_watch=may_open(staff.role, "alerts.control_charts"),
        may_see_delivery=may_open(staff.role, "messages.delivery"),
        refused=refused,
        blank=CloseForm(),
        labels=labels,
        chart_labels=chart_labels,
    )


def _charts_page(sent: BaselineForm | None) -> str:
    session, now = db.session(), clock.now()
    charts = monitoring.stands(session)
    closed = indices.closed_months(session)
    # Baselines of one agency are set later than the province-wide one, so the earliest is the base.
    baseline = [stand.chart for stand in charts]
    base = min(baseline, key=lambda one: (one.baseline_on, one.id), default=None)
    baseline_by = session.get(Staff, base.baseline_by) if base and base.baseline_by else None
    return render_template(
        "staff/alerts/control_charts.html",
        charts=charts,
        base=base,
        parts_of_charts=[part for part in (charts[:OPEN_CHARTS], charts[OPEN_CHARTS:]) if part],
        rates=[(one.measure, one.limits) for one in monitoring.province_rates(session)],
        baseline_by=baseline_by,
        months=closed,
        form=_filled(sent, closed, agencies_on(session, local_day(now)) if charts else []),
        tet=_tet_weeks(session, local_day(now)),
        may_freeze=may_open(current_staff().role, "alerts.set_baseline"),
        labels=chart_labels,
    )


def _filled(
    sent: BaselineForm | None, closed: Sequence[Month], agencies: list[Agency]
) -> BaselineForm:
    """The form with its choices, as sent; initially the last year of closed months."""
    names = {str(month): month_name(month).capitalize() for month in closed}
    codes = list(names)
    form = sent or BaselineForm(first=next(iter(codes[-12:]), ""), last=next(iter(codes[-1:]), ""))
    form.first.choices = form.last.choices = choices(names)
    form.agency.choices = choices({"": _("Toàn tỉnh")}, {one.code: one.name for one in agencies})
    return form


def _tet_weeks(session: Session, today: date) -> tuple[date, date] | None:
    """First and last day around this year's Tết that control charts do not count."""
    tet = calendar_of(session).tet(today.year)
    return (tet[0] - TET_WEEKS, tet[1] + TET_WEEKS) if tet else None


@blueprint.app_template_filter("how_often")
def how_often(a_month: float) -> str:
    """Average interval between events from their monthly rate: khoảng 8 năm một lần."""
    months = 1 / a_month
    if months >= IN_YEARS_FROM:
        return gettext("khoảng %(years)s năm một lần", years=round(months / 12))
    return gettext("khoảng %(months)s tháng một lần", months=max(1, round(months)))


@blueprint.app_template_filter("one_in")
def one_in(chance: float) -> str:
    """A small probability in words: khoảng 1/960, dưới 1/10.000."""
    if chance * RAREST < 1:
        return gettext("dưới 1/%(many)s", many=number(RAREST))
    return gettext("khoảng 1/%(many)s", many=number(round(1 / chance)))
