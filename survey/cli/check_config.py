"""`flask check-config`: report each wrong or weak setting by name."""

import sys
from dataclasses import asdict
from datetime import datetime
from importlib import import_module

import click
from flask import current_app
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from survey.catalogues import _, gettext
from survey.cli.options import emit, options_without_key
from survey.crypto import keys
from survey.db import db
from survey.errors import Invalid, Refused
from survey.jobs.loop import Away
from survey.reference.files import letterhead_file
from survey.settings import Fault, Settings
from survey.wording import words_for

CHECK_FAILED = 1
NEEDED = _("còn cần. Hãy chạy: flask --app survey privacy rekey, rồi mới bỏ khóa này.")
NOT_NEEDED = _("không còn cần, có thể bỏ.")
UNTESTED = "does not answer or has no tables yet, so nobody can say whether DATA_KEY fits"
BROKER = "CELERY_BROKER_URL"


@click.command(
    "check-config", help=gettext("Kiểm tra cấu hình: nêu tên từng thiết lập sai hoặc yếu.")
)
@click.option(
    "--settings-only", is_flag=True, help=gettext("Chỉ xem các thiết lập, không hỏi máy khác.")
)
@options_without_key
def command(*, settings_only: bool, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Print every fault of the settings, and whether each of DATA_KEYS_OLD is still needed.

    Exit code 1 for a fault that would stop a production start, and for a wrong DATA_KEY.
    """
    settings: Settings = current_app.extensions["settings"]
    faults = settings.faults()
    faults += _unusable_province(settings)
    old_keys: list[keys.OldKey] = []
    if not settings_only:
        found, old_keys = _keys()
        faults += found
        if not any(fault.name == BROKER for fault in faults):
            faults += _silent_broker(settings)
    wrong = [fault for fault in faults if fault.fatal]
    lines = [
        (gettext("SAI") if fault.fatal else gettext("LƯU Ý")) + f" {fault.name}: {fault.reason}"
        for fault in faults
    ]
    lines += [_old_key_line(key) for key in old_keys]
    document = {
        "ok": not wrong,
        "faults": [asdict(fault) for fault in faults],
        "old_keys": [asdict(key) for key in old_keys],
    }
    emit(document, as_json=as_json, text="\n".join(lines) or gettext("Cấu hình tốt."))
    if wrong:
        sys.exit(CHECK_FAILED)


def _old_key_line(key: keys.OldKey) -> str:
    place = gettext("khóa thứ %(place)s (mã %(code)s)", place=key.place, code=key.fingerprint)
    use = gettext(NEEDED if key.is_needed else NOT_NEEDED)
    return gettext("LƯU Ý") + f" DATA_KEYS_OLD: {place} {use}"


def _unusable_province(settings: Settings) -> list[Fault]:
    """A missing folder of the province, or a letterhead that cannot be used for a report."""
    try:
        template = letterhead_file(settings.province)
    except Invalid:
        return [Fault("PROVINCE", "is neither a shipped province nor a folder of its files")]
    try:
        # Imported here because it loads the document libraries.
        import_module("survey.reports.letterhead").check(template)
    except Invalid as refusal:
        return [Fault("PROVINCE", words_for(refusal))]
    return []


def _silent_broker(settings: Settings) -> list[Fault]:
    """A broker in the settings that does not answer."""
    if not settings.celery_broker_url:
        return []
    try:
        # Imported here because it loads Celery.
        import_module("survey.jobs.distributed").ask(settings)
    except Away as away:
        return [Fault(BROKER, str(away))]
    return []


def _keys() -> tuple[list[Fault], list[keys.OldKey]]:
    """Whether DATA_KEY decrypts the database, and the state of each of DATA_KEYS_OLD."""
    try:
        keys.check(db.session())
        return [], keys.old_keys(db.session())
    except Refused as refused:
        return [Fault("DATA_KEY", words_for(refused))], []
    except (OperationalError, ProgrammingError, InterfaceError):
        return [Fault("DATABASE_URL", UNTESTED, fatal=False)], []
