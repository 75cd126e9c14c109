"""What a thief reads in a stolen database: every row, the order of rows, and links between rows."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
# What rows of one cell share, and cells differ in.
CELL = ("agency_id", "sector_code", "month", "channel", "lateness")
# A value that more rows share leads to nobody; one that so few share may.
FEW = 6
LONG_ENOUGH = 12
DRAWN_AT_RANDOM = 2**32
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?")
_CASE_CODE = re.compile(r"PA[0-9A-Z]{6}")

Node = tuple[str, int]


def dump(session: Session, *, with_ctid: bool = False) -> Tables:
    """Every table as a thief reads it: all columns, rows in their physical order.

    `with_ctid` adds PostgreSQL's place of each row as its column `ctid`.
    """
    postgres = session.get_bind().dialect.name == "postgresql"
    order = " ORDER BY ctid" if postgres else ""
    more = ", ctid::text AS ctid" if with_ctid else ""
    tables = {}
    for name in inspect(session.connection()).get_table_names():
        query = text(f'SELECT *{more} FROM "{name}"{order}')  # noqa: S608
        rows = session.execute(query).mappings()
        tables[name] = [{**_plain(row), "place": place} for place, row in enumerate(rows)]
    return tables


def _plain(row: Mapping[Any, Any]) -> Row:
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in row.items()
    }


def cell_of(row: Row) -> tuple[Any, ...]:
    """The cell of a row that has a column for each part of a cell."""
    return tuple(row[part] for part in CELL)


def sortable(value: Any) -> tuple[str, Any]:
    """A value in a form that sorts with all other values of its column."""
    if isinstance(value, bool | int | float):
        return ("number", value)
    return (type(value).__name__, value if isinstance(value, str | bytes) else str(value))


def timestamps(row: Row) -> Iterator[datetime]:
    """Every instant or day in a row; a day as its first instant."""
    for value in row.values():
        if isinstance(value, datetime):
            yield value.astimezone(UTC)
        elif isinstance(value, date):
            yield datetime(value.year, value.month, value.day, tzinfo=UTC)
        elif isinstance(value, str) and _MOMENT.fullmatch(value):
            yield datetime.fromisoformat(value).replace(tzinfo=UTC)


class Web:
    """All rows, linked where both hold a value too long or too random to be equal by chance, or
    where a foreign key says so.
    """

    def __init__(self, session: Session, tables: Tables) -> None:
        self.tables = tables
        self.shared: dict[Any, set[Node]] = defaultdict(set)
        # Table → (its column, the key it points to), and keys themselves.
        self.joins: dict[str, set[tuple[str, str]]] = defaultdict(set)
        look = inspect(session.connection())
        keys = [(name, key) for name in tables for key in look.get_foreign_keys(name)]
        for name, key in keys:
            target = key["referred_table"]
            pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
            for here, there in pairs:
                self.joins[name].add((here, f"{target}.{there}"))
                self.joins[target].add((there, f"{target}.{there}"))
        for node in [(name, row["place"]) for name, rows in tables.items() for row in rows]:
            for value in self._values(node):
                self.shared[value].add(node)

    def reach(self, name: str, row: Row) -> set[Node]:
        """Every row that is linked to a row, directly or through others, except by values that many
        rows share.
        """
        found: set[Node] = set()
        ahead = [(name, row["place"])]
        while ahead:
            node = ahead.pop()
            if node in found:
                continue
            found.add(node)
            for value in self._values(node):
                rows = self.shared.get(value, set())
                if len(rows) <= FEW:
                    ahead.extend(rows - found)
        return found

    def _values(self, node: Node) -> Iterator[Any]:
        row = self.row(node)
        for value in row.values():
            yield from _names(value)
        yield from self._keys(node[0], row)

    def _keys(self, name: str, row: Row) -> Iterator[tuple[str, Any]]:
        for column, key in self.joins[name]:
            if row[column] is not None:
                yield key, row[column]

    def row(self, node: Node) -> Row:
        """The row of a node (table, place)."""
        return self.tables[node[0]][node[1]]


def _names(value: Any) -> Iterator[Any]:
    """The value, if long or random enough to be an identifier, and codes of cases within it."""
    if isinstance(value, str):
        yield from _CASE_CODE.findall(value)
        if _MOMENT.fullmatch(value):
            return
    if isinstance(value, str | bytes) and len(value) >= LONG_ENOUGH:
        yield value
    if isinstance(value, int) and value >= DRAWN_AT_RANDOM:
        yield value
