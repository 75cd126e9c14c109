"""Stages of a dossier from hand-in to result, numbered as in the national feed."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME
from survey.db import Base, one_of


class Stage(IntEnum):
    """Stage of a dossier, with the status code of the national feed."""

    REGISTERED = 1
    RECEIVED = 2
    NOT_RECEIVED = 3
    IN_WORK = 4
    SUPPLEMENT_ASKED = 5
    FEE_ASKED = 6
    WITHDRAWAL_ASKED = 7
    STOPPED = 8
    READY = 9
    RETURNED = 10


# Official names, as used by the one-stop software.
STAGE_NAMES: dict[Stage, str] = {
    Stage.REGISTERED: "Mới đăng ký",
    Stage.RECEIVED: "Được tiếp nhận",
    Stage.NOT_RECEIVED: "Không được tiếp nhận",
    Stage.IN_WORK: "Đang xử lý",
    Stage.SUPPLEMENT_ASKED: "Yêu cầu bổ sung giấy tờ",
    Stage.FEE_ASKED: "Yêu cầu thực hiện nghĩa vụ tài chính",
    Stage.WITHDRAWAL_ASKED: "Công dân yêu cầu rút hồ sơ",
    Stage.STOPPED: "Dừng xử lý",
    Stage.READY: "Đã xử lý xong",
    Stage.RETURNED: "Đã trả kết quả",
}
# Stages in which a dossier can be finished.
END_STAGES = frozenset({Stage.NOT_RECEIVED, Stage.WITHDRAWAL_ASKED, Stage.STOPPED, Stage.RETURNED})


class Source(StrEnum):
    """Source of data about a dossier."""

    FILE = "file"
    API = "api"
    FEED = "feed"


class DossierStage(Base):
    """A stage that a dossier reached; its receipt and return are dates of the dossier itself."""

    __tablename__ = "dossier_stage"
    __table_args__ = (
        CheckConstraint("stage BETWEEN 1 AND 10", name="stage"),
        one_of("source", Source),
        {"sqlite_with_rowid": False},
    )

    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), primary_key=True)
    # Start of the stage (UTC; a date without a time is local midnight). If a file names only the
    # stage, it is the day of the export.
    at: Mapped[datetime] = mapped_column(primary_key=True)
    stage: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    # Whether the time of day is known.
    has_time: Mapped[bool]
    source: Mapped[str] = mapped_column(String(4))

    __clear__: ClassVar = {FRAME: "dossier_id at stage has_time source"}
