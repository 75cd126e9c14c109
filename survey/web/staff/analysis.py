"""What stands behind the figures: signs that they may have been helped."""

from datetime import UTC, datetime

from flask import render_template

from survey.db import db
from survey.models.response import Flag
from survey.monitoring.integrity import signs
from survey.web.staff.dashboard import chosen_month, months_with_dossiers
from survey.web.staff.errors import staff_blueprint

blueprint = staff_blueprint("analysis", __name__, "/staff/analysis")

FLAG_WORDS = {
    Flag.BURST: "dồn dập",
    Flag.TOO_FAST: "quá nhanh",
    Flag.SAME_EVERYWHERE: "mọi mục như nhau",
}
OPEN_LINES = 15


@blueprint.get("/integrity")
def integrity() -> str:
    """Signs of a month, agency by agency; figures with and without flagged answers."""
    session, now = db.session(), datetime.now(UTC)
    months = months_with_dossiers(session, now)
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
