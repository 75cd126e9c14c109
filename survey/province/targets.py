"""The targets and thresholds in force for a scope, a province and a month."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from survey.models.target import Rule, Target
from survey.period import Month
from survey.province.reading import province_if_loaded

# A province without targets of its own gets those of this province, and the page says so.
DEFAULT_SCHEDULE = "Sóc Trăng"
OVERALL = "overall"
AGENCY = "agency_service"
OF_PROVINCE = select(
    *(Target.scope, Target.province, Target.from_year, Target.by_year),
    *(Target.value, Target.quote, Target.source),
).where(Target.province.in_((DEFAULT_SCHEDULE, bindparam("own"))), Target.operator == ">=")
SPECIAL_SECTORS = "land_construction_investment"


@dataclass(frozen=True, slots=True)
class TargetInForce:
    """A target as a fraction (0 < value ≤ 1), with its wording and source document."""

    value: Fraction
    province: str
    quote: str
    source: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class TargetSchedule:
    """All targets of one province in one year, by scope."""

    by_scope: dict[str, TargetInForce]

    def overall(self) -> TargetInForce | None:
        """Target of all procedures together, of a channel, and of most sectors (see `sector`)."""
        return self.by_scope.get(OVERALL)

    def agency(self) -> TargetInForce | None:
        """Target for the service of an agency."""
        return self.by_scope.get(AGENCY)

    def sector(self, target_group: str) -> TargetInForce | None:
        """Target of a sector: land, construction and investment have their own.

        The overall target applies to health and education, because the special target for them
        concerns hospitals and schools, not their procedures.
        """
        scope = SPECIAL_SECTORS if target_group == SPECIAL_SECTORS else OVERALL
        return self.by_scope.get(scope)


def schedule(session: Session, month: Month) -> TargetSchedule:
    """The targets in force in a month: per scope the province's own, else DEFAULT_SCHEDULE's."""
    own = province_if_loaded(session)
    return target_schedules(session, own.name if own else DEFAULT_SCHEDULE, [month])[month]


def target_schedules(
    session: Session, own: str, months: Sequence[Month]
) -> dict[Month, TargetSchedule]:
    """Month → targets in force, for the province named `own`; read with one query."""
    # Sorted last, the province's own targets replace the default ones.
    rows = sorted(session.execute(OF_PROVINCE, {"own": own}), key=lambda row: row.province == own)
    by_year = {
        year: TargetSchedule(
            {
                row.scope: _in_force(row, own)
                for row in rows
                if holds(row.from_year, row.by_year, year)
            }
        )
        for year in {month.year for month in months}
    }
    return {month: by_year[month.year] for month in months}


def _in_force(row: Row[*tuple[Any, ...]], own: str) -> TargetInForce:
    return TargetInForce(
        value=Fraction(Decimal(row.value)) / 100,
        province=row.province,
        quote=row.quote,
        source=row.source,
        is_default=row.province != own,
    )


def holds(from_year: int | None, by_year: int | None, year: int) -> bool:
    """Whether a year lies in a span of years (both included; None: no limit)."""
    return (from_year is None or from_year <= year) and (by_year is None or year <= by_year)


def floor_rules(session: Session, month: Month) -> list[Rule]:
    """The thresholds ("not rated good if …") of this province in force in a month."""
    province = province_if_loaded(session)
    query = select(Rule).where(
        Rule.kind == "floor", Rule.province == (province.name if province else "")
    )
    year = month.year
    return [rule for rule in session.scalars(query) if holds(rule.from_year, rule.by_year, year)]
