import hashlib
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from survey.answers.conversation import receive
from survey.answers.submission import COMMENT_LENGTH
from survey.ballots import storage
from survey.cases import steps
from survey.cases.notices import Way
from survey.crypto.tokens import reply_secret
from survey.db import transaction
from survey.messages import outbox
from survey.messages.providers import InboundSms
from survey.models.ballot import ballot_key
from survey.models.case import Case
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation, OptOut
from survey.models.message import Conversation, Inbound, InboundEvent, Message
from tests import ballots
from tests.features import answering
from tests.features.phones import LATER, PHONE, Phone
from tests.features.stolen import dump, timestamps
from tests.opened import the_case
from tests.seeding import NOW

DAY = timedelta(days=1)
NEW_KEY = "YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE"


@pytest.fixture
def phone(make_app, database_url):
    """A phone whose provider accepts replies."""
    app = make_app(
        SMS_PROVIDER="kannel",
        KANNEL_SEND_URL="http://127.0.0.1:9/",
        KANNEL_USERNAME="u",
        KANNEL_PASSWORD="p",
        KANNEL_WEBHOOK_SECRET="s",
        SMS_REPLY_NUMBER="8099",
    )
    return Phone(app)


@pytest.fixture
def read(phone):
    """`read(Case.code)` returns every value of a column."""

    def values(column):
        with phone.app.app_context(), transaction() as session:
            return list(session.scalars(select(column)))

    return values


@pytest.fixture
def rated(phone):
    """`rated()` returns the current content of every ballot of this phone."""

    def found():
        with phone.app.app_context(), transaction() as session:
            return list(ballots.all_found(session).values())

    return found


def overall(found):
    """The overall ratings of the ballots."""
    return sorted(one.answer.overall for one in found)


def inbox(phone):
    """The texts that wait for the hotline."""
    with phone.app.app_context(), transaction() as session:
        rows = session.scalars(select(Inbound).where(Inbound.needs_person)).all()
        return [row.body for row in rows]


def test_a_good_rating(phone, read, rated):
    """A digit is stored as rating and thanked for once, no phone is stored beside it, and another
    digit replaces it.
    """
    phone.asked(1)
    (answer,) = phone.writes("5")
    assert "xin cam on" in answer
    assert phone.writes("5") == []
    assert phone.writes("4") == []
    (ballot,) = rated()
    assert ballot.answer.overall == 4
    assert ballot.pooled.current.replaced == ballots.replaced(5)
    assert read(Inbound.id) == []
    assert read(Case.id) == []


def test_a_comment_leaves_no_day(phone, rated):
    """A comment by SMS, which gets no reply, stores no day: days with more texts than replies would
    show when comments came.
    """

    def days():
        with phone.app.app_context(), transaction() as session:
            tables = dump(session)
            rows = [(name, row) for name in tables for row in tables[name]]
            return Counter((name, day) for name, row in rows for day in timestamps(row))

    phone.asked(1)
    phone.writes("5")
    before = days()
    with phone.app.app_context(), transaction() as session:
        receive(session, InboundSms("fake", "C", PHONE, "Can bo rat nhiet tinh"), LATER + DAY)
    assert [one.comment for one in rated()] == ["Can bo rat nhiet tinh"]
    assert days() == before
    with phone.app.app_context(), transaction() as session:
        assert ballots.count(session) == 1
    assert days() == before


def test_an_answer_that_waits_tells_no_rating(phone):
    """Waiting replies have equal length and segments, whether they thank or ask what went wrong."""
    phone.asked(1)
    looks = []
    for number, text in enumerate(("5", "1", "TG")):
        with phone.app.app_context(), transaction() as session:
            receive(session, InboundSms("fake", f"W{number}", PHONE, text), LATER)
        with phone.app.app_context(), transaction() as session:
            query = select(Message).where(Message.kind == "dialogue", Message.state == "ready")
            waiting = session.scalars(query).one()
            looks.append((waiting.segments, waiting.encoding, len(waiting.body_sealed)))
        with phone.app.app_context():
            outbox.send_due(phone.gateway, LATER)
    assert len(set(looks)) == 1
    texts = phone.gateway.texts
    assert texts == [text.strip() for text in texts]
    assert len(set(texts)) == len(looks)


def test_a_repeated_event(phone, rated):
    """An event that the provider repeats changes nothing."""
    phone.asked(1)
    assert len(phone.writes("5", event="same")) == 1
    assert phone.writes("2", event="same") == []
    assert overall(rated()) == [5]


def test_a_bad_rating_then_why_then_call(phone, read, rated):
    """A bad rating is followed by one question, whose answer is stored, and GOI promises a call."""
    phone.asked(1)
    (question,) = phone.writes("rất không hài lòng")
    assert "GOI" in question
    assert phone.writes("phải đi lại 3 lần") == []
    assert phone.writes("không ai trả lời") == []
    assert [one.comment for one in rated()] == ["phải đi lại 3 lần\nkhông ai trả lời"]
    (promise,) = phone.writes("GOI")
    (code,) = read(Case.code)
    assert code in promise
    with phone.app.app_context(), transaction() as session:
        case = the_case(session)
        assert case.contact.phone_e164 == PHONE
    assert inbox(phone) == []


def test_after_the_written_reply_a_person_reads(phone, rated):
    """A text that comes once the case was replied to goes to the hotline's inbox."""
    phone.asked(1)
    phone.writes("1")
    with phone.app.app_context(), transaction() as session:
        handler, case = answering.add_staff(session), session.scalars(select(Case)).one()
        steps.take(session, handler, case, LATER)
        steps.reply(session, handler, case, ("Đã trả kết quả ngày 3/6.", Way.PAGE), LATER)
    assert phone.writes("vẫn chưa giải quyết") == []
    assert inbox(phone) == ["vẫn chưa giải quyết"]
    assert [one.comment for one in rated()] == [""]


def test_what_no_comment_can_hold_is_read_by_a_person(phone, rated):
    """No word is cut off: a text that makes the comment too long goes to the hotline's inbox."""
    phone.asked(1)
    phone.writes("2")
    most = "lâu " * (COMMENT_LENGTH // 4)
    phone.writes(most)
    assert phone.writes("đi lại ba lần") == []
    assert inbox(phone) == ["đi lại ba lần"]
    assert [one.comment for one in rated()] == [most.strip()]


def test_from_good_to_bad(phone, rated):
    """A change from good to bad is asked for the reason; a citizen who stays dissatisfied is not
    asked again.
    """
    phone.asked(1)
    phone.writes("4")
    assert "GOI" in phone.writes("2")[0]
    assert phone.writes("1") == []
    (ballot,) = rated()
    assert ballot.answer.overall == 1
    assert ballot.pooled.current.replaced == ballots.replaced(4, 2)


def test_two_dossiers_with_codes(phone):
    """A rating with a code reaches the dossier of the code."""
    first, second = phone.asked(1, 2)
    at = NOW + timedelta(minutes=30)
    assert len(phone.writes(f"5 {first}", at=at)) == 1
    assert len(phone.writes(f"HL 1 {second}", at=at)) == 1
    with phone.app.app_context(), transaction() as session:
        stored = {}
        for invitation in session.scalars(select(Invitation)):
            secret = reply_secret(invitation.id, invitation.reply_code)
            found = storage.find(session, ballot_key(session, secret))
            stored[invitation.reply_code] = found.answer.overall
        assert len(ballots.keys(session)) == 2
    assert stored == {first: 5, second: 1}


def test_two_dossiers_without_code(phone, rated):
    """Without a code it is asked once which dossier is meant; then a person reads the rating."""
    first, _ = phone.asked(1, 2)
    at = NOW + timedelta(minutes=30)
    (question,) = phone.writes("5", at=at)
    assert "hon mot ho so" in question
    assert phone.writes("5", at=at) == []
    assert rated() == []
    assert inbox(phone) == ["5"]
    phone.writes(f"{first} 5", at=at)
    assert overall(rated()) == [5]


def test_a_wrong_code(phone, rated):
    """A rating with another code is not counted: the right code is sent, then a person reads it."""
    (code,) = phone.asked(1)
    wrong = "7Q2M" if code != "7Q2M" else "7Q2N"
    (question,) = phone.writes(f"5 {wrong}")
    assert code in question
    assert "khong dung" in question
    assert "hon mot ho so" not in question
    assert inbox(phone) == []
    assert phone.writes(f"5 {wrong}") == []
    assert inbox(phone) == [f"5 {wrong}"]
    assert rated() == []


def test_a_wrong_code_with_two_dossiers(phone, rated):
    """A code that fits none of several dossiers is asked about once and counted for none."""
    codes = phone.asked(1, 2)
    at = NOW + timedelta(minutes=30)
    wrong = next(code for code in ("7Q2M", "7Q2N", "7Q2P") if code not in codes)
    assert "hon mot ho so" in phone.writes(f"1 {wrong}", at=at)[0]
    assert phone.writes(f"1 {wrong}", at=at) == []
    assert inbox(phone) == [f"1 {wrong}"]
    assert rated() == []
    assert len(phone.writes(f"4 {codes[1]}", at=at)) == 1
    assert overall(rated()) == [4]


def test_a_conversation_is_open_as_long_as_its_link(phone, read, rated):
    """A reply counts until the minute in which the invitation expires, and not after."""
    phone.asked(1)
    (end,) = read(Invitation.expires_at)
    assert phone.writes("5", at=end) == []
    assert rated() == []
    assert len(phone.writes("5", at=end - timedelta(minutes=1))) == 1
    assert overall(rated()) == [5]


def test_the_older_of_two_has_ended(phone, read, rated):
    """When only one conversation is open, a reply without a code belongs to it."""
    phone.asked(1)
    (end,) = read(Invitation.expires_at)
    phone.asked(2, now=end - DAY)
    assert "hon mot ho so" in phone.writes("2", at=end - timedelta(hours=20))[0]
    assert "GOI" in phone.writes("2", at=end + timedelta(hours=1))[0]
    assert overall(rated()) == [2]


def test_unclear_is_asked_once(phone, rated):
    """An unclear rating is asked about once, and after that goes to a person."""
    (code,) = phone.asked(1)
    (question,) = phone.writes("không hài lòng lắm")
    assert code in question
    assert phone.writes("4 hoặc 5") == []
    assert inbox(phone) == ["4 hoặc 5"]
    assert rated() == []


def test_after_the_rating_doubt_is_a_comment(phone, rated):
    """After a rating, an unclear sentence is stored as a comment and not asked about."""
    phone.asked(1)
    phone.writes("3")
    assert phone.writes("bình thường, không có gì") == []
    assert [one.comment for one in rated()] == ["bình thường, không có gì"]
    assert overall(rated()) == [3]


def test_comment_before_any_rating(phone):
    """A comment without a rating, or from an unknown phone, goes to the hotline."""
    phone.asked(1)
    assert phone.writes("50TR cho hồ sơ của tôi") == []
    assert phone.writes("bao giờ có kết quả", number="+84905000999") == []
    assert phone.writes("cảm ơn", number="8099") == []
    assert sorted(inbox(phone)) == ["50TR cho hồ sơ của tôi", "bao giờ có kết quả", "cảm ơn"]


def test_call_me_before_any_rating(phone):
    """A wish to be called is confirmed and goes to a person, with or without a conversation."""
    phone.asked(1)
    (promise,) = phone.writes("GOI")
    assert "se goi truoc" in promise
    assert ", ma " not in promise
    assert len(phone.writes("gọi lại", number="+84905000999")) == 1
    assert len(inbox(phone)) == 2


def test_opt_out(phone, read):
    """Opting out takes effect at once and is confirmed once."""
    assert "khong nhan tin" in phone.writes("TC")[0]
    assert phone.writes("STOP") == []
    assert len(read(OptOut.phone_index)) == 1


def test_a_conversation_leads_to_no_dossier(phone, read):
    """Notes on a phone that was helped or asked again use a hash that no other table holds."""
    phone.asked(1)
    phone.writes("TG")
    (talk,) = read(Conversation.phone_index)
    assert talk not in {*read(Dossier.phone_index), *read(Message.recipient_index)}


def test_a_conversation_goes_on_under_a_new_key(phone, make_app, read):
    """After a key rotation, a phone that got help today gets none again while the old key is
    listed.
    """
    assert len(phone.writes("TG")) == 1
    old = phone.app.extensions["settings"].data_key
    phone.app = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=old, SMS_PROVIDER="console")
    assert phone.writes("TG") == []
    assert len(phone.writes("TG", number="+84905000999")) == 1


def test_help_once_a_day(phone, read):
    """A request for help is answered once a day."""
    assert "GOI" in phone.writes("TG")[0]
    assert phone.writes("help") == []
    assert len(phone.writes("tro giup", at=LATER + DAY)) == 1
    assert len(read(Conversation.phone_index)) == 1


def test_unclear_with_two_dossiers(phone):
    """An unclear text with two open dossiers is asked about in one question for both."""
    phone.asked(1, 2)
    at = NOW + timedelta(minutes=30)
    assert "hon mot ho so" in phone.writes("không hài lòng lắm", at=at)[0]
    assert phone.writes("1", at=at) == []
    assert inbox(phone) == ["1"]


def test_too_late(phone, rated):
    """A rating after the link expired is neither counted nor stored with its phone."""
    phone.asked(1)
    assert phone.writes("5", at=NOW + timedelta(days=40)) == []
    assert rated() == []
    assert inbox(phone) == []


def test_an_event_tells_no_thief_what_was_texted(phone, read):
    """The hash of a stored event is found by guessing neither its id nor phone, text and minute."""
    phone.asked(1)
    phone.writes("2", event="E77")
    phone.writes("2", event="")
    known = ["E77", f"{PHONE}|2|{LATER:%Y-%m-%dT%H:%M}"]
    guesses = {hashlib.sha256(guess.encode()).digest() for guess in known}
    stored = {bytes(event) for event in read(InboundEvent.event_hash)}
    assert len(stored) == 2
    assert not any(kept[:8] == guess[:8] for kept in stored for guess in guesses)


def test_an_event_without_a_name(phone, read, rated):
    """Without an id from the provider, equal texts in one minute are one event."""
    phone.asked(1)
    with phone.app.app_context():
        for _ in range(2):
            with transaction() as session:
                receive(session, InboundSms("fake", "", PHONE, "2"), LATER)
    assert overall(rated()) == [2]
    assert len(read(InboundEvent.event_hash)) == 1
    assert "dialogue" in read(Message.kind)
