"""Generated report files, stored in the database so that every host can serve them."""

import hashlib
from datetime import datetime
from typing import ClassVar

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base
from survey.period import Month


class ReportFile(Base):
    """A file of a month's report; building the report again replaces it."""

    __tablename__ = "report_file"

    # Local month (YYYY-MM).
    month: Mapped[Month] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    built_at: Mapped[datetime]
    # Number of bytes.
    size: Mapped[int]
    # SHA-256 of the bytes.
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(deferred=True)

    __clear__: ClassVar = {
        "holds what may be published, and no line that must be hidden": "month name built_at size "
        "digest content"
    }

    def store(self, content: bytes, now: datetime) -> None:
        """Store the bytes of a file with their size, digest and time."""
        self.content, self.size, self.built_at = content, len(content), now
        self.digest = hashlib.sha256(content).hexdigest()
