"""Jobs of the intake: importing a confirmed upload, and deleting expired uploads."""

from datetime import date, datetime
from typing import Any

from survey.db import transaction
from survey.errors import NotFound
from survey.intake.known import read_catalogue
from survey.intake.register import begin, finish, import_counts, store
from survey.intake.row_chunks import chunks
from survey.intake.upload import close_upload, drop_expired, held_table
from survey.jobs.queue import Taken, report_progress
from survey.models.intake import Upload


def import_upload(taken: Taken, now: datetime) -> dict[str, Any]:
    """Import a confirmed upload (`upload_id`, `export_day` YYYY-MM-DD); can be resumed.

    The result counts rows, accepted, rejected and duplicate. NotFound `upload_gone`.
    """
    payload = taken.payload
    last_day = date.fromisoformat(payload["export_day"])
    with transaction() as session:
        upload = session.get(Upload, payload["upload_id"])
        if upload is None:
            raise NotFound("upload_gone")
        if upload.run_id is not None:
            return dict(import_counts(session, upload.run_id).as_counts())
        table = held_table(session, upload)
        run = begin(session, table, last_day, now)
        catalogue = read_catalogue(session)
    done = 0
    for chunk in chunks(table, catalogue, run.export_day):
        if chunk.first_row >= run.next_row:
            with transaction() as session:
                run = store(session, run, chunk, now)
        done += len(chunk.outcomes)
        report_progress(taken, done, max(done, table.row_count))
    with transaction() as session:
        finish(session, run, now)
        counts = close_upload(session, session.get_one(Upload, payload["upload_id"]), table, run)
    return dict(counts.as_counts())


def sweep_uploads(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Delete uploads and row outcomes older than a day."""
    with transaction() as session:
        return {"dropped": drop_expired(session, now)}
