"""A report as every format sees it: text, tables and charts, already in words.

Cells carry the words for documents and the number behind them for Excel, so no format formats.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from survey.period import Month


class Kind(StrEnum):
    """What a cell holds: decides alignment, and the number format in Excel."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    LEVEL = "level"
    MEAN = "mean"
    STATUS = "status"


# Kinds whose cells stand at the right edge.
NUMBERS = frozenset({Kind.COUNT, Kind.SHARE, Kind.MEAN, Kind.LEVEL})


@dataclass(frozen=True, slots=True)
class Cell:
    """Words of one cell and the number they stand for, if it is one."""

    text: str
    value: float | None = None
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Column:
    """Heading of a column and its width in millimetres on A4."""

    title: str
    width: int
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table. `strong` rows at the top are totals."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the four figures of the first page."""

    label: str
    value: str
    detail: str
    lines: tuple[str, ...]
    status: str = ""
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A point with its lead in bold and the evidence after it."""

    lead: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart in both forms, with the words that replace it for who cannot see it."""

    svg: bytes
    png: bytes
    title: str
    alternative: str


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the report."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    picture: Picture | None = None
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who issues a report: the body above the issuing one, the issuing one, the symbol after the
    number, who signs, and the Word template of it all.
    """

    parent: str
    office: str
    symbol: str
    signer: str
    template: Path


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report in words."""

    province: str
    letterhead: Letterhead
    year: int
    month: Month
    title: str
    subtitle: str
    basis: str
    # What stands boxed above the title: "DỰ THẢO" and its like; empty once approved.
    mark: str
    verdict: str
    tiles: tuple[Tile, ...]
    picture: Picture
    good: tuple[Point, ...]
    direction: tuple[Point, ...]
    sections: tuple[Section, ...]
    annex: Section
    footer: tuple[str, ...]
