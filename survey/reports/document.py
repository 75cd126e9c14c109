"""Format-independent model of a report: text, tables and charts, already formatted.

Cells hold the formatted text for documents and the number for Excel, so that no writer formats.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from survey.period import Month


class Kind(StrEnum):
    """What a cell holds: determines its alignment, and its number format in Excel."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    LEVEL = "level"
    MEAN = "mean"
    STATUS = "status"


# Kinds whose cells are right-aligned.
NUMBERS = frozenset({Kind.COUNT, Kind.SHARE, Kind.MEAN, Kind.LEVEL})


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a cell and the number it stands for, if it is one."""

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
    """A table with a title. The first `strong` rows are totals."""

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
    """A point with its lead in bold, followed by the evidence."""

    lead: str
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as two images, with its text alternative."""

    svg: bytes
    png: bytes
    title: str
    alternative: str


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered section of the report."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    picture: Picture | None = None
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The letterhead's values, and the Word template with it.

    The superior body, the issuing one, the symbol after the number, and who signs.
    """

    parent: str
    office: str
    symbol: str
    signer: str
    template: Path


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report as text."""

    province: str
    letterhead: Letterhead
    year: int
    month: Month
    title: str
    subtitle: str
    basis: str
    # Boxed above the title: "DỰ THẢO" and the like; empty once approved.
    mark: str
    verdict: str
    tiles: tuple[Tile, ...]
    picture: Picture
    good: tuple[Point, ...]
    direction: tuple[Point, ...]
    sections: tuple[Section, ...]
    annex: Section
    footer: tuple[str, ...]
