"""Prices of SMS segments by provider and first day of validity."""

from datetime import date
from typing import ClassVar

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC
from survey.db import Base


class SmsPrice(Base):
    """The price of a segment at a provider, valid from a day until that of the next row."""

    __tablename__ = "sms_price"
    __table_args__ = (CheckConstraint("dong_per_segment >= 0", name="dong_per_segment"),)

    provider: Mapped[str] = mapped_column(String(10), primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    dong_per_segment: Mapped[int]
    # Contract, price list or letter that states the price.
    source: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {PUBLIC: "provider valid_from dong_per_segment source"}
