"""The dashboard: one month's index against its targets, with sample size and uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from survey import clock, indices, invitations
from survey.db import db
from survey.errors import Invalid
from survey.indices import Breakdown, Figure, Status
from survey.models.staff import Scope
from survey.period import Month, Period, period_of
from survey.province import codes_of
from survey.province.targets import schedule
from survey.reports.figures import FrameFigures
from survey.reports.gather import frame_of
from survey.reports.phrases import REASONS
from survey.web.staff.errors import staff_blueprint
from survey.web.staff.guard import current_scope

blueprint = staff_blueprint("dashboard", __name__, "/staff/dashboard")

# The level reached in 2021–2025, which must be maintained from 2026 on.
LEVEL_TO_HOLD = Month("2025-12")
# So many rows of a long table are expanded; the others are collapsed.
OPEN_LINES = 15
# The statuses counted in a section's sentence, in this order.
COUNTED = (Status.NOT_MET, Status.UNCERTAIN, Status.MET, Status.FEW)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of figures, furthest below its target first."""

    title: str
    head: str
    rows: list[Figure]

    @property
    def parts(self) -> list[list[Figure]]:
        """The expanded and the collapsed rows."""
        most = OPEN_LINES if len(self.rows) > OPEN_LINES + 2 else len(self.rows)
        return [part for part in (self.rows[:most], self.rows[most:]) if part]

    @property
    def counts(self) -> list[tuple[Status, int]]:
        """Number of rows per status; statuses without rows are left out."""
        states = [row.status for row in self.rows]
        return [(state, states.count(state)) for state in COUNTED if state in states]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the page shows of one period."""

    overall: Figure
    to_hold: float | None
    frame: FrameFigures
    sectors: Section
    agencies: Section
    channels: Section
    not_invited: list[tuple[str, int]]
    is_narrowed: bool
    rules: indices.Rules


@blueprint.get("")
def show() -> str:
    """The figures of the chosen period, or of the newest month with dossiers."""
    session, now = db.session(), clock.now()
    months = indices.months_with_dossiers(session, now)
    period = chosen_period(months, now)
    periods, closed = periods_with_dossiers(months), indices.closed_months(session)
    return render_template(
        "staff/dashboard.html",
        periods=periods if period in periods else [period, *periods],
        period=period,
        newest=months[0] if months else "",
        board=_board(session, period, now) if set(months) & set(period.months) else None,
        closing=period.closable_from,
        formula=indices.formula_of(session, period),
        scored=max((one for one in closed if one < period.first), default=""),
    )


def chosen_month(months: list[Month], now: datetime) -> Month:
    """The month in the query string; Invalid `bad_period` if malformed, longer or in the future."""
    period = chosen_period(months, now)
    if not isinstance(period, Month):
        raise Invalid("bad_period", period)
    return period


def chosen_period(months: list[Month], now: datetime) -> Period:
    """The period in the query string; Invalid if malformed or in the future."""
    text = request.args.get("period", "").strip()
    if not text:
        return months[0] if months else Month.at(now)
    period = period_of(text)
    indices.check_period(period, now)
    return period


def periods_with_dossiers(months: list[Month]) -> list[Period]:
    """These months, then the quarters, half-years and years around them, newest first."""
    longer = sorted({period for month in months for period in month.around}, reverse=True)
    return [*months, *longer]


def _board(session: Session, period: Period, now: datetime) -> Board:
    scope = current_scope()
    tables = indices.published_tables(session, period, now)
    sectors: Sequence[Figure] = tables[Breakdown.SECTOR]
    if scope.sector_code:
        sectors = [one for one in sectors if one.key == scope.sector_code]
    agencies = _seen_agencies(session, tables[Breakdown.AGENCY], scope)
    coverage = invitations.coverage(session, period)
    return Board(
        overall=tables[Breakdown.OVERALL][0],
        to_hold=_level_to_hold(session, period.last),
        frame=frame_of(session, period),
        sectors=Section(gettext("Theo lĩnh vực"), gettext("Lĩnh vực"), _worst_first(sectors)),
        agencies=Section(
            gettext("Theo cơ quan, đơn vị"), gettext("Cơ quan, đơn vị"), _worst_first(agencies)
        ),
        channels=Section(
            gettext("Theo hình thức nộp"),
            gettext("Hình thức nộp"),
            _worst_first(tables[Breakdown.CHANNEL]),
        ),
        not_invited=_reasons(coverage.not_invited),
        is_narrowed=scope != Scope(),
        rules=indices.rules_of(session, period),
    )


def _level_to_hold(session: Session, month: Month) -> float | None:
    """The target of 2021–2025, for months after it."""
    before = schedule(session, LEVEL_TO_HOLD).overall() if month > LEVEL_TO_HOLD else None
    return float(before.value) if before else None


def _seen_agencies(session: Session, figures: Sequence[Figure], scope: Scope) -> Sequence[Figure]:
    if scope.agency_ids is None:
        return figures
    codes = codes_of(session, scope.agency_ids)
    return [one for one in figures if one.key in codes]


def _worst_first(figures: Sequence[Figure]) -> list[Figure]:
    """By distance to the target; small samples last, because their order is noise."""
    return sorted(figures, key=lambda one: (_weight(one), one.gap, one.label))


def _weight(one: Figure) -> int:
    if one.is_suppressed or not one.rated:
        return 2
    return 1 if one.status is Status.FEW else 0


def _reasons(not_invited: dict[str, int]) -> list[tuple[str, int]]:
    """Reasons for dossiers not invited, most frequent first, with their labels."""
    ordered = sorted(not_invited.items(), key=lambda item: (-item[1], item[0]))
    return [(gettext(REASONS.get(reason, reason)), number) for reason, number in ordered if number]
