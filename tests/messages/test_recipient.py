from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from survey.messages import outbox
from survey.messages.providers import abilities, build_provider
from survey.models.message import Message
from survey.models.message_channel import MessageChannel
from survey.models.recipient import IndexUse, Recipient
from survey.settings import from_env
from tests.messages.gateway import NOW, Gateway, phone, queue

SOMEBODY = Recipient.by_sms("+84912345678")


def test_a_receiver_is_printed_masked():
    """What a log or an error message prints of a receiver holds no whole number."""
    assert f"{SOMEBODY}" == repr(SOMEBODY) == "<sms 09••••678>"
    assert Recipient(MessageChannel.SMS, "+84912345678") == SOMEBODY


def test_one_address_has_another_index_for_each_use(transact):
    """No two uses of a blind index of messages lead to each other."""
    with transact() as session:
        hashed = {
            Message.recipient.hash_of(session, SOMEBODY.indexed_text(use)) for use in IndexUse
        }
    assert len(hashed) == len(IndexUse)


def test_a_message_keeps_its_channel_and_receiver(transact):
    """A queued message bears its channel in clear and opens to whom it was written to."""
    with transact() as session:
        message = session.get_one(Message, queue(session, 1))
        assert (message.channel, message.recipient) == ("sms", Recipient.by_sms(phone(1)))


def test_what_waits_has_a_receiver(transact):
    """The database itself refuses a message that has yet to leave and goes to nobody."""
    with transact() as session:
        queue(session, 1)
    with pytest.raises(IntegrityError, match="unsent_has_recipient"), transact() as session:
        session.execute(update(Message).values(recipient_sealed=None))


def test_a_provider_takes_messages_of_its_channel_only(app, transact):
    """What is to leave on another channel waits for a provider of that one."""
    gateway = Gateway()
    gateway.abilities = replace(gateway.abilities, channel="post")
    with transact() as session:
        queue(session, 1)
    with app.app_context():
        done = outbox.send_due(gateway, NOW)
    assert (done.sent, done.waiting, gateway.calls) == (0, 1, 0)


@pytest.mark.parametrize("name", ["console", "twilio", "kannel"])
def test_abilities_are_known_without_the_provider(name):
    """What the settings say of a provider is what the provider itself can do."""
    settings = from_env(
        {
            "SMS_PROVIDER": name,
            "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": "0" * 32,
            "TWILIO_TWO_WAY": "1",
            "KANNEL_SEND_URL": "http://127.0.0.1:13013/cgi-bin/sendsms",
        }
    )
    known = abilities.of_provider(settings.sms)
    assert known == build_provider(settings).abilities
    assert (known.two_way, known.is_loopback) == (name != "console", name != "twilio")
