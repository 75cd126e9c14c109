"""Open alerts, of bad answers and of the watch, and the page of what the watch takes for usual."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import clock, monitoring
from survey.cases import labels, queue, sight
from survey.cases.clocks import calendar_of
from survey.db import db, transaction
from survey.errors import NotFound, SurveyError
from survey.formats import number
from survey.models.organisation import Agency, alphabetical
from survey.models.snapshot import Snapshot
from survey.models.staff import Staff
from survey.models.watch import WatchRate
from survey.monitoring import labels as watch_labels
from survey.period import month_of
from survey.web.errors import status_of
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_scope, current_staff
from survey.web.staff.permissions import may_open
from survey.wording import words_for
from survey.workdays import TET_WEEKS, local_day

blueprint = staff_blueprint("alerts", __name__, "/staff/alerts")

# As many charts stand open; the others are one click away.
OPEN_CHARTS = 15
# Chances are told in years from so many months on, and no rarer than one in so many.
IN_YEARS_FROM = 24
RAREST = 10_000


@dataclass(frozen=True, slots=True)
class Refused:
    """What a person wanted and why not: shown beside what was typed."""

    alert_id: int
    words: str


@blueprint.get("")
def show_all() -> ResponseReturnValue:
    """Open alerts: of the watch, then those that gather cases."""
    return _page()


@blueprint.post("/<bigint:alert_id>/close")
def close(alert_id: int) -> ResponseReturnValue:
    """Close an alert of the watch with what was found."""
    staff_id, words = current_staff().id, request.form.get("words", "")
    try:
        with transaction() as unit:
            staff = unit.get_one(Staff, staff_id)
            monitoring.close(unit, alert_id, staff, words, clock.now())
    except NotFound:
        raise
    except SurveyError as refusal:
        return _page(Refused(alert_id, words_for(refusal))), status_of(refusal)
    flash("Đã đóng cảnh báo và ghi lại kết quả xem xét.", "done")
    return redirect(url_for("alerts.show_all"), 303)


@blueprint.get("/watch")
def watch() -> ResponseReturnValue:
    """What is usual for each unit and how far it is from an alarm."""
    return _watch_page()


@blueprint.post("/watch")
def freeze() -> ResponseReturnValue:
    """Freeze what is usual anew, from months a person chose, for all or for one agency."""
    staff_id, now = current_staff().id, clock.now()
    code = request.form.get("agency", "")
    try:
        first, last = (month_of(request.form.get(name, "")) for name in ("first", "last"))
        with transaction() as unit:
            if code:
                frozen = monitoring.freeze_agency(unit, code, first, last, now, staff_id=staff_id)
            else:
                frozen = monitoring.freeze(unit, first, last, now, staff_id=staff_id)
    except SurveyError as refusal:
        return _watch_page(words_for(refusal)), status_of(refusal)
    flash(f"Đã chốt mức nền từ {len(frozen.months)} kỳ: {frozen.charts} biểu đồ.", "done")
    return redirect(url_for("alerts.watch"), 303)


def _page(refused: Refused | None = None) -> str:
    session, staff = db.session(), current_staff()
    return render_template(
        "staff/alerts/list.html",
        signals=monitoring.cards(session, current_scope()),
        cards=queue.alert_cards(sight.visible(session, staff)),
        reads_cases=may_open(staff.role, "cases.queue"),
        may_close=may_open(staff.role, "alerts.close"),
        may_watch=may_open(staff.role, "alerts.watch"),
        may_see_delivery=may_open(staff.role, "messages.delivery"),
        refused=refused,
        labels=labels,
        watch=watch_labels,
    )


def _watch_page(fault: str = "") -> str:
    session, now = db.session(), clock.now()
    charts = monitoring.stands(session)
    province = select(WatchRate).where(WatchRate.agency_id.is_(None)).order_by(WatchRate.measure)
    closed = list(session.scalars(select(Snapshot.month).distinct().order_by(Snapshot.month)))
    # Whoever is frozen anew alone is so after all were.
    frozen = [stand.chart for stand in charts]
    base = min(frozen, key=lambda one: (one.frozen_on, one.id), default=None)
    frozen_by = session.get(Staff, base.frozen_by) if base and base.frozen_by else None
    return render_template(
        "staff/alerts/watch.html",
        charts=charts,
        base=base,
        agencies=_agencies(session, local_day(now)) if charts else [],
        parts_of_charts=[part for part in (charts[:OPEN_CHARTS], charts[OPEN_CHARTS:]) if part],
        rates=[(one.measure, one.limits) for one in session.scalars(province)],
        frozen_by=frozen_by,
        months=closed,
        chosen=_chosen(closed),
        chosen_agency=request.form.get("agency", ""),
        tet=_tet_weeks(session, local_day(now)),
        may_freeze=may_open(current_staff().role, "alerts.freeze"),
        fault=fault,
        labels=watch_labels,
    )


def _agencies(session: Session, today: date) -> list[Agency]:
    """Those of today, as a dictionary orders them."""
    found = [one for one in session.scalars(select(Agency)) if one.is_valid_on(today)]
    return sorted(found, key=lambda one: alphabetical(one.name))


def _chosen(closed: Sequence[str]) -> tuple[str, str]:
    """The months of a form that was refused, else the last year of closed ones."""
    last = request.form.get("last") or (closed[-1] if closed else "")
    return request.form.get("first") or (closed[-12:][0] if closed else ""), last


def _tet_weeks(session: Session, today: date) -> tuple[date, date] | None:
    """First and last day that does not count around this year's Tết."""
    tet = calendar_of(session).tet(today.year)
    return (tet[0] - TET_WEEKS, tet[1] + TET_WEEKS) if tet else None


@blueprint.app_template_filter("how_often")
def how_often(a_month: float) -> str:
    """So many a month as people say it: khoảng 8 năm một lần, khoảng 5 tháng một lần."""
    months = 1 / a_month
    if months >= IN_YEARS_FROM:
        return f"khoảng {round(months / 12)} năm một lần"
    return f"khoảng {max(1, round(months))} tháng một lần"


@blueprint.app_template_filter("one_in")
def one_in(chance: float) -> str:
    """A small chance as people say it: khoảng 1/960, dưới 1/10.000."""
    if chance * RAREST < 1:
        return f"dưới 1/{number(RAREST)}"
    return f"khoảng 1/{number(round(1 / chance))}"
