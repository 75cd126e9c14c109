"""Reference data for cleaning: procedures and agencies in memory, built once per import."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from survey.intake.folding import fold


class ProcedureEntry(NamedTuple):
    """One procedure of the national catalogue."""

    code: str
    name: str
    sector_code: str


class AgencyEntry(NamedTuple):
    """One agency and the days on which it existed, both included; None: without limit."""

    code: str
    name: str
    valid_from: date | None
    valid_to: date | None
    # Its id in the database; 0 if the catalogue was not read from one.
    id: int = 0

    def is_valid_on(self, day: date) -> bool:
        """Whether the agency existed on that day."""
        if self.valid_from is not None and day < self.valid_from:
            return False
        return self.valid_to is None or day <= self.valid_to


class Catalogue(NamedTuple):
    """Procedures by code and by name, agencies by every folded name or alias."""

    procedures: Mapping[str, ProcedureEntry]
    # A name that belongs to two codes maps to both, and is then never matched.
    procedures_by_name: Mapping[str, tuple[ProcedureEntry, ...]]
    agencies_by_name: Mapping[str, tuple[AgencyEntry, ...]]
    own_names: frozenset[str]

    @classmethod
    def build(
        cls,
        procedures: Iterable[ProcedureEntry],
        agencies: Iterable[AgencyEntry],
        aliases: Iterable[tuple[str, str]],
    ) -> "Catalogue":
        """Build the catalogue. Aliases: (alias, agency code); unknown codes are left out."""
        by_code = {entry.code: entry for entry in procedures}
        by_name: dict[str, list[ProcedureEntry]] = {}
        for entry in by_code.values():
            by_name.setdefault(_name_key(entry.name), []).append(entry)
        by_agency_code = {agency.code: agency for agency in agencies}
        names: dict[str, dict[str, AgencyEntry]] = {}
        for agency in by_agency_code.values():
            names.setdefault(fold(agency.name), {})[agency.code] = agency
        own_names = frozenset(names)
        for alias, code in aliases:
            if code in by_agency_code:
                names.setdefault(fold(alias), {})[code] = by_agency_code[code]
        return cls(
            by_code,
            {name: tuple(entries) for name, entries in by_name.items()},
            {name: tuple(entries.values()) for name, entries in names.items()},
            own_names,
        )

    def procedure_named(self, name: str) -> ProcedureEntry | None:
        """The only procedure of exactly this name; None if there is none or more than one."""
        found = self.procedures_by_name.get(_name_key(name), ())
        return found[0] if len(found) == 1 else None


def _name_key(name: str) -> str:
    """The folded name without punctuation at the end, which some exports add."""
    return fold(name).rstrip(" .;:,")
