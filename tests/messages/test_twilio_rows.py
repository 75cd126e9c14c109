"""What the outbox does about each thing that can go wrong with Twilio, one test a row.

Creates go through the official client and a real connection; callbacks through receipts.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from survey.messages import outbox, receipts
from survey.messages.providers import Callback
from survey.messages.providers.twilio import TwilioProvider
from survey.models.invitation import CoverageEntry, OptOut
from survey.models.message import Message, ProviderHealth
from survey.models.province import Province
from survey.settings import TwilioSettings
from tests.clocks import PATIENCE
from tests.conftest import unit_of_work
from tests.kannel.gateway import until
from tests.messages.fake_twilio import ACCOUNT, FakeTwilio, Trouble, on_line
from tests.messages.gateway import NOW
from tests.seeding import Wanted, ask_everybody, finish

NO_WAIT = timedelta()
MINUTE = timedelta(minutes=1)
PUBLIC = "https://danhgia.example.vn"


class Outgoing:
    """Invitations of one province that go out through a Twilio in trouble."""

    def __init__(self, app, fake):
        self.app, self.fake = app, fake
        self.provider = self.connect(fake.url)

    def connect(self, url):
        """The official client for an account at `url`."""
        account = TwilioSettings(
            account_sid=ACCOUNT, auth_token="t" * 32, sender="+15005550006", api_base=url
        )
        made = TwilioProvider(account, PUBLIC)
        made.client.http_client.timeout = PATIENCE
        return made

    def send(self, *troubles, at=NOW):
        """One citizen is asked for each trouble, at the same time."""
        self.fake.troubles = list(troubles)
        with unit_of_work(self.app) as session:
            ask_everybody(session)
            session.scalars(select(Province)).one().reminder_days = 0
            finish(session, [Wanted(n) for n in range(1, len(troubles) + 1)])
        with self.app.app_context():
            return outbox.send_due(self.provider, at)

    def hear(self, error, status="undelivered", sid=None):
        """Twilio calls back about every message it was sent, or about one."""
        with unit_of_work(self.app) as session:
            for message in session.scalars(select(Message)).all():
                if sid not in {None, message.provider_id}:
                    continue
                form = {
                    "MessageSid": message.provider_id or "", "MessageStatus": status,
                    "ErrorCode": error, "RawDlrDoneDate": "2605201000", "New": "x",
                }  # fmt: skip
                heard = Callback("/", form, {}, attempt_id=message.attempt_id or "")
                receipts.apply(session, NOW + MINUTE, self.provider.read_receipt(heard))

    def rows(self, *columns):
        """Distinct rows of some columns, sorted."""
        with unit_of_work(self.app) as session:
            return sorted({tuple(row) for row in session.execute(select(*columns))})

    @property
    def states(self):
        """State, reason and begun attempts of messages."""
        return self.rows(Message.state, Message.reason, Message.attempt)

    @property
    def pause(self):
        """Why the provider is paused, or None; and whether it begins nothing now."""
        with unit_of_work(self.app) as session:
            health = session.scalars(select(ProviderHealth)).first()
            if health is None:
                return None, False
            is_closed = health.open_until is not None and health.open_until > NOW
            return health.paused_reason, is_closed

    def send_again(self, at):
        """A later run, while Twilio is well; how many it took."""
        self.fake.troubles = []
        with self.app.app_context():
            return outbox.send_due(self.provider, at).sent

    def unclear_is_asked_about_first(self, made):
        """Nothing is sent again before two looks at the listing; then exactly the missing."""
        until("Twilio is done", lambda: len(self.fake.messages) == made)
        assert {state for state, _, _ in self.states} == {"unknown"}
        assert self.send_again(NOW + MINUTE) == 0
        with self.app.app_context():
            found = outbox.reconcile(self.provider, NOW + 11 * MINUTE, NO_WAIT)
        assert found.still_unknown == 0
        assert found.found_sent == made
        self.send_again(NOW + 12 * MINUTE)
        assert len(self.fake.messages) == made + found.released


@pytest.fixture
def twilio(sqlite_app):
    """Invitations that go out through a Twilio on this machine."""
    fake = FakeTwilio()
    with on_line(fake):
        made = Outgoing(sqlite_app, fake)
        yield made
        made.provider.client.http_client.session.close()
    assert fake.broken == []


# Nobody knows whether these made a message.
UNCLEAR = {
    "read timeout": [Trouble(201, silent=True, made=True)],
    "peer closes without answer": [Trouble(drop=True, made=True), Trouble(drop=True)],
    "connection reset": [Trouble(reset=True, made=True), Trouble(reset=True)],
    "cut body": [Trouble(201, cut=True, made=True)],
    "2xx with bad JSON": [Trouble(201, body="<html>", made=True)],
    "2xx with a bad date": [Trouble(201, body='{"sid": "SM", "date_created": 5}', made=True)],
    "5xx": [Trouble(status, 20500, made=status == 502) for status in (500, 502, 503, 504)],
    "3xx": [Trouble(302, body="")],
    "any answer not listed": [Trouble(408, 20408), Trouble(400, None), Trouble(499, 20499)],
}


@pytest.mark.parametrize("row", UNCLEAR)
def test_client_unclear(twilio, row):
    """Asked about twice before anything is sent again; found or sent once, never both."""
    if row == "read timeout":
        twilio.provider.client.http_client.timeout = (PATIENCE, 0.3)
    summary = twilio.send(*UNCLEAR[row])
    twilio.provider.client.http_client.timeout = PATIENCE
    assert summary.unknown == len(UNCLEAR[row])
    twilio.unclear_is_asked_about_first(sum(trouble.made for trouble in UNCLEAR[row]))
    assert len(twilio.fake.messages) == len(UNCLEAR[row])
    assert {state for state, _, _ in twilio.states} == {"sent"}


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        pytest.param(None, "SmsNotSent", id="connection refused"),
        pytest.param(Trouble(429, 20429), "SmsLoad", id="429"),
        pytest.param(Trouble(400, 21611), "SmsLoad", id="create, load"),
        pytest.param(Trouble(400, 29999), "SmsNotSent", id="4xx with code"),
        pytest.param(Trouble(400, 29999, problem=True), "SmsNotSent", id="4xx as RFC 9457"),
    ],
)
def test_client_not_sent(twilio, trouble, reason):
    """Surely nothing was made: it waits a minute, then goes out, without any asking."""
    real = twilio.provider
    if trouble is None:
        twilio.provider = twilio.connect("http://127.0.0.1:9")
    assert twilio.send(trouble).sent == 0
    assert twilio.states == [("ready", reason, 1)]
    twilio.provider = real
    assert twilio.send_again(NOW) == 0
    assert twilio.send_again(NOW + 2 * MINUTE) == 1
    assert len(twilio.fake.messages) == 1


def test_create_recipients_fault(twilio):
    """Numbers that cannot take texts fail for good, and their citizens count as not asked."""
    codes = (21211, 21217, 21614, 21635)
    assert twilio.send(*(Trouble(400, code) for code in codes)).failed == len(codes)
    assert twilio.states == [("failed", "bad_number", 1)]
    assert twilio.rows(CoverageEntry.decision) == [("provider_refused",)]
    assert twilio.pause == (None, False)
    assert twilio.send_again(NOW + timedelta(days=1)) == 0


def test_create_opt_out(twilio):
    """Who told Twilio to stop is on our own list from then on."""
    twilio.send(Trouble(400, 21610))
    assert twilio.states == [("failed", "opted_out", 1)]
    assert twilio.rows(CoverageEntry.decision) == [("opted_out",)]
    assert len(twilio.rows(OptOut.phone_index)) == 1


@pytest.mark.parametrize(
    "trouble",
    [Trouble(401, 20003), Trouble(403, None), Trouble(400, 21606), Trouble(400, 21608)],
    ids=["401", "403", "21606", "21608"],
)
def test_create_our_configuration(twilio, trouble):
    """The provider pauses and people see why; nothing is burnt, and all leaves once it is right."""
    twilio.send(trouble, trouble)
    # The second may not even have been tried.
    assert set(twilio.states) - {("ready", "", 0)} == {("ready", "config_fault", 0)}
    reason, is_closed = twilio.pause
    assert reason == f"twilio {trouble.code or trouble.status}"
    assert is_closed
    assert twilio.send_again(NOW + MINUTE) == 0
    assert twilio.send_again(NOW + 16 * MINUTE) == 2
    assert twilio.pause == (None, False)


def test_create_template(twilio):
    """A text that Twilio does not take fails, and the rest waits until somebody looked at it."""
    twilio.send(Trouble(400, 21617))
    assert twilio.states == [("failed", "bad_text", 1)]
    assert twilio.pause == ("bad_text", True)


@pytest.mark.parametrize("error", ["30005", "30006", "30003", "30008", "30017", "30500"])
def test_callback_number_or_maybe_transient(twilio, error):
    """What did not arrive is final: receipts here are too weak to send a second time for."""
    twilio.send(Trouble(201, made=True))
    twilio.hear(error)
    assert twilio.states == [("undelivered", error, 1)]
    twilio.hear("", "delivered")
    assert twilio.states == [("undelivered", error, 1)]
    assert twilio.pause == (None, False)
    assert twilio.send_again(NOW + timedelta(days=4)) == 0


@pytest.mark.parametrize("error", ["30001", "30036"])
def test_callback_never_left_twilio(twilio, error):
    """It expired in Twilio's queue: the citizen was not asked, and the ledger says so."""
    twilio.send(Trouble(201, made=True))
    twilio.hear(error, "failed")
    assert twilio.states == [("expired", "expired", 1)]
    assert twilio.rows(CoverageEntry.decision) == [("expired_unsent",)]


@pytest.mark.parametrize("error", ["30018", "30024", "30034", "30042", "30002"])
def test_callback_sender_or_account(twilio, error):
    """Our sender or account is refused: the provider pauses and people see why."""
    twilio.send(Trouble(201, made=True))
    twilio.hear(error)
    assert twilio.states == [("undelivered", error, 1)]
    assert twilio.pause == (f"twilio {error}", True)


@pytest.mark.parametrize("error", ["30004", "30007"])
def test_callback_content(twilio, error):
    """One text that is filtered may be chance; three in a row pause the provider."""
    twilio.send(*[Trouble(201, made=True)] * 3)
    sids = [sid for (sid,) in twilio.rows(Message.provider_id)]
    for sid, is_paused in zip(sids, (False, False, True), strict=True):
        twilio.hear("", "sent", sid)
        twilio.hear(error, sid=sid)
        assert twilio.pause[1] is is_paused
    assert twilio.states == [("undelivered", error, 1)]


def test_callback_too_fast(twilio):
    """Above the account's rate the bucket is emptied, and nothing is paused."""
    twilio.send(Trouble(201, made=True))
    twilio.hear("63017")
    assert twilio.rows(ProviderHealth.tokens) == [(0,)]
    assert twilio.pause == (None, False)


def test_callback_opt_out(twilio):
    """A refusal that is only told afterwards puts the phone on our list all the same."""
    twilio.send(Trouble(201, made=True))
    twilio.hear("21610")
    assert twilio.states == [("undelivered", "21610", 1)]
    assert len(twilio.rows(OptOut.phone_index)) == 1
