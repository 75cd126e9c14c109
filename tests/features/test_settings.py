"""Settings: production does not start with a wrong or weak one, and names it."""

import base64
import secrets
from pathlib import Path

import pytest
from flask.cli import NoAppException

from survey import create_app
from survey.settings import from_env
from tests.conftest import Ran, run_command, running


def key() -> str:
    """A valid key."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def production(**changes: str) -> dict[str, str]:
    """The environment of a valid production, with some variables changed."""
    good = {
        "SECRET_KEY": key(),
        "DATA_KEY": key(),
        "PUBLIC_URL": "https://danhgia.khanhhoa.gov.vn",
        "DATABASE_URL": "postgresql://survey@db/survey",
        "SMS_PROVIDER": "kannel",
        "KANNEL_SEND_URL": "http://127.0.0.1:13013/cgi-bin/sendsms",
        "KANNEL_USERNAME": "survey",
        "KANNEL_PASSWORD": "x",
        "KANNEL_WEBHOOK_SECRET": "y",
    }
    return {**good, **changes}


def faults(**changes: str) -> dict[str, bool]:
    """Name of each fault → whether it stops a production start."""
    return {fault.name: fault.fatal for fault in from_env(production(**changes)).faults()}


def test_a_good_production_has_no_fault() -> None:
    """A complete, strong environment has no fault."""
    assert faults() == {}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"DATA_KEY": "short"}, "DATA_KEY"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
        ({"SECRET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode()}, "SECRET_KEY"),
        ({"DATA_KEY": base64.urlsafe_b64encode(bytes(range(32))).decode()}, "DATA_KEY"),
        ({"DATA_KEYS_OLD": "nonsense"}, "DATA_KEYS_OLD"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://danhgia.khanhhoa.gov.vn"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://danhgia.khanhhoa.gov.vn/sub"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://danhgia.khanhhoa.gov.vn/?a=1"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://a:b@danhgia.khanhhoa.gov.vn"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://danhgia.khanhhoa.gov.vn:cong"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://[::1"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://hài-lòng.khanhhoa.gov.vn"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://danhgiahailong.sonoivu.khanhhoa.gov.vn"}, "PUBLIC_URL"),
        ({"KANNEL_SEND_URL": "127.0.0.1:13013"}, "KANNEL_SEND_URL"),
        ({"KANNEL_WEBHOOK_SECRET": "a/b"}, "KANNEL_WEBHOOK_SECRET"),
        ({"TWILIO_API_BASE": "nonsense"}, "TWILIO_API_BASE"),
        ({"PORT": "99999"}, "PORT"),
        ({"SMS_RATE": "9" * 5000}, "SMS_RATE"),
        ({"SMS_PROVIDER": "pigeon"}, "SMS_PROVIDER"),
        ({"KANNEL_PASSWORD": ""}, "KANNEL_PASSWORD"),
        ({"SMS_PROVIDER": "twilio"}, "TWILIO_AUTH_TOKEN"),
        ({"SMS_RATE": "fast"}, "SMS_RATE"),
        ({"SMS_DAILY_BUDGET": "-3"}, "SMS_DAILY_BUDGET"),
        ({"SMS_MONTHLY_BUDGET": "nhieu"}, "SMS_MONTHLY_BUDGET"),
        ({"REQUIRE_2FA": "maybe"}, "REQUIRE_2FA"),
        ({"DATABASE_URL": "mysql://survey@db/survey"}, "DATABASE_URL"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"CELERY_BROKER_URL": "127.0.0.1:5672"}, "CELERY_BROKER_URL"),
    ],
)
def test_each_wrong_setting_is_named_and_stops_production(
    changes: dict[str, str], named: str
) -> None:
    """A missing, weak or unreadable setting is a fault under its own name and prevents a start."""
    assert faults(**changes)[named] is True
    with pytest.raises(NoAppException, match=named):
        create_app(from_env(production(**changes)))


def test_equal_keys_are_refused() -> None:
    """One key for two uses is a fault."""
    same = key()
    assert faults(SECRET_KEY=same, DATA_KEY=same)["DATA_KEY"] is True
    assert faults(SECRET_KEY=same, DATA_KEY=same.rstrip("="))["DATA_KEY"] is True


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, "PUBLIC_URL"),
        ({"DATABASE_URL": "sqlite:////srv/survey.db"}, "DATABASE_URL"),
        ({"SMS_PROVIDER": "console"}, "SMS_PROVIDER"),
        ({"REQUIRE_2FA": "0"}, "REQUIRE_2FA"),
    ],
)
def test_what_is_only_unwise_warns(changes: dict[str, str], named: str) -> None:
    """Loopback, SQLite, the console provider and no second factor only give warnings."""
    assert faults(**changes)[named] is False


def check_config(environment: dict[str, str]) -> Ran:
    """Run the one command that works with wrong settings."""
    with running(environment) as app:
        return run_command(app, "check-config", "--json")


def test_check_config_lists_every_fault(sqlite_environment: dict[str, str]) -> None:
    """`check-config` names weak settings and exits 0; a fatal one makes it exit 1."""
    ran = check_config({**sqlite_environment, "DEMO": "1"})
    assert ran.code == 0
    assert {fault["name"] for fault in ran.json["faults"]} >= {"DATABASE_URL", "SMS_PROVIDER"}
    elsewhere = check_config({**sqlite_environment, "DEMO": "1", "PROVINCE": "nowhere"})
    assert elsewhere.code == 1
    assert "PROVINCE" in {fault["name"] for fault in elsewhere.json["faults"]}
    broken = check_config({**sqlite_environment, "DEMO": "1", "DATA_KEY": "short"})
    assert broken.code == 1
    assert {"name": "DATA_KEY", "fatal": True} in [
        {"name": fault["name"], "fatal": fault["fatal"]} for fault in broken.json["faults"]
    ]


@pytest.mark.parametrize(
    "url", ["sqlite:///{tmp}/empty.db", "sqlite:///{tmp}/no/such/folder.db", "{dead}"]
)
def test_a_database_that_cannot_be_used_is_said_in_a_sentence(
    sqlite_environment: dict[str, str], tmp_path: Path, url: str
) -> None:
    """An unmigrated, missing or unreachable database gives exit code 2 and advice, without a
    traceback.
    """
    address = url.format(tmp=tmp_path, dead="postgresql://nobody@127.0.0.1:1/none")
    with running({**sqlite_environment, "DATABASE_URL": address}) as app:
        ran = run_command(app, "index", "show", "--period", "2026-01", "--by", "sector")
    assert ran.code == 2
    assert "flask --app survey db upgrade" in ran.err
    assert "Traceback" not in ran.err
    assert "SELECT" not in ran.err
