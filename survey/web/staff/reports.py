"""Pages of monthly reports: months to report, what is missing, building, downloads."""

from dataclasses import dataclass
from io import BytesIO

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from survey import audit, clock, indices
from survey.db import db, transaction
from survey.errors import Invalid, SurveyError
from survey.jobs import reports as jobs
from survey.models.job import Job, JobState
from survey.models.staff import RoleName, Staff
from survey.period import Month, month_of
from survey.reports import approval, report_index
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_staff
from survey.web.staff.permissions import may_open
from survey.wording import SENTENCES, words_for

# Seconds between reloads of a page with a running job, unless the reader stopped them.
RENEW_AFTER = "4"
STAND_STILL = "dung"
UNDER_WAY = frozenset({JobState.WAITING, JobState.RUNNING})
FORMAT_WORDS = {"html": _("Trang web"), "pdf": "PDF", "docx": "Word", "xlsx": "Excel"}

blueprint = staff_blueprint("reports", __name__, "/staff/reports")


@dataclass(frozen=True, slots=True)
class Work:
    """The latest build of a month: its progress, or why it failed."""

    is_under_way: bool
    done: int
    total: int
    fault: str
    left_out: tuple[str, ...]


@blueprint.get("")
def show_all() -> ResponseReturnValue:
    """List the months; the page reloads itself while a report is being built."""
    session = db.session()
    months = report_index.months(session)
    works = {one.month: _work(jobs.latest(session, one.month)) for one in months}
    is_building = any(work and work.is_under_way for work in works.values())
    renews = is_building and STAND_STILL not in request.args
    page = render_template(
        "staff/reports/list.html",
        months=months,
        works=works,
        is_building=is_building,
        renews=renews,
        stand_still=STAND_STILL,
        may_build=may_open(RoleName(current_staff().role), "reports.build"),
        may_approve=may_open(RoleName(current_staff().role), "reports.approve"),
        words=FORMAT_WORDS,
    )
    return page, {"Refresh": RENEW_AFTER} if renews else {}


@blueprint.post("/<month>/build")
def build(month: str) -> ResponseReturnValue:
    """Enqueue the build of a month's report."""
    named = _named(month)
    staff_id, now = current_staff().id, clock.now()
    indices.check_period(named, now)
    with transaction() as session:
        jobs.order(session, named, now)
        audit.append(session, now, jobs.KIND, f"month:{month}", staff_id=staff_id)
    flash(gettext("Đang lập báo cáo. Có thể rời trang này, tệp sẽ nằm ở đây khi xong."), "done")
    return redirect(url_for("reports.show_all") + f"#ky-{month}", 303)


@blueprint.post("/<month>/approve")
def approve(month: str) -> ResponseReturnValue:
    """Approve the report of a closed month, and rebuild its files without "DỰ THẢO"."""
    named = _named(month)
    staff_id, now = current_staff().id, clock.now()
    with transaction() as session:
        approval.approve(session, named, session.get_one(Staff, staff_id), now)
        jobs.order(session, named, now)
    flash(gettext("Đã duyệt báo cáo. Hệ thống đang lập lại các tệp không còn chữ DỰ THẢO."), "done")
    return redirect(url_for("reports.show_all") + f"#ky-{month}", 303)


@blueprint.get("/<month>/<name>")
def download(month: str, name: str) -> ResponseReturnValue:
    """One built file."""
    file = report_index.file_of(db.session(), _named(month), name)
    content = BytesIO(file.content)
    return send_file(content, as_attachment=True, download_name=file.name, max_age=0)


def _named(text: str) -> Month:
    """The month in a URL; 404 if it is malformed."""
    try:
        return month_of(text)
    except Invalid:
        abort(404)


def _work(job: Job | None) -> Work | None:
    if job is None:
        return None
    fault = ""
    if job.state == JobState.FAILED:
        known = job.error in SENTENCES and "{detail}" not in SENTENCES[job.error]
        unknown = gettext("Mã lỗi: %(code)s.", code=job.error)
        fault = words_for(SurveyError(job.error)) if known else unknown
    return Work(
        is_under_way=job.state in UNDER_WAY,
        done=job.progress,
        total=job.total,
        fault=fault,
        left_out=tuple(job.result.get("left_out", ())),
    )
