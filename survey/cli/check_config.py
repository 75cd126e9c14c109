"""`flask check-config`: each wrong or weak setting by name."""

import sys
from dataclasses import asdict
from datetime import datetime
from importlib import import_module

import click
from flask import current_app

from survey.cli.options import common_options, emit
from survey.errors import Invalid
from survey.jobs.loop import Away
from survey.reference.files import province_folder
from survey.settings import Fault, Settings

CHECK_FAILED = 1
BROKER = "CELERY_BROKER_URL"


@click.command("check-config", help="Kiểm tra cấu hình: nêu tên từng thiết lập sai hoặc yếu.")
@click.option("--settings-only", is_flag=True, help="Chỉ xem các thiết lập, không hỏi máy khác.")
@common_options
def command(*, settings_only: bool, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Print every fault of the settings; exit 1 when one would stop a production start."""
    settings: Settings = current_app.extensions["settings"]
    faults = settings.faults()
    try:
        province_folder(settings.province)
    except Invalid:
        faults.append(Fault("PROVINCE", "is neither a shipped province nor a folder of its files"))
    if not settings_only and not any(fault.name == BROKER for fault in faults):
        faults += _silent_broker(settings)
    wrong = [fault for fault in faults if fault.fatal]
    lines = [
        f"{'SAI' if fault.fatal else 'LƯU Ý'} {fault.name}: {fault.reason}" for fault in faults
    ]
    document = {"ok": not wrong, "faults": [asdict(fault) for fault in faults]}
    emit(document, as_json=as_json, text="\n".join(lines) or "Cấu hình tốt.")
    if wrong:
        sys.exit(CHECK_FAILED)


def _silent_broker(settings: Settings) -> list[Fault]:
    """A broker that the settings name and that does not answer."""
    if not settings.celery_broker_url:
        return []
    try:
        # Celery is loaded by those who use it.
        import_module("survey.jobs.distributed").ask(settings)
    except Away as away:
        return [Fault(BROKER, str(away))]
    return []
