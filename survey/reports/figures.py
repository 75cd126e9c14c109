"""What a report holds, as plain frozen values: read from a snapshot's payload, or from a draft's.

All shares are fractions 0..1; None means that nothing was rated or that the payload has no value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

# Fewer ratings than this are never printed: they could name a person.
SMALLEST_SHOWN = 5
# Fewer ratings than this are shown without a verdict.
SMALLEST_JUDGED = 30
INDEX_RULE = "index_not_good"


class Status(StrEnum):
    """How a figure stands against its target, as documents say it."""

    MET = "met"
    UNCERTAIN = "uncertain"
    NOT_MET = "not_met"
    FEW = "few"
    HIDDEN = "hidden"
    PROVISIONAL = "provisional"
    NO_TARGET = "no_target"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: the index of a sector, an agency, a procedure, a channel or the whole."""

    key: str
    label: str
    finished: int
    rated: int
    satisfied: int
    raw: float | None
    index: float | None
    low: float | None
    high: float | None
    mean: float | None
    response_rate: float | None
    missing_low: float | None
    missing_high: float | None
    target: float | None
    target_source: str
    verdict: str | None
    needed: int | None
    provisional: bool
    target_is_default: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether so few rated that the line must not be printed."""
        return 0 < self.rated < SMALLEST_SHOWN

    @property
    def status(self) -> Status:
        """Where the figure stands; small samples are never called met or not met."""
        if self.is_hidden:
            return Status.HIDDEN
        if self.target is None and self.rated:
            return Status.NO_TARGET
        if self.rated < SMALLEST_JUDGED:
            return Status.FEW
        if self.provisional or self.verdict is None:
            return Status.PROVISIONAL
        return Status(self.verdict)

    @property
    def gap(self) -> float:
        """Distance of the index to its target (negative: below); 0 where either is missing."""
        return 0.0 if self.index is None or self.target is None else self.index - self.target


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """How many dossiers finished, were invited, were reached and answered."""

    finished: int
    invited: int
    delivered: int
    answered: int


@dataclass(frozen=True, slots=True)
class LateFigures:
    """Late dossiers of one agency."""

    code: str
    label: str
    finished: int
    late: int

    @property
    def share(self) -> float:
        """Late among finished, 0 for an agency without dossiers."""
        return self.late / self.finished if self.finished else 0.0


@dataclass(frozen=True, slots=True)
class RuleHit:
    """One agency that a rule bars from the rating "good". `value` and `limit` are fractions."""

    agency: str
    rule: str
    value: float
    limit: float
    operator: str
    quote: str
    source: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Cases of one agency or of one reason, as they stood at one moment."""

    label: str
    opened: int = 0
    on_time: int = 0
    late: int = 0
    overdue: int = 0
    waiting: int = 0

    @property
    def on_time_share(self) -> float | None:
        """Replied in time among those whose deadline is decided; None while none is."""
        decided = self.on_time + self.late + self.overdue
        return self.on_time / decided if decided else None


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """Cases opened in the month, as they stood at `as_of`. Times are in working hours."""

    as_of: datetime
    total: CaseLine
    by_agency: tuple[CaseLine, ...] = ()
    by_reason: tuple[CaseLine, ...] = ()
    closed: int = 0
    reopened: int = 0
    median_first_hours: float | None = None
    median_reply_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """Later changes of one field of dossiers whose cell was already fixed."""

    field: str
    dossiers: int
    agencies: int


@dataclass(frozen=True, slots=True)
class Before:
    """The four figures of the month before, from its snapshot."""

    month: str
    index: float | None
    sectors_met: int | None
    sectors: int
    response_rate: float | None
    cases_on_time: float | None


@dataclass(frozen=True, slots=True)
class KeptLevel:
    """A target of the span of years before, which still must be kept. `value` is a fraction."""

    scope: str
    value: float
    by_year: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What stands beside the figures: province, snapshot and digest (None: live counts), chain."""

    province: str
    snapshot: int | None
    digest: str | None
    audit_head: str
    made_at: datetime
    kept: tuple[KeptLevel, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one monthly report prints."""

    month: str
    origin: Origin
    formula: str
    closed_at: datetime | None
    overall: Figure
    sectors: tuple[Figure, ...]
    agencies: tuple[Figure, ...]
    procedures: tuple[Figure, ...]
    channels: tuple[Figure, ...]
    factors: tuple[Figure, ...]
    frame: FrameFigures
    not_invited: tuple[tuple[str, int], ...]
    late: tuple[LateFigures, ...]
    rules: tuple[RuleHit, ...]
    unproven: int
    cases: CaseFigures
    corrections: tuple[Correction, ...]
    before: Before | None

    @property
    def is_draft(self) -> bool:
        """Whether the period is not closed: every document says so."""
        return self.origin.snapshot is None

    @property
    def sectors_met(self) -> int | None:
        """How many sectors met their target; None while the month is not closed."""
        return None if self.is_draft else len(standing(self.sectors, Status.MET))


def standing(figures: Sequence[Figure], status: Status) -> list[Figure]:
    """The figures with one status, furthest below its target first."""
    return sorted((one for one in figures if one.status is status), key=lambda one: one.gap)


def read_figure(row: Mapping[str, Any]) -> Figure:
    """A figure from one entry of a payload; fields the report does not know are left out."""
    names = Figure.__dataclass_fields__
    known: dict[str, Any] = {name: row.get(name) for name in names}
    known["target_source"] = known["target_source"] or ""
    known["target_is_default"] = bool(known["target_is_default"])
    return Figure(**known)


def read_report(
    payload: Mapping[str, Any],
    origin: Origin,
    cases: CaseFigures,
    corrections: Sequence[Correction] = (),
    before: Before | None = None,
) -> Report:
    """The report of one payload. Figures are never computed here, only read and ordered."""
    groups = payload["figures"]
    agencies = tuple(read_figure(row) for row in groups["agency"])
    rules, unproven = _read_rules(payload["rules"], agencies)
    names = {one.key: one.label for one in agencies}
    coverage = payload["coverage"]["not_invited"]
    frame = payload["frame"]
    closed_at = payload.get("closed_at")
    return Report(
        month=payload["month"],
        origin=origin,
        formula=payload["formula"],
        closed_at=datetime.fromisoformat(closed_at) if closed_at else None,
        overall=read_figure(groups["overall"][0]),
        sectors=_by_size(groups["sector"]),
        agencies=tuple(sorted(agencies, key=lambda one: (-one.finished, one.label))),
        procedures=_by_size(groups["procedure"]),
        channels=_by_size(groups["channel"]),
        factors=_read_factors(payload.get("factors", {})),
        frame=FrameFigures(**{name: frame[name] for name in FrameFigures.__dataclass_fields__}),
        not_invited=tuple(sorted(coverage.items(), key=lambda item: (-item[1], item[0]))),
        late=_read_late(payload["late"], names),
        rules=rules,
        unproven=unproven,
        cases=cases,
        corrections=tuple(corrections),
        before=before,
    )


def _by_size(rows: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    figures = (read_figure(row) for row in rows)
    return tuple(sorted(figures, key=lambda one: (-one.finished, one.label)))


def _read_factors(factors: Mapping[str, Any]) -> tuple[Figure, ...]:
    rows = [(name, by["overall"][0]) for name, by in factors.items() if by.get("overall")]
    return tuple(read_figure({**row, "key": name}) for name, row in rows if name != "overall")


def _read_late(
    late: Mapping[str, Mapping[str, int]], names: Mapping[str, str]
) -> tuple[LateFigures, ...]:
    lines = [
        LateFigures(code, names.get(code, code), row["finished"], row["late"])
        for code, row in late.items()
    ]
    return tuple(sorted(lines, key=lambda one: (-one.share, one.label)))


def _read_rules(
    rows: Sequence[Mapping[str, Any]], agencies: Sequence[Figure]
) -> tuple[tuple[RuleHit, ...], int]:
    """Rules that bar an agency, and how many more would if more people had answered.

    Lateness is counted on all dossiers; an index of a few ratings is no ground to bar anybody.
    """
    known = {one.key: one for one in agencies}
    hits, unproven = [], 0
    for row in rows:
        figure = known.get(row["agency"])
        if figure and row["rule"] == INDEX_RULE and figure.rated < SMALLEST_JUDGED:
            unproven += 1
            continue
        values = {name: row[name] for name in RuleHit.__dataclass_fields__}
        hits.append(RuleHit(**{**values, "agency": figure.label if figure else row["agency"]}))
    return tuple(sorted(hits, key=lambda one: (one.rule, one.agency))), unproven
