"""The messages of the main job through a real gateway."""

from survey.models.case import Case
from survey.models.message import Message
from tests import ballots
from tests.conftest import unit_of_work
from tests.kannel.gateway import REPLY_NUMBER, until


def test_from_invitation_to_thanks_and_receipts(road):
    """Invited, answered from the handset, thanked or asked why, each message with its receipt."""
    codes = road.ask(2)
    (happy, unhappy), handset = codes, road.handset
    road.start_sender()
    until("both are invited", lambda: len(handset.received) == 2)
    for phone, code in codes.items():
        (invitation,) = handset.texts(phone)
        assert f"kem ma {code} gui {REPLY_NUMBER}" in invitation
    assert {sms.sender for sms in handset.received} == {REPLY_NUMBER}

    handset.write(happy, f"5 {codes[happy]}")
    until("thanks", lambda: len(handset.texts(happy)) == 2)
    assert "xin cam on" in handset.texts(happy)[1]

    handset.write(unhappy.replace("+", ""), f"rất không hài lòng {codes[unhappy]}")
    until("asked why", lambda: len(handset.texts(unhappy)) == 2)
    handset.write(unhappy, "Phải đi lại ba lần mới được nhận hồ sơ")
    handset.write(unhappy, "GOI")
    until("a call is promised", lambda: len(handset.texts(unhappy)) == 3)
    (case,) = road.read(Case.code)
    assert case in handset.texts(unhappy)[2]

    until("all receipts are in", lambda: set(road.read(Message.state)) == {"delivered"})
    assert len(handset.received) == len(road.read(Message.id)) == 5
    with unit_of_work(road.app) as session:
        answers = ballots.all_found(session).values()
        assert {one.ballot.mode for one in answers} == {"sms"}
    said = {one.overall: one.comment for one in road.said()}
    assert said == {1: "Phải đi lại ba lần mới được nhận hồ sơ", 5: ""}
    logs = road.kannel.logs()
    assert not [one for one in (*codes, *codes.values(), "hài lòng", "GOI") if one in logs]
