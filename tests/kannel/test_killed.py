"""Sender and gateway die in mid-flight: nothing lost, nothing twice, and doubt is left open."""

from collections import Counter
from datetime import timedelta

import pytest

from survey.models.message import Message
from tests.kannel.gateway import until

ASKED = 40
# Messages a second: so few are under way at once, and a slow machine still meets them on their way.
SLOWLY = 4
MINUTE = timedelta(minutes=1)
ON_THEIR_WAY = {"ready", "sending", "sent"}


def test_invitations_when_sender_and_kannel_are_killed(road, report):
    """Every phone has its one invitation, or the message waits for a person as unknown."""
    phones, handset, kannel = road.ask(ASKED), road.handset, road.kannel
    road.start_sender(rate=SLOWLY)
    until("the first are out", lambda: len(handset.received) >= 8)
    road.let_calls_hang()
    road.kill_sender()
    kannel.thaw("smsbox")

    road.start_sender(later=2 * MINUTE, rate=SLOWLY)
    until("more are out", lambda: len(handset.received) >= 20)
    road.let_calls_hang()
    on_the_wire = handset.received[-1].to
    kannel.kill()
    until("the sender is in doubt", lambda: "unknown" in road.read(Message.state))
    road.kill_sender()

    kannel.start()
    road.let_leases_end()
    road.start_sender(later=30 * MINUTE)
    until("all is out or unclear", lambda: not ON_THEIR_WAY & set(road.read(Message.state)))
    got = Counter(sms.to for sms in handset.received)
    told = Counter(road.read(Message.state))
    report(f"{ASKED} asked, {len(got)} reached, {dict(told)}")
    assert set(got) <= set(phones)
    assert [phone for phone, times in got.items() if times > 1] in ([], [on_the_wire])
    assert told["unknown"] >= 1
    assert told["delivered"] + told["unknown"] == ASKED
    assert len(got) >= told["delivered"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_replies_when_kannel_or_the_product_is_away(road):
    """What citizens wrote meanwhile is stored once when all is back, and thanked for once."""
    codes, handset, kannel = road.ask(20), road.handset, road.kannel
    road.start_sender()
    until("all are delivered", lambda: set(road.read(Message.state)) == {"delivered"})
    # Receipts that bearerbox still kept would be taken for texts of citizens below.
    until("bearerbox keeps nothing", lambda: kannel.stored() == 0)
    early, late = list(codes)[:10], list(codes)[10:]

    kannel.kill("smsbox")
    for phone in early:
        handset.write(phone, f"4 {codes[phone]}")
    until("bearerbox has them", lambda: kannel.stored() >= len(early))
    kannel.kill()
    kannel.start()
    until("the first are stored", lambda: len(road.said()) == len(early))

    road.close_web()
    for phone in late:
        handset.write(phone, f"HL 5 {codes[phone]}")
    until("Kannel was turned away", lambda: kannel.logs().count("/inbound?") >= len(late))
    road.open_web()
    until("all are thanked", lambda: len(handset.received) == 2 * len(codes))
    assert Counter(one.overall for one in road.said()) == {4: len(early), 5: len(late)}
    assert {len(handset.texts(phone)) for phone in codes} == {2}
