"""Analysis pages: changes, drivers, funnel plot, forecast, and signs of influenced answers."""

from flask import render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from survey import clock, indices, insights
from survey.db import db
from survey.errors import SurveyError
from survey.indices import Breakdown
from survey.models.ballot import Flag
from survey.models.organisation import alphabetical
from survey.monitoring.baselines import is_tet_month
from survey.monitoring.integrity import signs
from survey.period import Month
from survey.province import calendar_of
from survey.reports import evenness
from survey.reports.phrases import OUTLOOKS, QUADRANTS, points
from survey.web.staff.dashboard import chosen_month
from survey.web.staff.errors import staff_blueprint
from survey.wording import words_for

blueprint = staff_blueprint("analysis", __name__, "/staff/analysis")
blueprint.add_app_template_filter(points, "points")

FLAG_WORDS = {
    Flag.BURST: _("dồn dập"),
    Flag.TOO_FAST: _("quá nhanh"),
    Flag.SAME_EVERYWHERE: _("mọi mục như nhau"),
}
OPEN_LINES = 15


@blueprint.get("")
def show() -> str:
    """One month: changes, drivers of satisfaction, outlying units, and the year's forecast."""
    session, now = db.session(), clock.now()
    months = indices.months_with_dossiers(session, now)
    month = chosen_month(months, now)
    calendar = calendar_of(session)
    found = insights.live(session, month)
    chosen = request.args.get("first", "")[:40], request.args.get("second", "")[:40]
    pair, refusal = _pair(session, month, chosen)
    by = found.changes
    return render_template(
        "staff/analysis/show.html",
        months=months if month in months else [month, *months],
        month=month,
        before=found.before,
        has_figures=month in months,
        tet=[one for one in (found.before, month) if is_tet_month(calendar, one)],
        overall=[*by[Breakdown.OVERALL], *by[Breakdown.SECTOR]],
        agencies=[one for one in by[Breakdown.AGENCY] if one.is_sure],
        compared=sum(one.difference is not None for one in by[Breakdown.AGENCY]),
        drivers=found.drivers,
        funnel=found.funnel,
        outlooks=found.outlooks,
        evenness=evenness.rows(found.nonresponse) if found.nonresponse else (),
        evenness_title=gettext(evenness.TITLE),
        evenness_note=gettext(evenness.NOTE),
        provisional=indices.is_provisional(session, month),
        quadrants=QUADRANTS,
        outlook_words=OUTLOOKS,
        agencies_now=sorted(by[Breakdown.AGENCY], key=lambda one: alphabetical(one.label)),
        chosen=chosen,
        pair=pair,
        refusal=refusal,
        few=insights.FEW,
        most_factors=insights.MOST_FACTORS,
    )


def _pair(
    session: Session, month: Month, chosen: tuple[str, str]
) -> tuple[insights.Pair | None, str]:
    """The comparison of two chosen agencies, or why there is none."""
    if not any(chosen):
        return None, ""
    try:
        return insights.pair(session, month, *chosen), ""
    except SurveyError as refusal:
        return None, words_for(refusal)


@blueprint.get("/integrity")
def integrity() -> str:
    """Integrity signs of a month per agency; figures with and without flagged answers."""
    session, now = db.session(), clock.now()
    months = indices.months_with_dossiers(session, now)
    month = chosen_month(months, now)
    found = signs(session, month)
    return render_template(
        "staff/analysis/integrity.html",
        months=months if month in months else [month, *months],
        month=month,
        found=found,
        notable=[one for one in found if one.is_notable],
        tables=[part for part in (found[:OPEN_LINES], found[OPEN_LINES:]) if part],
        words=FLAG_WORDS,
    )
