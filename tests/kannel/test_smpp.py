"""The shipped configuration for a carrier, bound over true SMPP."""

import pytest

from survey.clock import machine
from survey.messages import outbox
from survey.messages.providers import build_provider
from survey.models.message import Message
from tests.kannel.carrier import Carrier
from tests.kannel.gateway import REPLY_NUMBER, until


@pytest.fixture
def far_end():
    """At the end of the road stands a carrier's SMSC, as in `smsc-smpp.conf`."""
    return "smsc-smpp.conf", Carrier


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_carrier_takes_reports_and_hands_on(road):
    """Bound with its own name, numbers international, receipts read, a text with đ understood."""
    codes, carrier = road.ask(2), road.handset
    until("Kannel is bound", lambda: carrier.binds == [("tinh", "smpp")])
    with road.app.app_context():
        outbox.send_due(build_provider(road.app.extensions["settings"]), machine())
    until("both are submitted", lambda: len(carrier.taken) == 2)
    for sms in carrier.taken:
        phone = f"+{sms.to[1]}"
        assert (sms.to[0], sms.sender[1]) == (1, REPLY_NUMBER)
        assert (sms.wants_receipt, sms.coding) == (True, 0)
        assert f"kem ma {codes[phone]} gui".encode() in sms.words
    until("both are accepted", lambda: set(road.read(Message.state)) == {"sent"})

    arrived, lost = carrier.taken
    carrier.tell_receipt(arrived, "DELIVRD", "000")
    carrier.tell_receipt(lost, "UNDELIV", "011")
    until("both are told", lambda: "sent" not in road.read(Message.state))
    assert set(road.read(Message.state, Message.reason)) == {
        ("delivered", ""),
        ("undelivered", "011"),
    }

    code = codes[f"+{arrived.to[1]}"]
    carrier.tell_text(arrived.to[1], REPLY_NUMBER, f"Đánh giá 4 {code}")
    until("the answer is stored", lambda: [one.overall for one in road.said()] == [4])
