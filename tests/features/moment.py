"""A stolen disk and the truth it must not show: what a thief can sort each kind of row by, by what
the rows are about. Rows speak of what stands in them; places of where their bytes lie, deleted
ones too.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from survey.models.count import Cell
from survey.models.message import Conversation
from tests.features.attacks import Features, columns
from tests.features.disk import Disk
from tests.features.stolen import LONG_ENOUGH, Row

# A message of a dialogue keeps the day it left on, and no moment.
DAYS = frozenset({"due_at", "expires_at", "sent_at", "settled_at"})
# What a row of counts is sorted by: its place and the header of its tuple. The numbers in it show
# how many answered.
PHYSICAL = frozenset({"place", "ctid", "xmin", "xmax", "hints", "more_hints", "lp_off"})


@dataclass
class Given:
    """What is true of one citizen's answer."""

    cell: Cell
    key: bytes
    # Its place among all first answers, from 0, the night that counted it first and last, from 1.
    place: int
    first_night: int
    night: int = 0
    rating: int = 0
    is_called: bool = False
    case: str | None = None
    # Messages that left because of it, and the notes on its conversation.
    messages: set[str] = field(default_factory=set)
    notes: set[Any] = field(default_factory=set)


@dataclass(frozen=True)
class Side:
    """Rows of one kind: what they can be sorted by, where their bytes lie, and the dossier (code) of
    each.
    """

    rows: Features
    places: Features
    dossiers: Mapping[Any, str]


@dataclass(frozen=True)
class Moment:
    """The disk at one moment, and the truth it must not show."""

    disk: Disk
    # Dossier code → its answer; without those who did not answer.
    given: dict[str, Given]
    # Number of an entry of the audit log → code of the case it is about.
    entries: dict[int, str]

    @cached_property
    def citizens(self) -> Side:
        """All that leads to a dossier, by its code."""
        tables, found = self.disk.tables, []
        codes = {row["id"]: row["code"] for row in tables["dossier"]}
        asked = {row["id"]: codes[row["dossier_id"]] for row in tables["invitation"]}
        asking = [row for row in tables["message"] if row["kind"] == "invitation"]
        for name, rows, key in (
            ("dossier", tables["dossier"], lambda row: row["code"]),
            ("coverage_entry", tables["coverage_entry"], lambda row: codes[row["dossier_id"]]),
            ("invitation", tables["invitation"], lambda row: asked[row["id"]]),
            ("message", asking, lambda row: asked[row["invitation_id"]]),
        ):
            found.append(self._side(name, rows, key, {code: code for code in codes.values()}))
        rows = {name: known for side in found for name, known in side.rows.items()}
        places = {name: known for side in found for name, known in side.places.items()}
        return Side(rows, places, {code: code for code in codes.values()})

    @cached_property
    def ballots(self) -> Side:
        """All ballots, by their keys."""
        dossiers = {one.key: code for code, one in self.given.items()}
        rows = [*self.disk.tables["ballot"], *self.disk.tables["ballot_pool"]]
        return self._side("ballot", rows, lambda row: row["key"], dossiers)

    @cached_property
    def cases(self) -> Side:
        """Cases by their codes, but for those of who wishes to be called."""
        dossiers = {one.case: code for code, one in self.given.items() if not one.is_called}
        return self._side("case", self.disk.tables["case"], lambda row: row["code"], dossiers)

    @cached_property
    def entries_of_cases(self) -> Side:
        """Entries of the audit log by their numbers."""
        dossiers = {
            number: self.cases.dossiers[case]
            for number, case in self.entries.items()
            if case in self.cases.dossiers
        }
        rows = self.disk.tables["audit_entry"]
        return self._side("audit_entry", rows, lambda row: row["number"], dossiers)

    @cached_property
    def dialogues(self) -> Side:
        """Messages of dialogues by their ids; they keep their day."""
        dossiers = {name: code for code, one in self.given.items() for name in one.messages}
        rows = [
            {name: value for name, value in row.items() if name not in DAYS}
            for row in self.disk.tables["message"]
            if row["kind"] == "dialogue"
        ]
        return self._side("message", rows, lambda row: row["id"], dossiers)

    @cached_property
    def notes(self) -> Side:
        """Notes on conversations by their keys."""
        name = Conversation.__mapper__.primary_key[0].name
        dossiers = {note: code for code, one in self.given.items() for note in one.notes}
        rows = self.disk.tables["conversation"]
        return self._side("conversation", rows, lambda row: row[name], dossiers)

    @cached_property
    def counts(self) -> Features:
        """Where counts lie and who wrote them, by cell."""
        rows = self.disk.tables["count"]
        found = columns(rows, lambda row: Cell(*(row[part] for part in Cell._fields)))
        return {name: known for name, known in found.items() if name in PHYSICAL}

    def sides(self) -> dict[str, Side]:
        """All that an answer writes into rows of its own."""
        return {
            "ballots": self.ballots,
            "cases": self.cases,
            "entries": self.entries_of_cases,
            "dialogues": self.dialogues,
            "notes": self.notes,
        }

    def _side(
        self,
        name: str,
        rows: Iterable[Row],
        key: Callable[[Row], Any],
        dossiers: Mapping[Any, str],
    ) -> Side:
        rows = [row for row in rows if key(row) in dossiers]
        values = {
            (column, key(row)): value.encode() if isinstance(value, str) else value
            for row in rows
            for column, value in row.items()
            if isinstance(value, str | bytes) and len(value) >= LONG_ENOUGH
        }
        # What many rows share leads to none.
        often = Counter((column, value) for (column, _), value in values.items())
        own = {named: value for named, value in values.items() if often[named[0], value] == 1}
        places: dict[str, dict[Any, int]] = defaultdict(dict)
        for how, known in self.disk.places(own).items():
            for (column, concerned), place in known.items():
                places[f"{name}.{column}: {how}"][concerned] = place
        return Side(columns(rows, key, f"{name}."), places, dossiers)
