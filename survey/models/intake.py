"""Imports of files: the run of each file, the outcome of its rows, and uploads to be confirmed."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME, RANDOM, STAFF
from survey.crypto.sealed import BYTES, Sealed
from survey.db import Base, one_of


class RowOutcome(StrEnum):
    """Result of importing a row of a file."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class ImportRun(Base):
    """One import of a file; importing the same file again resumes an unfinished run."""

    __tablename__ = "import_run"
    __table_args__ = (CheckConstraint("next_row >= 0", name="next_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    # SHA-256 of the file's bytes.
    digest: Mapped[str] = mapped_column(String(64), index=True)
    file_name: Mapped[str] = mapped_column(String(200))
    # Last day that the export covers; dossiers received later are rejected as in the future.
    export_day: Mapped[date]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    # First source row that is not committed yet.
    next_row: Mapped[int] = mapped_column(default=0)

    __clear__: ClassVar = {FRAME: "id digest file_name export_day started_at finished_at next_row"}


class ImportRow(Base):
    """Outcome of one source row of a run; deleted a day after the run."""

    __tablename__ = "import_row"
    __table_args__ = (one_of("outcome", RowOutcome),)

    run_id: Mapped[int] = mapped_column(
        ForeignKey("import_run.id", ondelete="CASCADE"), primary_key=True
    )
    # Row number in the file (`survey.intake.reader`).
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str] = mapped_column(String(10))
    # Reasons or warnings joined by ";".
    reason: Mapped[str] = mapped_column(String(200), default="")
    dossier_code: Mapped[str] = mapped_column(String(40), default="")

    __clear__: ClassVar = {FRAME: "run_id row outcome reason dossier_code"}


class Upload(Base):
    """A file that a clerk uploaded, with its column of citizens' id numbers blanked.

    It is stored until it is confirmed, or for a day.
    """

    __tablename__ = "upload"

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    file_name: Mapped[str] = mapped_column(String(200))
    uploaded_at: Mapped[datetime]
    # The file's bytes.
    content_sealed: Mapped[bytes | None]
    content = Sealed[bytes | None](BYTES, row=("id",))
    # Recognised sheet, header rows and columns.
    recognised: Mapped[dict[str, Any]] = mapped_column(JSON)
    # The run that imports it; None until it is confirmed.
    run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))

    __clear__: ClassVar = {RANDOM: "id", STAFF: "staff_id file_name uploaded_at recognised run_id"}
