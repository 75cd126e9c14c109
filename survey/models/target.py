"""Satisfaction targets and rules from policy documents, each with province, years and source."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import CheckConstraint, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC
from survey.db import Base

OPERATORS = "('>=', '>', '<=', '<', '=')"


class Target(Base):
    """A level of satisfaction that a scope must reach within a span of years."""

    __tablename__ = "target"
    __table_args__ = (
        CheckConstraint(f"operator IN {OPERATORS}", name="operator"),
        CheckConstraint("value > 0 AND value <= 100", name="value"),
        UniqueConstraint("scope", "province", "from_year"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # overall, land_construction_investment, health_education or agency_service.
    scope: Mapped[str] = mapped_column(String(60))
    # Name of the province whose document sets it.
    province: Mapped[str] = mapped_column(String(100))
    # First and last year in force; None: no limit.
    from_year: Mapped[int | None]
    by_year: Mapped[int | None]
    # Percent.
    value: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    operator: Mapped[str] = mapped_column(String(2))
    # Verbatim quotation from the document.
    quote: Mapped[str] = mapped_column(String(500))
    source: Mapped[str] = mapped_column(String(100))

    __clear__: ClassVar = {
        PUBLIC: "id scope province from_year by_year value operator quote source"
    }


class Rule(Base):
    """A duty or threshold from a policy document, such as "5 % late: not rated good".

    Columns with the same name have the same meaning as in `Target`.
    """

    __tablename__ = "rule"
    __table_args__ = (
        CheckConstraint(f"operator IN {OPERATORS}", name="operator"),
        UniqueConstraint("kind", "name", "province", "from_year"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # First word of the scope in targets.csv: floor, head, rule, history, context or party_unit.
    kind: Mapped[str] = mapped_column(String(20))
    # The rest of the scope: late_agency_not_good, index_not_good, …
    name: Mapped[str] = mapped_column(String(60))
    province: Mapped[str] = mapped_column(String(100))
    from_year: Mapped[int | None]
    by_year: Mapped[int | None]
    # A number, fraction, date or word, as written in the document.
    value: Mapped[str] = mapped_column(String(30))
    operator: Mapped[str] = mapped_column(String(2))
    quote: Mapped[str] = mapped_column(String(500))
    source: Mapped[str] = mapped_column(String(100))

    __clear__: ClassVar = {
        PUBLIC: "id kind name province from_year by_year value operator quote source"
    }
