"""Commands that import files of the one-stop software."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import db, transaction
from survey.errors import Invalid
from survey.formats import number
from survey.intake.known import read_catalogue, read_header_words
from survey.intake.reader import Table, open_table
from survey.intake.register import ImportCounts, begin, finish, outcomes_of, preview, store
from survey.intake.row_chunks import chunks
from survey.intake.wording import REASONS
from survey.province.workdays import local_day

OutcomeLine = tuple[int, str, str, str]
OUTCOME_COLUMNS = ("row", "outcome", "reason", "dossier_code")
MOST_REASONS = 12
FILE = click.Path(path_type=Path)


@click.group(help=gettext("Nạp tệp hồ sơ của phần mềm một cửa."))
def command() -> None:
    """Group the commands on files of dossiers."""


@command.command(
    "import",
    help=gettext("Nạp FILE (csv, xlsx, xls, ods); --now là ngày cuối của kỳ xuất dữ liệu."),
)
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help=gettext("Chỉ kiểm tra, không ghi gì."))
@click.option("--outcomes", type=FILE, help=gettext("Ghi kết quả từng dòng ra tệp csv này."))
@common_options
def import_command(
    file: Path, outcomes: Path | None, now: datetime, *, dry_run: bool, as_json: bool
) -> None:
    """Import a file, or only dry-run it."""
    if outcomes is not None:
        _check_writable(outcomes, file)
    table = open_table(file, read_header_words(db.session()))
    for sheet in table.other_sheets:
        click.echo(
            gettext("Trang tính “%(sheet)s” cũng có hồ sơ nhưng không được nạp.", sheet=sheet),
            err=True,
        )
    counts = _rehearse(table, outcomes, now) if dry_run else _import(table, outcomes, now)
    emit({"file": str(file), **counts.as_counts()}, as_json=as_json, text=_count_words(counts))


def _import(table: Table, outcomes: Path | None, now: datetime) -> ImportCounts:
    with transaction() as session:
        run = begin(session, table, local_day(now), now)
        catalogue = read_catalogue(session)
    with _progress(table) as advance:
        for chunk in chunks(table, catalogue, run.export_day):
            if chunk.first_row >= run.next_row:
                with transaction() as session:
                    run = store(session, run, chunk, now)
            advance(len(chunk.outcomes))
    # Written before the run is finished, so that a retry after an interruption writes it again.
    if outcomes is not None:
        _write(outcomes, outcomes_of(db.session(), run.id))
    with transaction() as session:
        return finish(session, run, now)


def _rehearse(table: Table, outcomes: Path | None, now: datetime) -> ImportCounts:
    counts = ImportCounts()

    def cleaned() -> Iterator[OutcomeLine]:
        with _progress(table) as advance:
            for chunk in chunks(table, read_catalogue(db.session()), local_day(now)):
                for one in preview(db.session(), chunk, now):
                    reason = ";".join(one.reasons)
                    counts.add(one.outcome, reason)
                    yield one.row, one.outcome, reason, one.dossier_code
                db.session.expunge_all()
                advance(len(chunk.outcomes))

    if outcomes is not None:
        _write(outcomes, cleaned())
    else:
        for _ in cleaned():
            pass
    return counts


def _check_writable(path: Path, source: Path) -> None:
    """Check that the output can be written before a long import, and that it is not the input."""
    try:
        if path.exists() and source.exists() and path.samefile(source):
            message = gettext(
                "%(path)s là chính tệp đang nạp. Hãy chọn một tên khác cho tệp kết quả.", path=path
            )
            raise click.BadParameter(message, param_hint="--outcomes")
        path.open("a", encoding="utf-8").close()
    except OSError as fault:
        message = gettext("Không ghi được %(path)s.", path=path)
        raise click.BadParameter(message, param_hint="--outcomes") from fault


def _write(path: Path, lines: Iterable[OutcomeLine]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(OUTCOME_COLUMNS)
            writer.writerows(lines)
    except OSError as fault:
        raise Invalid("cannot_write", str(path.parent)) from fault


@contextmanager
def _progress(table: Table) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr if it is a terminal, else nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(table.name, total=table.row_count)
        yield lambda rows: progress.advance(task, rows)


def _count_words(counts: ImportCounts) -> str:
    shown = {name: number(found) for name, found in counts.as_counts().items()}
    lines = [
        gettext(
            "%(rows)s dòng: nhận %(accepted)s, từ chối %(rejected)s, trùng %(duplicate)s.", **shown
        ),
    ]
    for reason, times in counts.reasons.most_common(MOST_REASONS):
        lines.append(f"  {number(times):>7}  {gettext(REASONS.get(reason, reason))}")
    return "\n".join(lines)
