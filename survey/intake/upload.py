"""Uploads by clerks: recognised, tried (dry run), confirmed, imported; stored for a day.

Not the file is stored but its rows, with id numbers blanked, compressed and encrypted.
"""

import gzip
import io
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, defer

from survey.errors import NotFound, Refused
from survey.intake.cleaning import REJECTED, Outcome
from survey.intake.columns import HEADER_WITHIN, Row, find_header
from survey.intake.containers import MEGABYTE, Kind
from survey.intake.delimited import Dialect
from survey.intake.error_file import NO_RECORDS, build_error_file, error_file_name
from survey.intake.known import read_catalogue, read_header_words
from survey.intake.reader import Table, open_table, real_date
from survey.intake.register import ImportCounts, Run, import_counts, outcomes_of, preview
from survey.intake.row_chunks import CHUNK_ROWS, chunks
from survey.intake.sheet_rows import as_json
from survey.intake.wording import FIELD_NAMES, refusal
from survey.models.intake import ImportRow, ImportRun, Upload

UPLOAD_LIMIT = 60 * MEGABYTE
HELD_FOR = timedelta(hours=24)
MOST_PROBLEMS = 100
# Rows; a dry run of more would take longer than a request may.
MOST_TRIED = 50_000
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class DryRun:
    """What an import would do: counts of the first MOST_TRIED rows, and the first rejected rows."""

    counts: ImportCounts
    problems: list[Outcome]


def hold_upload(session: Session, path: Path, name: str, staff_id: int, now: datetime) -> Upload:
    """Recognise an uploaded file and encrypt its rows; Invalid with a sentence for the clerk.

    `path`: a temporary copy, which the caller deletes; `name`: the clerk's name of the file.
    Writes nothing, because a long file would block other writers: the caller adds the returned
    Upload to the session.
    """
    table = open_table(path, read_header_words(session), UPLOAD_LIMIT)
    upload_id = secrets.token_hex(16)
    return Upload(
        id=upload_id,
        staff_id=staff_id,
        file_name=name[-NAME_LENGTH:],
        uploaded_at=now,
        recognised=_recognised(table),
        **Upload.content.columns(session, upload_id, _pack(table)),
    )


def find_upload(session: Session, upload_id: str, now: datetime, *, lock: bool = False) -> Upload:
    """An upload by its id; NotFound `upload_gone` for an unknown or expired one."""
    upload = session.get(Upload, upload_id, with_for_update=lock or None)
    if upload is None or upload.uploaded_at < now - HELD_FOR:
        raise NotFound("upload_gone")
    return upload


def recent_uploads(session: Session, now: datetime) -> list[Upload]:
    """All uploads that have not expired, newest first."""
    query = select(Upload).where(Upload.uploaded_at >= now - HELD_FOR)
    query = query.options(defer(Upload.content_sealed)).order_by(Upload.uploaded_at.desc())
    return list(session.scalars(query))


def discard(session: Session, upload: Upload) -> None:
    """Delete an unconfirmed upload; Refused `upload_done` once it was imported."""
    if upload.run_id is not None:
        raise Refused("upload_done")
    session.delete(upload)
    session.flush()


def held_table(session: Session, upload: Upload) -> Table:
    """The table of a stored upload, like `open_table`; Refused `upload_done` once imported."""
    # For a dry run the upload is not in a session yet, so it is decrypted explicitly.
    content = Upload.content.decrypt(session, upload.id, upload.content_sealed)
    if upload.run_id is not None or content is None:
        raise Refused("upload_done")
    facts = upload.recognised
    head = [cells for _, cells in islice(_unpack(content, 1), HEADER_WITHIN + 1)]
    header = find_header(head, read_header_words(session))
    if header is None:
        raise refusal("header_not_found", upload.file_name, lines=HEADER_WITHIN)
    return Table(
        name=upload.file_name,
        kind=Kind(facts["kind"]),
        digest=facts["digest"],
        header=header,
        row_count=facts["rows"],
        read=partial(_unpack, content),
        dialect=Dialect(*facts["dialect"]) if facts["dialect"] else None,
        sheet=facts["sheet"],
    )


def dry_run(session: Session, upload: Upload, export_day: date, now: datetime) -> DryRun:
    """Clean and compare the rows of a stored upload without writing anything."""
    counts, problems = ImportCounts(), list[Outcome]()
    for one in _cleaned(session, held_table(session, upload), export_day, now):
        counts.add(one.outcome, ";".join(one.reasons))
        matters = one.outcome == REJECTED and not NO_RECORDS.intersection(one.reasons)
        if matters and len(problems) < MOST_PROBLEMS:
            problems.append(one)
    return DryRun(counts, problems)


def store_trial(session: Session, upload: Upload, export_day: date, now: datetime) -> None:
    """Make the dry run of an upload and store its result on it, for the pages that show it."""
    tried = dry_run(session, upload, export_day, now)
    header, total = held_table(session, upload).header, tried.counts.outcomes.total()
    upload.recognised = {
        **upload.recognised,
        # The height of a sheet may include empty rows.
        "rows": total if total < MOST_TRIED else max(total, upload.recognised["rows"]),
        "export_day": export_day.isoformat(),
        "outcomes": dict(tried.counts.outcomes),
        "reasons": dict(tried.counts.reasons),
        # [row, heading of the column in the file, reason] of the first rejected rows.
        "problems": [
            [
                one.row,
                header.labels[header.columns[one.field]]
                if one.field in header.columns
                else FIELD_NAMES.get(one.field, ""),
                one.reasons[0],
            ]
            for one in tried.problems
        ],
    }


def trial_file(session: Session, upload: Upload, now: datetime) -> tuple[str, bytes]:
    """Name and bytes of the error file of a dry run; NotFound `no_error_rows` if it is empty."""
    table = held_table(session, upload)
    day = date.fromisoformat(upload.recognised["export_day"])
    cleaned = _cleaned(session, table, day, now)
    content, rows = build_error_file(
        table, ((one.row, one.outcome, one.reasons[0], "") for one in cleaned if one.reasons)
    )
    if not rows:
        raise NotFound("no_error_rows")
    return error_file_name(table), content


def close_upload(session: Session, upload: Upload, table: Table, run: Run) -> ImportCounts:
    """After the import: replace the stored rows with the error file of rejected rows, if any."""
    content, rows = build_error_file(table, outcomes_of(session, run.id))
    upload.run_id = run.id
    upload.content = content if rows else None
    upload.recognised = {
        **upload.recognised,
        "error_rows": rows,
        "error_file": error_file_name(table) if rows else "",
    }
    session.flush()
    return import_counts(session, run.id)


def error_file(upload: Upload) -> tuple[str, bytes]:
    """Name and bytes of the error file of an import; NotFound `no_error_rows` without one."""
    name = upload.recognised.get("error_file")
    content = upload.content
    if upload.run_id is None or not name or content is None:
        raise NotFound("no_error_rows")
    return name, content


def drop_expired(session: Session, now: datetime) -> int:
    """Delete uploads and row outcomes older than a day; returns how many uploads were deleted."""
    old = now - HELD_FOR
    ended = select(ImportRun.id).where(ImportRun.finished_at < old)
    session.execute(delete(ImportRow).where(ImportRow.run_id.in_(ended)))
    gone = session.scalars(delete(Upload).where(Upload.uploaded_at < old).returning(Upload.id))
    return len(gone.all())


def _cleaned(session: Session, table: Table, export_day: date, now: datetime) -> Iterator[Outcome]:
    """Outcomes that an import would give for the first MOST_TRIED rows."""
    blocks = chunks(table, read_catalogue(session), export_day)
    for chunk in islice(blocks, MOST_TRIED // CHUNK_ROWS):
        yield from preview(session, chunk, now)


def _recognised(table: Table) -> dict[str, object]:
    header = table.header
    fields = {column: field for field, column in header.columns.items()}
    fields |= dict.fromkeys(header.id_columns, "id_number_drop")
    return {
        "kind": table.kind,
        "digest": table.digest,
        "rows": table.row_count,
        "sheet": table.sheet,
        "other_sheets": list(table.other_sheets),
        "dialect": list(table.dialect) if table.dialect else [],
        "header_row": header.last_row + 1,
        # [heading in the file, name of the recognised field or ""] in the order of the columns.
        "columns": [
            [label, FIELD_NAMES.get(fields.get(index, ""), "")]
            for index, label in enumerate(header.labels)
        ],
    }


def _pack(table: Table) -> bytes:
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=5, mtime=0) as packed:
        for line in table.read(1):
            text = json.dumps(line, ensure_ascii=False, default=as_json)
            packed.write(text.encode() + b"\n")
    return content.getvalue()


def _unpack(content: bytes, first: int) -> Iterator[tuple[int, Row]]:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        for line in packed:
            number, cells = json.loads(line, object_hook=real_date)
            if number >= first:
                yield number, cells
