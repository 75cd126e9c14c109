"""`flask check-config`: each wrong or weak setting by name."""

import sys
from dataclasses import asdict
from datetime import datetime

import click
from flask import current_app

from survey.cli.options import common_options, emit
from survey.errors import Invalid
from survey.reference.files import province_folder
from survey.settings import Fault, Settings

CHECK_FAILED = 1


@click.command("check-config", help="Kiểm tra cấu hình: nêu tên từng thiết lập sai hoặc yếu.")
@common_options
def command(*, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Print every fault of the settings; exit 1 when one would stop a production start."""
    settings: Settings = current_app.extensions["settings"]
    faults = settings.faults()
    try:
        province_folder(settings.province)
    except Invalid:
        faults.append(Fault("PROVINCE", "is neither a shipped province nor a folder of its files"))
    wrong = [fault for fault in faults if fault.fatal]
    lines = [
        f"{'SAI' if fault.fatal else 'LƯU Ý'} {fault.name}: {fault.reason}" for fault in faults
    ]
    document = {"ok": not wrong, "faults": [asdict(fault) for fault in faults]}
    emit(document, as_json=as_json, text="\n".join(lines) or "Cấu hình tốt.")
    if wrong:
        sys.exit(CHECK_FAILED)
