"""Files of reports that were built, so that every host can hand them out."""

import hashlib
from datetime import datetime
from typing import ClassVar

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base
from survey.period import Month


class ReportFile(Base):
    """One file of the report of a month; built again it is replaced."""

    __tablename__ = "report_file"

    # YYYY-MM, local.
    month: Mapped[Month] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    built_at: Mapped[datetime]
    # Bytes, and their SHA-256.
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(deferred=True)

    __clear__: ClassVar = {
        "holds what may be published, and no line that must be hidden": "month name built_at size "
        "digest content"
    }

    def store(self, content: bytes, now: datetime) -> None:
        """Take the bytes of a file."""
        self.content, self.size, self.built_at = content, len(content), now
        self.digest = hashlib.sha256(content).hexdigest()
