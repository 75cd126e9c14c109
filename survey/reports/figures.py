"""The figures of a report as frozen values, read from the payload of a snapshot or of a draft.

All shares are fractions 0..1; None means no ratings, or no such value in the payload.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from survey.indices import Figure, Status, read_figure
from survey.insights import Overview
from survey.period import Month, month_of


class Stage(StrEnum):
    """Stage of a month's report."""

    OPEN = "open"
    CLOSED = "closed"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """Numbers of dossiers finished, invited, delivered and answered (sampling frame)."""

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
        """Late dossiers divided by finished ones; 0 for an agency without dossiers."""
        return self.late / self.finished if self.finished else 0.0


@dataclass(frozen=True, slots=True)
class Scoring:
    """Confidence level of the printed interval (a fraction), and minimum sample for a verdict."""

    confidence: float
    verdict_from: int


@dataclass(frozen=True, slots=True)
class RuleHit:
    """An agency whose violation of a threshold excludes "good". `value`, `limit`: fractions."""

    agency: str
    rule: str
    value: float
    limit: float
    operator: str
    quote: str
    source: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Cases of one agency or reason whose written reply was due in the month, by outcome.

    Replied in time or late; overdue without a reply; closed without a reply; transferred; citizen
    not reached; or still within the deadline.
    """

    label: str
    due: int = 0
    on_time: int = 0
    late: int = 0
    overdue: int = 0
    unanswered: int = 0
    transferred: int = 0
    unreachable: int = 0
    waiting: int = 0

    @property
    def decided(self) -> int:
        """All cases except those still within the deadline."""
        return self.due - self.waiting

    @property
    def ended_without_answer(self) -> int:
        """Cases that were closed without an answer to the citizen."""
        return self.unanswered + self.transferred + self.unreachable

    @property
    def on_time_share(self) -> float | None:
        """Replied in time as a share of decided cases, closed ones included; None without any."""
        return self.on_time / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """Cases whose reply was due in the month, as of `as_of`, and the number `opened` in it.

    Times are medians in working hours: until somebody took a case, and until the citizen was
    answered, over the cases where that happened.
    """

    as_of: datetime
    total: CaseLine
    opened: int = 0
    by_agency: tuple[CaseLine, ...] = ()
    by_reason: tuple[CaseLine, ...] = ()
    closed: int = 0
    reopened: int = 0
    postponed: int = 0
    median_taken_hours: float | None = None
    median_reply_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """Later changes to one field of dossiers whose cell was already fixed."""

    field: str
    dossiers: int
    agencies: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One published value of an index; shares are fractions."""

    index: float | None
    rated: int
    finished: int


@dataclass(frozen=True, slots=True)
class RevisedLine:
    """One row of the previous month: as closed, and now (None: suppressed against differencing)."""

    label: str
    moved: int
    dossiers: int
    old: Reading | None
    new: Reading | None


@dataclass(frozen=True, slots=True)
class Revision:
    """Changes to the previous month after its period close: late or changed answers, dossiers."""

    month: Month
    late: int
    changed: int
    dossiers: int
    lines: tuple[RevisedLine, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """The four figures of the previous month, from its snapshot."""

    month: Month
    index: float | None
    sectors_met: int | None
    sectors: int
    response_rate: float | None
    cases_on_time: float | None


@dataclass(frozen=True, slots=True)
class LevelToHold:
    """A target of the previous span of years, still to be maintained. `value` is a fraction."""

    scope: str
    value: float
    by_year: int


@dataclass(frozen=True, slots=True)
class Approved:
    """Who approved the report, and when."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of the figures: province, snapshot and digest (None: live counts), audit log."""

    province: str
    snapshot: int | None
    digest: str | None
    audit_head: str
    made_at: datetime
    # The Word template of the province's letterhead.
    template: Path
    kept: tuple[LevelToHold, ...] = ()
    approved: Approved | None = None
    # Base URL of the formula reference.
    formulas_url: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one monthly report prints."""

    month: Month
    origin: Origin
    formula: str
    scoring: Scoring
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
    revision: Revision | None
    before: Before | None
    # None while the month is open.
    overview: Overview | None

    @property
    def stage(self) -> Stage:
        """Open, closed or approved."""
        if self.origin.snapshot is None:
            return Stage.OPEN
        return Stage.APPROVED if self.origin.approved else Stage.CLOSED

    @property
    def is_draft(self) -> bool:
        """Whether the period is not closed; every document states it."""
        return self.stage is Stage.OPEN

    @property
    def sectors_met(self) -> int | None:
        """Number of sectors that met their target; None while the month is not closed."""
        return None if self.is_draft else len(by_status(self.sectors, Status.MET))


def by_status(figures: Sequence[Figure], status: Status) -> list[Figure]:
    """The figures with one status, furthest below its target first."""
    return sorted((one for one in figures if one.status is status), key=lambda one: one.gap)


def read_report(
    payload: Mapping[str, Any],
    origin: Origin,
    cases: CaseFigures,
    corrections: Sequence[Correction] = (),
    before: Before | None = None,
    overview: Overview | None = None,
) -> Report:
    """The report of one payload after disclosure control; figures are only read and sorted."""
    groups = payload["figures"]
    rules, unproven = _read_rules(payload["rules"])
    names = {row["key"]: row["label"] for row in groups["agency"]}
    coverage = payload["coverage"]["not_invited"]
    frame = payload["frame"]
    scoring, closed_at = payload["scoring"], payload["closed_at"]
    return Report(
        month=month_of(payload["month"]),
        origin=origin,
        formula=payload["formula"],
        scoring=Scoring(scoring["confidence"], scoring["verdict_from"]),
        closed_at=datetime.fromisoformat(closed_at) if closed_at else None,
        overall=read_figure(groups["overall"][0]),
        sectors=_by_size(groups["sector"]),
        agencies=_by_size(groups["agency"]),
        procedures=_by_size(groups["procedure"]),
        channels=_by_size(groups["channel"]),
        factors=_read_factors(payload),
        frame=FrameFigures(**{name: frame[name] for name in FrameFigures.__dataclass_fields__}),
        not_invited=tuple(sorted(coverage.items(), key=lambda item: (-item[1], item[0]))),
        late=_read_late(payload["late"], names),
        rules=rules,
        unproven=unproven,
        cases=cases,
        corrections=tuple(corrections),
        revision=_read_revision(payload["revision"]),
        before=before,
        overview=overview,
    )


def _by_size(rows: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    return tuple(sorted(map(read_figure, rows), key=lambda one: (-one.finished, one.label)))


def _read_factors(payload: Mapping[str, Any]) -> tuple[Figure, ...]:
    """The factors of the whole province, with their names, in the order of the questionnaire."""
    lines = ((code, name, payload["factors"][code]["overall"]) for code, name in payload["names"])
    return tuple(read_figure({**line, "key": code, "label": name}) for code, name, (line,) in lines)


def _read_late(
    late: Mapping[str, Mapping[str, int]], names: Mapping[str, str]
) -> tuple[LateFigures, ...]:
    lines = [
        LateFigures(code, names[code], row["finished"], row["late"]) for code, row in late.items()
    ]
    return tuple(sorted(lines, key=lambda one: (-one.share, one.label)))


def _read_revision(row: Mapping[str, Any] | None) -> Revision | None:
    if row is None:
        return None
    lines = tuple(
        RevisedLine(
            line["label"],
            line["moved"],
            line["dossiers"],
            *(Reading(**line[name]) if line[name] else None for name in ("old", "new")),
        )
        for line in row["lines"]
    )
    return Revision(month_of(row["month"]), row["late"], row["changed"], row["dossiers"], lines)


def _read_rules(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[RuleHit, ...], int]:
    """Rules that exclude "good", largest violation first, and the number of violations unproven."""
    hits = []
    for row in (row for row in rows if row["proven"]):
        values = {name: row[name] for name in RuleHit.__dataclass_fields__}
        hits.append(RuleHit(**{**values, "agency": row["label"]}))
    hits.sort(key=lambda one: (one.rule, -abs(one.value - one.limit), one.agency))
    return tuple(hits), len(rows) - len(hits)
