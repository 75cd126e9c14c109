"""Which target and which bars are in force for a scope, a province and a month."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.models.organisation import Province
from survey.models.target import Rule, Target

# A province without a target of its own is shown this one's ladder, and told so.
DEFAULT_LADDER = "Sóc Trăng"
OVERALL = "overall"
AGENCY = "agency_service"
SPECIAL_SECTORS = "land_construction_investment"


@dataclass(frozen=True, slots=True)
class TargetInForce:
    """A target as a fraction, with the words and the document behind it."""

    value: Fraction
    province: str
    quote: str
    source: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """All targets of one year for one province."""

    by_scope: dict[str, TargetInForce]

    def overall(self) -> TargetInForce | None:
        """Target of all procedures together, of a channel, of an ordinary sector."""
        return self.by_scope.get(OVERALL)

    def agency(self) -> TargetInForce | None:
        """Target for the service of an agency."""
        return self.by_scope.get(AGENCY)

    def sector(self, target_group: str) -> TargetInForce | None:
        """Target of a sector: land, construction and investment have their own.

        Health and education fall under the overall one: the special target for them speaks of
        hospitals and schools, not of their procedures.
        """
        scope = SPECIAL_SECTORS if target_group == SPECIAL_SECTORS else OVERALL
        return self.by_scope.get(scope)


def ladder(session: Session, month: str) -> Ladder:
    """The targets whose years hold the month: the province's own, else the default ladder's."""
    province = session.scalars(select(Province)).first()
    own = province.name if province else DEFAULT_LADDER
    year = int(month[:4])
    found: dict[str, TargetInForce] = {}
    for name in (DEFAULT_LADDER, own):
        query = select(Target).where(Target.province == name, Target.operator == ">=")
        for target in session.scalars(query):
            if holds(target.from_year, target.by_year, year):
                found[target.scope] = TargetInForce(
                    value=Fraction(Decimal(target.value)) / 100,
                    province=target.province,
                    quote=target.quote,
                    source=target.source,
                    is_default=target.province != own,
                )
    return Ladder(found)


def holds(from_year: int | None, by_year: int | None, year: int) -> bool:
    """Whether a span of years, open where empty, holds a year."""
    return (from_year is None or from_year <= year) and (by_year is None or year <= by_year)


def bars(session: Session, month: str) -> list[Rule]:
    """The bars ("not rated good if …") of this province in force in the month."""
    province = session.scalars(select(Province)).first()
    query = select(Rule).where(
        Rule.kind == "floor", Rule.province == (province.name if province else "")
    )
    year = int(month[:4])
    return [rule for rule in session.scalars(query) if holds(rule.from_year, rule.by_year, year)]
