"""Intake of one-stop files: upload, recognised columns, dry run, confirmation, progress, result."""

import io
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any, Self

from flask import flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf.file import FileField, FileRequired
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms import DateField, Field
from wtforms.validators import ValidationError

from survey import audit, clock
from survey.db import db, transaction
from survey.errors import Invalid, Refused, SurveyError
from survey.intake import upload as held
from survey.intake.containers import MEGABYTE
from survey.intake.register import recent_runs
from survey.jobs import heartbeat
from survey.jobs.queue import enqueue, newest
from survey.models.intake import Upload
from survey.models.job import ProcessKind
from survey.models.staff import Staff
from survey.province.workdays import local_day
from survey.web.forms import sent_fields, sent_files
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.forms import StaffForm
from survey.web.staff.guard import current_staff
from survey.web.staff.intake_view import Figures, Reading, state_of, work_of
from survey.wording import words_for

KIND = "intake.import"
# Seconds between reloads of a page with a running job, unless the reader stopped them.
RENEW_AFTER = "5"
STAND_STILL = "dung"
SHOWN_RUNS = 8
LONGEST_NAME = 180
# Most bytes read of a file that is too large, so that the browser displays the error page.
DRAINED = 512 * MEGABYTE
LIMIT = held.UPLOAD_LIMIT // MEGABYTE

blueprint = staff_blueprint("intake", __name__, "/staff/intake")


class UploadForm(StaffForm):
    """A file of the one-stop software, and the day up to which it was exported."""

    file = FileField(
        _("Tệp hồ sơ"),
        [FileRequired(_("Hãy chọn tệp hồ sơ trước."))],
        render_kw={"required": True, "accept": ".xlsx,.xls,.ods,.csv,.txt"},
    )
    export_day = DateField(
        _("Ngày cuối của kỳ xuất dữ liệu"),
        description=_("Hồ sơ ghi ngày tiếp nhận sau ngày này bị coi là ghi sai."),
        invalid_value_message=_("Ngày chưa đúng. Hãy chọn ngày trong lịch."),
        render_kw={"required": True},
    )

    @classmethod
    def sent(cls, **given: Any) -> Self:  # noqa: ANN401 - a default for any field
        """The form as the browser sent it, with its file."""
        fields: MultiDict[str, Any] = MultiDict(sent_fields())
        fields.setlist("file", sent_files("file"))
        return cls(fields, **given)

    def blame_file(self, refusal: SurveyError) -> None:
        """Put an error found while reading the file beside the file field."""
        self.file.errors = [*self.file.errors, words_for(refusal)]

    def validate_export_day(self, day: Field) -> None:
        """The day is given and not in the future."""
        if day.data is None:
            raise ValidationError(day.invalid_value_message)
        if day.data > local_day(clock.now()):
            raise ValidationError(
                _("Ngày cuối của kỳ xuất chưa đến. Hãy chọn hôm nay hoặc một ngày đã qua.")
            )


@blueprint.get("")
def show_all() -> ResponseReturnValue:
    """The upload form and the latest uploads."""
    return _room(UploadForm())


@blueprint.post("")
def upload() -> ResponseReturnValue:
    """Recognise a file, dry-run it and store it encrypted; after an error nothing is stored."""
    staff_id, now = current_staff().id, clock.now()
    form = UploadForm.sent()
    if not form.validate():
        return _room(form), 400
    day = form.export_day.data
    try:
        one = _held(form.file.data, day, staff_id, now)
    except Invalid as refusal:
        form.blame_file(refusal)
        return _room(form), 400
    facts = {"kind": one.recognised["kind"], "rows": one.recognised["rows"], "day": day.isoformat()}
    upload_id = one.id
    with transaction() as session:
        session.add(one)
        _note(session, now, "upload", upload_id, staff_id, **facts)
    return redirect(url_for("intake.show", upload_id=upload_id), 303)


@blueprint.get("/<upload_id>")
def show(upload_id: str) -> ResponseReturnValue:
    """One upload: its dry run, the progress of its import, or its result."""
    session, now = db.session(), clock.now()
    one = held.find_upload(session, upload_id, now)
    work = work_of(one, newest(session, _key(one.id)))
    renews = work.is_under_way and STAND_STILL not in request.args
    page = render_template(
        "staff/intake/file.html",
        one=one,
        facts=one.recognised,
        state=state_of(work),
        work=work,
        figures=Figures.of(session, one),
        reading=Reading.of(one),
        by=_name(session, one.staff_id),
        export_day=date.fromisoformat(one.recognised["export_day"]),
        gone_at=one.uploaded_at + held.HELD_FOR,
        worker_is_silent=work.is_waiting
        and not heartbeat.is_any_alive(session, ProcessKind.WORKER, now),
        renews=renews,
        stand_still=STAND_STILL,
    )
    return page, {"Refresh": RENEW_AFTER} if renews else {}


@blueprint.post("/<upload_id>/confirm")
def confirm(upload_id: str) -> ResponseReturnValue:
    """Enqueue the import; idempotent."""
    staff_id, now = current_staff().id, clock.now()
    with transaction() as session:
        one = held.find_upload(session, upload_id, now, lock=True)
        if not _is_taken(session, one):
            payload = {"upload_id": one.id, "export_day": one.recognised["export_day"]}
            enqueue(session, KIND, _key(one.id), payload, now)
            _note(session, now, "confirm", one.id, staff_id)
    return redirect(url_for("intake.show", upload_id=upload_id), 303)


@blueprint.post("/<upload_id>/discard")
def discard(upload_id: str) -> ResponseReturnValue:
    """Delete an upload instead of importing it."""
    staff_id, now = current_staff().id, clock.now()
    with transaction() as session:
        one = held.find_upload(session, upload_id, now, lock=True)
        if _is_taken(session, one):
            raise Refused("upload_done")
        name = one.file_name
        held.discard(session, one)
        _note(session, now, "discard", upload_id, staff_id)
    flash(gettext("Đã bỏ tệp %(name)s. Không có hồ sơ nào được ghi.", name=name), "done")
    return redirect(url_for("intake.show_all"), 303)


@blueprint.get("/<upload_id>/errors")
def errors(upload_id: str) -> ResponseReturnValue:
    """The rejected rows, in the layout of the input, each with its reason.

    They contain names and numbers of citizens in clear, so the download is written to the audit
    log.
    """
    session, staff_id, now = db.session(), current_staff().id, clock.now()
    one = held.find_upload(session, upload_id, now)
    if one.run_id is None:
        name, content = held.trial_file(session, one, now)
    else:
        name, content = held.error_file(one)
    with transaction() as unit:
        _note(unit, now, "errors", upload_id, staff_id)
    return send_file(io.BytesIO(content), as_attachment=True, download_name=name, max_age=0)


@blueprint.errorhandler(RequestEntityTooLarge)
def explain_size(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """413 with the limit, after reading the body: a browser that still sends shows no page."""
    _drain(request.environ["wsgi.input"], min(request.content_length or 0, DRAINED))
    form = UploadForm()  # the other fields cannot be read
    form.blame_file(Invalid("upload_too_big", str(LIMIT)))
    return _room(form), 413


def _drain(stream: IO[bytes], left: int) -> None:
    while left > 0 and (block := stream.read(min(MEGABYTE, left))):
        left -= len(block)


def _held(sent: FileStorage, day: date, staff_id: int, now: datetime) -> Upload:
    """The upload with its dry run, not yet added; its plaintext copy is deleted on return."""
    name = _clean_name(sent.filename or "")
    if not name:
        raise Invalid("no_file")
    session = db.session()
    with TemporaryDirectory(prefix="intake-") as folder:
        path = Path(folder) / name
        sent.save(path)
        one = held.hold_upload(session, path, name, staff_id, now)
    held.store_trial(session, one, day, now)
    return one


def _clean_name(sent: str) -> str:
    """The last part of the file's name, with printable characters only, short enough for a disk."""
    last = PurePosixPath(sent.replace("\\", "/")).name
    seen = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    return seen.encode()[-LONGEST_NAME:].decode(errors="ignore")


def _room(form: UploadForm) -> str:
    session, now = db.session(), clock.now()
    today = local_day(now)
    if form.export_day.data is None and not form.export_day.raw_data:
        form.export_day.data = today
    uploads = held.recent_uploads(session, now)
    shown = [one.run_id for one in uploads if one.run_id is not None]
    works = {one.id: work_of(one, newest(session, _key(one.id))) for one in uploads}
    return render_template(
        "staff/intake/list.html",
        uploads=uploads,
        states={key: state_of(work) for key, work in works.items()},
        runs=recent_runs(session, shown, SHOWN_RUNS),
        names={one.staff_id: _name(session, one.staff_id) for one in uploads},
        today=today,
        form=form,
        limit=LIMIT,
    )


def _is_taken(session: Session, one: Upload) -> bool:
    """Whether an import of this upload waits, runs or is done."""
    work = work_of(one, newest(session, _key(one.id)))
    return work.is_done or work.is_under_way


def _name(session: Session, staff_id: int) -> str:
    staff = session.get_one(Staff, staff_id)
    return staff.name or staff.email


def _note(
    session: Session, now: datetime, act: str, upload_id: str, staff_id: int, **facts: object
) -> None:
    audit.append(
        session, now, f"intake.{act}", f"upload:{upload_id}", staff_id=staff_id, detail=facts
    )


def _key(upload_id: str) -> str:
    return f"{KIND}:{upload_id}"
