"""Control charts of a demo: a phase I baseline before the fall, then an update every night.

Stored answers have no time, so the nights are replayed from the drafts, which still do.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import monitoring
from survey.demo.answers import Asked
from survey.demo.scenario import PlantedEffects, Scenario
from survey.models.organisation import Sector
from survey.models.questionnaire import SATISFIED_FROM
from survey.models.staff import Staff
from survey.monitoring.baselines import LEAST_MONTHS, is_tet_month
from survey.period import Month
from survey.province import calendar_of
from survey.province.workdays import LOCAL, local_day

# After the period close, in office hours.
FREEZING = timedelta(hours=9)
NIGHT = time(4)
Act = Callable[[datetime], None]


class Monitoring:
    """The analyst's baseline and the nightly updates of a demo."""

    def __init__(
        self,
        session: Session,
        scenario: Scenario,
        planted_effects: PlantedEffects,
        asked: Sequence[Asked],
        analyst: Staff,
    ) -> None:
        self.session, self.scenario, self.analyst = session, scenario, analyst
        calendar = calendar_of(session)
        fall = Month.of(planted_effects.fall_from)
        self.usual = [
            month
            for month in scenario.closed_periods
            if month < fall and not is_tet_month(calendar, month)
        ]
        self.news = self._news(asked)
        self.found: dict[monitoring.ChartKey, monitoring.CumulativeCounts] = defaultdict(
            monitoring.CumulativeCounts
        )

    def acts(self) -> Iterator[tuple[datetime, Act]]:
        """When to set the baseline and to update; empty with too few months before the fall."""
        if len(self.usual) < LEAST_MONTHS:
            return
        baseline = self.usual[-1].closable_from + FREEZING
        yield baseline, self._set_baseline
        night = datetime.combine(local_day(baseline) + timedelta(days=1), NIGHT, LOCAL)
        while night <= self.scenario.now:
            yield night, self._read
            night += timedelta(days=1)

    def _set_baseline(self, now: datetime) -> None:
        first, last = self.usual[0], self.usual[-1]
        monitoring.set_baseline(self.session, first, last, now, staff_id=self.analyst.id)
        today = local_day(now)
        self._learn(today)
        monitoring.begin(self.session, self.found, today)

    def _read(self, now: datetime) -> None:
        yesterday = local_day(now) - timedelta(days=1)
        self._learn(yesterday)
        monitoring.update_charts(self.session, self.found, yesterday, now)

    def _learn(self, until: date) -> None:
        for day in [day for day in self.news if day <= until]:
            for chart_key, counts in self.news.pop(day):
                self.found[chart_key] = self.found[chart_key].plus(counts)

    def _news(
        self, asked: Sequence[Asked]
    ) -> dict[date, list[tuple[monitoring.ChartKey, monitoring.CumulativeCounts]]]:
        """Day → messages delivered and answers received on it."""
        groups = dict(self.session.execute(select(Sector.code, Sector.target_group)).all())
        news: dict[date, list[tuple[monitoring.ChartKey, monitoring.CumulativeCounts]]] = (
            defaultdict(list)
        )
        for one in asked:
            cell = one.dossier.cell
            if cell is None or not one.reached:
                continue
            chart_key = (cell.agency_id, groups[cell.sector_code])
            sent = monitoring.CumulativeCounts(invited=1, delivered=1)
            news[local_day(one.sent)].append((chart_key, sent))
            if one.answered is not None:
                bad = int(one.rating < SATISFIED_FROM)
                answer = monitoring.CumulativeCounts(rated=1, not_satisfied=bad)
                news[local_day(one.answered)].append((chart_key, answer))
        return dict(sorted(news.items()))
