import json
from dataclasses import replace
from datetime import timedelta

import pytest

from survey.errors import Invalid
from survey.messages.providers import OutgoingSms, SmsNotSent, build_provider
from survey.messages.providers.console import ConsoleProvider
from survey.models.recipient import Recipient
from survey.settings import SmsSettings, from_env
from tests.messages.gateway import NOW
from tests.seeding import Wanted, ask_everybody, finish

SMS = OutgoingSms("a" * 32, Recipient.by_sms("+84900000001"), "Xin chào", "ucs2", 1, 60, NOW)


def test_one_line_a_message(tmp_path):
    """The console file holds one JSON object a message, as the contract names its fields."""
    provider = ConsoleProvider(tmp_path / "new" / "sms.jsonl")
    accepted = provider.send(SMS)
    (line,) = provider.path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "id": accepted.provider_id, "to": "+84900000001", "text": "Xin chào", "segments": 1,
        "encoding": "ucs2", "at": NOW.isoformat(),
    }  # fmt: skip


def test_listing_passes_over_torn_lines(tmp_path):
    """A line that was cut short does not hide the others."""
    provider = ConsoleProvider(tmp_path / "sms.jsonl")
    assert provider.list_sent(SMS.recipient) == []
    provider.send(SMS)
    provider.send(replace(SMS, recipient=Recipient.by_sms("+84900000002")))
    with provider.path.open("a", encoding="utf-8") as file:
        file.write('{"id": "torn')
    (listed,) = provider.list_sent(SMS.recipient)
    assert (listed.attempt_id, listed.text) == ("a" * 32, "Xin chào")


def test_a_file_that_cannot_be_opened(tmp_path):
    """Where nothing could be written, nothing was sent."""
    with pytest.raises(SmsNotSent):
        ConsoleProvider(tmp_path).send(SMS)


def test_the_settings_name_the_provider(tmp_path):
    """The provider comes from the settings; an unknown name is refused."""
    settings = from_env({"SMS_CONSOLE_FILE": str(tmp_path / "x.jsonl")})
    provider = build_provider(settings)
    assert provider.name == "console"
    assert provider.abilities.is_loopback
    with pytest.raises(Invalid):
        build_provider(replace(settings, sms=SmsSettings(provider="pigeon")))


def test_commands_send_and_reconcile(transact, runner, environment):
    """The commands send what is due at T and report as the contract says."""
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(1), Wanted(2)])
    sent = runner("messages", "send-due", "--now", NOW.isoformat(), "--limit", "1", "--json")
    assert sent.json == {"sent": 1, "failed": 0, "unknown": 0, "waiting": 1}
    assert "Đã gửi 1" in runner("messages", "send-due", "--now", NOW.isoformat()).out
    looked = runner("messages", "reconcile", "--now", NOW.isoformat(), "--json")
    assert looked.json == {"found_sent": 0, "released": 0, "still_unknown": 0}


def test_no_other_day_where_people_are_reached(make_app, clock):
    """With a provider that reaches people, --now may not be far from the clock."""
    app = make_app(
        SMS_PROVIDER="twilio",
        TWILIO_ACCOUNT_SID="AC" + "0" * 32,
        TWILIO_AUTH_TOKEN="0" * 32,
        TWILIO_FROM="+15005550006",
        TWILIO_API_BASE="https://sms.example.vn",
    )
    late = (clock() + timedelta(hours=2)).isoformat()
    done = app.test_cli_runner().invoke(args=["messages", "send-due", "--now", late])
    assert done.exit_code == 2
    assert "10 phút" in done.stderr
