"""Units of a demo: the province's real agencies and procedures, with invented workloads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.demo.scenario import Scenario
from survey.errors import Refused
from survey.models.organisation import Agency, AgencyLevel, Procedure

# Units with a planted effect, if the province has them.
FALLING_UNIT = "LOC-KH-W22651"
SMALL_UNIT = "LOC-KH-W22736"

# Part of a department's name → share of all dossiers, and the department's shares by sector.
DEPARTMENTS: Mapping[str, tuple[float, Mapping[str, float]]] = {
    "Văn phòng Đăng ký đất đai": (9, {"land": 1}),
    "Sở Nông nghiệp và Môi trường": (2.5, {"land": 0.7, "other": 0.3}),
    "Sở Tài nguyên và Môi trường": (2.5, {"land": 1}),
    "Sở Xây dựng": (4, {"construction": 0.6, "transport": 0.4}),
    "Sở Giao thông vận tải": (2, {"transport": 1}),
    "Sở Tài chính": (5, {"business": 0.55, "investment": 0.45}),
    "Sở Kế hoạch và Đầu tư": (4, {"business": 0.5, "investment": 0.5}),
    "Sở Tư pháp": (2.5, {"justice": 1}),
    "Sở Y tế": (2.5, {"health": 1}),
    "Sở Giáo dục và Đào tạo": (1.5, {"education": 1}),
    "Sở Nội vụ": (1.5, {"labour": 1}),
    "Sở Công Thương": (1, {"other": 1}),
    "Sở Văn hóa, Thể thao và Du lịch": (0.6, {"other": 1}),
}
COMMUNE_MIX = {
    "justice": 0.42,
    "land": 0.24,
    "labour": 0.14,
    "construction": 0.07,
    "business": 0.08,
    "education": 0.02,
    "other": 0.03,
}
FALLING_MIX = {"land": 0.68, "justice": 0.2, "labour": 0.08, "business": 0.04}
FALLING_SHARE = 8.0
SMALL_SHARE = 0.25
SPREAD = 0.8

DEPARTMENT_LEVELS = ("province", "both")
COMMUNE_LEVELS = ("commune", "both")
USUAL_DAYS = 7
LONGEST_DAYS = 25


@dataclass(frozen=True, slots=True)
class Work:
    """A procedure as demo dossiers need it; `days` are working days until it is due."""

    code: str
    sector: str
    days: int


@dataclass(frozen=True, slots=True)
class Unit:
    """An agency and its share of the dossiers. `offers`: sector → share and procedures."""

    id: int
    code: str
    # Its number in dossier codes.
    number: int
    valid_from: date | None
    valid_to: date | None
    share: float
    offers: Mapping[str, tuple[float, Sequence[Work]]]

    def works_in(self, first: date, last: date) -> bool:
        """Whether it existed on both days."""
        return (self.valid_from is None or self.valid_from <= first) and (
            self.valid_to is None or last <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class UnitRoles:
    """All units of a demo, and the three with planted effects."""

    units: Sequence[Unit]
    falling: Unit
    small: Unit
    bursting: Unit


def unit_roles(session: Session, scenario: Scenario) -> UnitRoles:
    """The units of the province; Refused `demo_no_agency` if none of them works today."""
    procedures = session.scalars(select(Procedure).order_by(Procedure.code)).all()
    agencies = session.scalars(select(Agency).order_by(Agency.code)).all()
    dice = scenario.dice("units")
    offers = {levels: _offers(procedures, levels) for levels in (DEPARTMENT_LEVELS, COMMUNE_LEVELS)}
    units = []
    for number, agency in enumerate(agencies, start=1):
        spread = dice.lognormvariate(0, SPREAD)
        share, mix, levels = _work(agency, spread)
        offered = {
            sector: (part, offers[levels][sector])
            for sector, part in mix.items()
            if offers[levels].get(sector)
        }
        if share and offered:
            validity = (agency.valid_from, agency.valid_to)
            units.append(Unit(agency.id, agency.code, number, *validity, share, offered))
    today = [unit for unit in units if unit.works_in(scenario.today, scenario.today)]
    communes = {agency.id for agency in agencies if agency.level == AgencyLevel.COMMUNE}
    local = [unit for unit in today if unit.id in communes] or today
    if not local:
        raise Refused("demo_no_agency")
    by_code = {unit.code: unit for unit in today}
    falling, small = by_code.get(FALLING_UNIT, local[0]), by_code.get(SMALL_UNIT, local[-1])
    others = [unit for unit in local if unit is not falling and unit is not small] or local
    bursting = max(others, key=lambda unit: (unit.share, unit.code))
    return UnitRoles(units, falling, small, bursting)


def _work(agency: Agency, spread: float) -> tuple[float, Mapping[str, float], tuple[str, str]]:
    """Share of all dossiers, mix of sectors and levels of procedures; zero for other offices."""
    if agency.code == FALLING_UNIT:
        return FALLING_SHARE, FALLING_MIX, COMMUNE_LEVELS
    if agency.code == SMALL_UNIT:
        return SMALL_SHARE, COMMUNE_MIX, COMMUNE_LEVELS
    if agency.level in {AgencyLevel.COMMUNE, AgencyLevel.DISTRICT}:
        return spread, COMMUNE_MIX, COMMUNE_LEVELS
    for name, (share, mix) in DEPARTMENTS.items():
        if agency.level == AgencyLevel.PROVINCE_DEPARTMENT and agency.name.startswith(name):
            return share, mix, DEPARTMENT_LEVELS
    return 0, {}, COMMUNE_LEVELS


def _offers(procedures: Sequence[Procedure], levels: tuple[str, ...]) -> dict[str, list[Work]]:
    """Procedures in force by sector, except those of schools, police and power company (3.…)."""
    found: dict[str, list[Work]] = {}
    for procedure in procedures:
        is_ours = procedure.level in levels and not procedure.code.startswith("3.")
        if is_ours and "OLD" not in procedure.source.split(";"):
            days = min(procedure.statutory_days or USUAL_DAYS, LONGEST_DAYS)
            work = Work(procedure.code, procedure.sector_code, max(days, 1))
            found.setdefault(procedure.sector_code, []).append(work)
    return found
