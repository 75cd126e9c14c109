"""Prometheus metrics, read from the tables on each scrape, so that all processes give the same.

Counts only. A scraper sends METRICS_TOKEN; without that setting the page does not exist.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hmac import compare_digest
from typing import cast

from flask import Blueprint, Flask, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from survey import clock, monitoring
from survey.cases import inbox
from survey.cases.queue import case_groups, open_cases
from survey.db import db
from survey.delivery import rates
from survey.delivery.operator_alerts import open_operator_alerts
from survey.delivery.queue_status import QueueStatus, outcomes_since, queue_status
from survey.delivery.unclear import waiting_for_person
from survey.jobs.heartbeat import most_silent
from survey.jobs.queue import count_by_state
from survey.messages.outbox import circuit_breaker
from survey.messages.outbox.rules import load_rules
from survey.models.job import ProcessKind
from survey.models.message import MessageState
from survey.settings import Settings
from survey.version import VERSION

metrics = Blueprint("metrics", __name__)

EPOCH = datetime.fromtimestamp(0, UTC)
PAUSE_REASONS = ("window", "breaker", "fault", "budget")


@metrics.get("/metrics")
def show() -> Response:
    """All metrics in text format; 404 without METRICS_TOKEN, 401 if the request lacks it."""
    token = cast("Settings", current_app.extensions["settings"]).metrics_token
    if not token:
        abort(404)
    given = request.headers.get("Authorization", "")
    if not compare_digest(given.encode(), f"Bearer {token}".encode()):
        return Response("", 401, {"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(_Figures(db.session(), clock.now()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def register(app: Flask) -> None:
    """Register the page on the application."""
    app.register_blueprint(metrics)


class _Figures(Collector):
    """One reading of the tables."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session, self.now = session, now

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        yield from self._of_outbox(queue_status(self.session, self.now))
        yield from self._of_delivery()
        yield from self._of_budgets()
        yield from self._of_work()

    def _of_outbox(self, state: QueueStatus) -> Iterator[Metric]:
        states = dict.fromkeys(MessageState, 0) | outcomes_since(self.session, EPOCH)
        yield _family("langnghe_messages", "Messages by state.", "state", states.items())
        yield _gauge("langnghe_messages_waiting", "Messages due and not sent.", state.waiting)
        oldest = (self.now - state.oldest).total_seconds() if state.oldest else 0
        yield _gauge("langnghe_messages_oldest_waiting_seconds", "Age of the oldest.", oldest)
        yield _gauge("langnghe_messages_sent_today", "Sent since local midnight.", state.sent_today)
        yield _gauge("langnghe_messages_per_second", "Pace of the last minute.", state.pace or 0)
        left = state.remaining.total_seconds() if state.remaining else 0
        yield _gauge("langnghe_messages_remaining_seconds", "Time left at that pace.", left)
        person = waiting_for_person(self.session, self.now)
        yield _gauge("langnghe_messages_need_person", "Unclear, for a person to decide.", person)
        reason = state.pause_reason.reason if state.pause_reason else ""
        holds = [(name, int(name == reason)) for name in PAUSE_REASONS]
        yield _family("langnghe_messages_held", "1 for what holds messages back.", "reason", holds)

    def _of_delivery(self) -> Iterator[Metric]:
        found = rates.yesterday(self.session, self.now)
        handed = [(carrier, count[0]) for carrier, count in found.items()]
        arrived = [(carrier, count[1]) for carrier, count in found.items()]
        name = "langnghe_delivery_yesterday"
        yield _family(f"{name}_handed_over", "Handed over yesterday.", "carrier", handed)
        yield _family(f"{name}_arrived", "Of these, arrived.", "carrier", arrived)

    def _of_budgets(self) -> Iterator[Metric]:
        found = circuit_breaker.budgets(self.session, load_rules(self.session), self.now)
        used = [(one.period, one.used) for one in found]
        limits = [(one.period, one.limit) for one in found]
        yield _family("langnghe_budget_segments_used", "Segments booked.", "period", used)
        yield _family("langnghe_budget_segments_limit", "Segments allowed.", "period", limits)

    def _of_work(self) -> Iterator[Metric]:
        yield _gauge("langnghe_inbox_waiting", "Texts for a person.", inbox.waiting(self.session))
        yield from self._of_processes()
        jobs = count_by_state(self.session)
        yield _family("langnghe_jobs", "Background jobs by state.", "state", jobs.items())
        alerts = Counter(alert.rule for alert in open_operator_alerts(self.session))
        alerts |= Counter(card.rule for card in case_groups(open_cases(self.session)))
        alerts |= Counter(key.rule for key in monitoring.open_alert_keys(self.session))
        yield _family("langnghe_alerts_open", "Open alerts by rule.", "rule", alerts.items())

    def _of_processes(self) -> Iterator[Metric]:
        yield _family("langnghe_build", "What is installed.", "version", [(VERSION, 1)])
        silent = dict.fromkeys((ProcessKind.SENDER, ProcessKind.WORKER), -1.0)
        for kind, at in most_silent(self.session).items():
            if kind is not ProcessKind.WEB:
                silent[kind] = (self.now - at).total_seconds()
        words = "Since a sign of life of the most silent process of a kind; -1 never."
        yield _family("langnghe_silent_seconds", words, "kind", silent.items())


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value)


def _family(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family
