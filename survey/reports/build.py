"""Build the files of a monthly report, one self-contained file per format.

Reading is separate from writing, so that no database transaction is open while charts are drawn.
The writers are imported on demand, because the chart library is slow to load.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path

from sqlalchemy.orm import Session

from survey.errors import Invalid, Refused
from survey.period import Month
from survey.reports.figures import Report, Stage
from survey.reports.gather import gather

FORMATS = ("html", "pdf", "docx", "xlsx")
SUFFIXES = {Stage.OPEN: "-tam-tinh", Stage.CLOSED: "", Stage.APPROVED: "-da-duyet"}


@dataclass(frozen=True, slots=True)
class BuildResult:
    """Absolute paths in the requested order, and the snapshot they show (None: a draft)."""

    files: tuple[Path, ...]
    snapshot: int | None
    digest: str | None


def build(
    session: Session, month: Month, formats: Sequence[str], out: Path, now: datetime
) -> BuildResult:
    """Write the report of a month (YYYY-MM) into the folder `out`, which is created if missing.

    Errors of `check_formats`, `gather` and `write`; each file is written completely or not at all.
    """
    check_formats(formats)
    report = gather(session, month, now)
    files = tuple(write(report, formats, out))
    return BuildResult(files, report.origin.snapshot, report.origin.digest)


def check_formats(formats: Sequence[str]) -> None:
    """Raise Invalid `unknown_format`, or Refused `pdf_not_available` on a machine without Pango."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise Invalid("unknown_format", ", ".join(unknown) or "–")
    if "pdf" in formats and not pdf_is_available():
        raise Refused("pdf_not_available")


def pdf_is_available() -> bool:
    """Whether PDF is available on this machine."""
    return bool(import_module("survey.reports.pdf").is_available())


def render(report: Report, formats: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file, one after the other."""
    for name, content in import_module("survey.reports.writers").render(report, formats):
        yield file_name(report.month, name, report.stage), content


def write(report: Report, formats: Sequence[str], out: Path) -> Iterator[Path]:
    """Write the files one after the other; Invalid `cannot_write` if the folder is not writable.

    Each file is written completely or not at all (atomic rename).
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in render(report, formats):
            path = (out / name).resolve()
            fresh = path.with_name(f".{path.name}.part")
            fresh.write_bytes(content)
            fresh.replace(path)
            yield path
    except OSError as error:
        raise Invalid("cannot_write", f"{out}: {error.strerror}") from error


def file_name(month: Month, name: str, stage: Stage) -> str:
    """File name of a month's report; each stage has its own, so none overwrites another's files."""
    return f"bao-cao-{month}{SUFFIXES[stage]}.{name}"
