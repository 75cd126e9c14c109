"""Lines of published tables, and the cells that they sum."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

# Fewer ratings than this are never published: they could name a person.
LEAST_SHOWN = 5


class Breakdown(StrEnum):
    """Breakdowns of the published figures: each is one table."""

    OVERALL = "overall"
    SECTOR = "sector"
    AGENCY = "agency"
    PROCEDURE = "procedure"
    CHANNEL = "channel"


# Agency code, sector, channel.
Cell = tuple[str, str, str]
# A breakdown, or AT_AGENCY, and a key within it.
Key = tuple[str, str]
AT_AGENCY = "agency_sector"
WHOLE: Key = (Breakdown.OVERALL, Breakdown.OVERALL.value)


def at_agency(agency: str, sector: str) -> Key:
    """The line of a sector (code) at an agency (code); no monthly table has such lines."""
    return AT_AGENCY, f"{agency} {sector}"


def lines_of(cell: Cell) -> list[Key]:
    """The lines of tables that a cell is part of."""
    parts = zip((Breakdown.AGENCY, Breakdown.SECTOR, Breakdown.CHANNEL), cell, strict=True)
    return [WHOLE, *parts]


def added_up(cells: Mapping[Cell, int]) -> Counter[Key]:
    """The ratings of every line, summed over the cells."""
    agencies, sectors, channels = Counter[str](), Counter[str](), Counter[str]()
    for (agency, sector, channel), rated in cells.items():
        agencies[agency] += rated
        sectors[sector] += rated
        channels[channel] += rated
    found = Counter[Key]({WHOLE: sectors.total()} if cells else {})
    for by, lines in (
        (Breakdown.AGENCY, agencies),
        (Breakdown.SECTOR, sectors),
        (Breakdown.CHANNEL, channels),
    ):
        found.update({(by, key): rated for key, rated in lines.items()})
    return found


def is_small(rated: int) -> bool:
    """Whether so few ratings could name a person (primary suppression)."""
    return 0 < rated < LEAST_SHOWN
