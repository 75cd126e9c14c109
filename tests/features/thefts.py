"""A stolen disk and the truth it must not show: what a thief can sort each kind of row by.

`rows` are the values of rows, `places` the positions of their bytes, deleted ones included; both by
the key of the row.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from survey.models.count import Cell
from survey.models.message import Conversation
from tests.features.attacks import Features, columns
from tests.features.disk import Disk, places
from tests.features.stolen import LONG_ENOUGH, Row

# Not hidden: a message of a dialogue and a note keep days, and no moment; and the provider's
# receipts are numbered as they came.
DAYS = frozenset({"due_at", "expires_at", "sent_at", "settled_at", "helped_on", "asked_again_on"})
RECEIVED = frozenset({"attempt_id", "provider_id"})
# What a row of counts is sorted by: its place and the header of its tuple. The numbers in it show
# how many answered.
PHYSICAL = frozenset({"place", "ctid", "xmin", "xmax", "hints", "more_hints", "lp_off"})


CITIZENS = ("dossier", "coverage_entry", "invitation", "message")
BALLOTS, CASES, ENTRIES = "ballots", "cases", "entries of the audit log"
DIALOGUES, NOTES = "messages of dialogues", "notes on conversations"
OF_ANSWERS = (BALLOTS, CASES, ENTRIES, DIALOGUES, NOTES)


@dataclass
class Given:
    """The truth about one citizen's answer."""

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
class Kind:
    """Rows of one kind, the column of their key, and key → code of the dossier it is about."""

    rows: Sequence[Row]
    key: str
    dossiers: Mapping[Any, str]


@dataclass(frozen=True)
class Theft:
    """The disk at one moment, and the truth it must not show."""

    disk: Disk
    # Dossier code → its answer; without those who did not answer.
    given: dict[str, Given]
    # Number of an entry of the audit log → code of the case it is about.
    entries: dict[int, str]

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """All kinds of rows that lead to a dossier or come from an answer.

        Of citizens who wish to be called only the ballots, since the wish is not hidden.
        """
        given, tables = self.given, self.disk.tables
        cases = {one.case: code for code, one in given.items() if not one.is_called}
        entries = {number: cases[case] for number, case in self.entries.items() if case in cases}
        note = Conversation.__mapper__.primary_key[0].name
        return {
            **self._citizens(),
            BALLOTS: Kind(
                [*tables["ballot"], *tables["ballot_pool"]],
                "key",
                {one.key: code for code, one in given.items()},
            ),
            CASES: Kind(tables["case"], "code", cases),
            ENTRIES: Kind(tables["citizen_entry"], "number", entries),
            DIALOGUES: Kind(
                _hidden(tables["message"]),
                "id",
                {name: code for code, one in given.items() for name in one.messages},
            ),
            NOTES: Kind(
                _hidden(tables["conversation"]),
                note,
                {key: code for code, one in given.items() for key in one.notes},
            ),
        }

    def _citizens(self) -> dict[str, Kind]:
        tables = self.disk.tables
        codes = {row["id"]: row["code"] for row in tables["dossier"]}
        asked = {row["id"]: codes[row["dossier_id"]] for row in tables["invitation"]}
        asking = {
            row["id"]: asked[row["invitation_id"]]
            for row in tables["message"]
            if row["kind"] == "invitation"
        }
        return {
            "dossier": Kind(tables["dossier"], "id", codes),
            "coverage_entry": Kind(tables["coverage_entry"], "dossier_id", codes),
            "invitation": Kind(tables["invitation"], "id", asked),
            "message": Kind(tables["message"], "id", asking),
        }

    @cached_property
    def places(self) -> dict[str, Features]:
        """Kind → where the bytes of its rows are, deleted ones included; by key."""
        values = {
            (name, column, row[kind.key]): value.encode() if isinstance(value, str) else value
            for name, kind in self.kinds.items()
            for row in kind.rows
            if row[kind.key] in kind.dossiers
            for column, value in row.items()
            if isinstance(value, str | bytes) and len(value) >= LONG_ENOUGH
        }
        # What more rows share leads to none.
        often = Counter((*named[:2], value) for named, value in values.items())
        own = {named: value for named, value in values.items() if often[*named[:2], value] == 1}
        found: dict[str, dict[str, dict[Any, int]]] = {
            name: defaultdict(dict) for name in self.kinds
        }
        for how, known in places(self.disk.files, own).items():
            for (name, column, key), place in known.items():
                found[name][f"{name}.{column}: {how}"][key] = place
        return found

    @cached_property
    def rows(self) -> dict[str, Features]:
        """Kind → all that its rows can be sorted by; by key."""
        return {
            name: columns(
                [row for row in kind.rows if row[kind.key] in kind.dossiers],
                lambda row, key=kind.key: row[key],
                f"{name}.",
            )
            for name, kind in self.kinds.items()
        }

    def of_citizens(self, known: Mapping[str, Features]) -> Features:
        """The features of rows that lead to a dossier, by its code."""
        return {
            name: {self.kinds[kind].dossiers[key]: value for key, value in values.items()}
            for kind in CITIZENS
            for name, values in known[kind].items()
        }

    @cached_property
    def counts(self) -> Features:
        """The physical places of counts and their writing transactions, by cell."""
        rows = self.disk.tables["count"]
        found = columns(rows, lambda row: Cell(*(row[part] for part in Cell._fields)))
        return {name: known for name, known in found.items() if name in PHYSICAL}


def _hidden(rows: Iterable[Row]) -> list[Row]:
    return [{name: row[name] for name in row.keys() - DAYS - RECEIVED} for row in rows]
