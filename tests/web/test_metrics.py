"""The figures of the page of messages, for a machine."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from survey.models.message import MessageState
from survey.version import VERSION
from tests.clocks import NOW
from tests.web.test_messages import put

TOKEN = "a-long-enough-token-27"


def test_a_scraper_with_the_token_reads_the_figures(make_app):
    """Prometheus' own parser reads states, waiting, pace and delivery; no other caller does."""
    app = make_app(METRICS_TOKEN=TOKEN, SMS_DAILY_BUDGET="10")
    put(app, 1)
    put(app, 2, state=MessageState.DELIVERED, sent_at=NOW - timedelta(days=1))
    put(app, 3, state=MessageState.UNKNOWN, unknown_since=NOW - timedelta(hours=1))
    client = app.test_client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert figures["langnghe_messages", "ready"] == 1
    assert figures["langnghe_messages", "sending"] == 0
    assert figures["langnghe_messages_waiting",] == 1
    assert 115 < figures["langnghe_messages_oldest_waiting_seconds",] < 600
    assert figures["langnghe_messages_need_person",] == 1
    assert figures["langnghe_delivery_yesterday_handed_over", "MobiFone"] == 1
    assert figures["langnghe_delivery_yesterday_arrived", "MobiFone"] == 1
    assert figures["langnghe_budget_segments_limit", "day"] == 10
    assert figures["langnghe_silent_seconds", "worker"] == -1
    assert figures["langnghe_build", VERSION] == 1
    assert not any(label.isdigit() for key in figures for label in key[1:])


def test_without_a_token_there_is_no_such_page(sqlite_app):
    """An installation that sets no token tells no figures, whoever asks."""
    asked = sqlite_app.test_client().get("/metrics", headers={"Authorization": "Bearer "})
    assert asked.status_code == 404
