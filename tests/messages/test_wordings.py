"""The province's own wordings: what may stand in them, what they cost, which of them leave."""

from datetime import UTC, datetime, timedelta

import pytest

from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.messages import lint, versions
from survey.messages.placeholders import NAMES, SLOTS, Wording, fill
from survey.messages.testing import TESTS_A_DAY, send_test
from survey.messages.text import SmsText, body_names, render, shipped_words
from survey.models.message import Message
from survey.models.province import Province
from survey.models.text_version import TextForm, TextState
from tests.conftest import unit_of_work
from tests.features import answering
from tests.messages.gateway import NOW
from tests.seeding import Wanted, ask_everybody, finish

HOST = "danhgia.khanhhoa.gov.vn"
URL = f"https://{HOST}/s/7Q4M2XAB9K3P"
LONGEST = {
    "agency": "TT DVHCC trực tuyến tỉnh", "last4": "0042", "url": URL, "code": "7Q2M",
    "case_code": "PA7F3K2Q", "hotline": "0258 1022", "reply_number": "0912345678",
    "by": "16h30 ngày 25/11",
}  # fmt: skip
GOOD = "{đơn vị}: hồ sơ {4 số cuối} đã xong. Mời Ông/Bà đánh giá: {đường dẫn}"


def codes(name, words):
    """Codes of what is wrong with a wording."""
    return [one.code for one in lint.problems(name, words, HOST)]


def approve(session, name, words, form=TextForm.PLAIN):
    """A version that walked all the way to its approval."""
    staff_id = answering.add_staff(session).id
    version = versions.draft(session, staff_id, name, Wording(form, words), NOW)
    for state in (TextState.SUBMITTED, TextState.APPROVED):
        versions.step(session, staff_id, version.id, state, "số 118", NOW)
    return version, staff_id


@pytest.mark.parametrize("locale", ["vi", "vi_accented"])
def test_shipped_texts_keep_the_rules_they_ask_for(locale):
    """Every shipped text may be the beginning of a province's own: nothing in it is refused."""
    assert sorted(SLOTS) == body_names(locale)
    form = TextForm.PLAIN if locale == "vi" else TextForm.ACCENTED
    for name, slot in SLOTS.items():
        named = {value: f"{{{NAMES[value]}}}" for value in slot.values}
        words = shipped_words(name, locale, {**dict.fromkeys(NAMES, ""), **named})
        assert codes(name, words) == [], name
        one = lint.preview(form, words, LONGEST)
        assert (one.fault, lint.cost_problem(one)) == ("", None), name


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", "no_words"),
        (GOOD + " & cảm ơn", "refused_signs"),
        (GOOD + " 😀", "refused_signs"),
        (GOOD + " %", "refused_signs"),
        (GOOD + " {", "refused_signs"),
        (GOOD + " ខ្មែរ", "refused_signs"),
        (GOOD + " hoặc https://bit.ly/x", "foreign_link"),
        (GOOD + " hoặc khanhhoa.vn/danhgia", "foreign_link"),
        (GOOD + " hoặc https://danhgia.khanhhoa.gov.vn.evil.com", "foreign_link"),
        (GOOD.replace("Ông/Bà", "Nguyễn Văn An"), "names_a_person"),
        (GOOD.replace("Ông/Bà", "Tran Thi Bich"), "names_a_person"),
        (GOOD + " {họ tên}", "names_a_person"),
        (GOOD + " H32.15-260501-0042", "full_code"),
        (GOOD + " 056123456789", "full_code"),
        (GOOD + " Xin nhắn số CCCD.", "asks_personal_data"),
        (GOOD + " Gửi mã OTP cho chúng tôi.", "asks_personal_data"),
        (GOOD + " Chuyển khoản lệ phí.", "asks_personal_data"),
        (GOOD + " {ngày trả}", "unknown_value"),
        (GOOD + " {mã phản ánh}", "value_not_here"),
        (GOOD.replace("{đường dẫn}", ""), "value_missing"),
        (GOOD + "x" * 600, "too_long"),
    ],
)
def test_what_may_not_stand_in_a_text(words, code):
    """A foreign link, a name, a full code, a refused sign, a wish for data: each is found."""
    assert code in codes("invitation", words)
    assert codes("invitation", GOOD) == []


def test_what_may_stand_in_a_text():
    """The province's own host, ordinary words and a promise not to ask are left alone."""
    fine = (
        GOOD + f" Xem https://{HOST}",
        GOOD + " Chúng tôi không hỏi OTP, CCCD hay tiền.",
        GOOD + " Lý do: Hồ sơ đã đủ. Lê Lợi.",
        GOOD.replace("{đơn vị}", "{DON VI}").replace("{4 số cuối}", "{4  so cuoi}"),
    )
    for words in fine:
        assert codes("invitation", words) == [], words


def test_no_text_changes_in_more_places_than_carriers_register():
    """A template may change in three places; the hotline and the reply number do not change."""
    for name, slot in SLOTS.items():
        assert len(set(slot.values) - {"hotline", "reply_number"}) <= 3, name


def test_a_preview_tells_both_prices_of_one_wording():
    """Typed once with diacritics: the plain form is one message, the accented one is dearer."""
    plain, accented = (lint.preview(form, GOOD, LONGEST) for form in TextForm)
    assert plain.text == f"TT DVHCC truc tuyen tinh: ho so 0042 da xong. Moi Ong/Ba danh gia: {URL}"
    assert (plain.encoding, plain.segments, plain.room) == ("gsm7", 1, 160)
    assert accented.text.startswith("TT DVHCC trực tuyến tỉnh: hồ sơ 0042 đã xong.")
    assert (accented.encoding, accented.segments, accented.room) == ("ucs2", 2, 134)
    assert plain.units == len(plain.text)
    long = lint.preview(TextForm.PLAIN, GOOD + " Xin cảm ơn Ông/Bà." * 3, LONGEST)
    assert (long.segments, lint.cost_problem(long).code) == (2, "too_dear")


def test_refused_signs_are_marked_where_they_stand():
    """The pieces put together are the wording; only refused signs outside placeholders are bad."""
    words = "Mời {đơn vị} & ông 😀!"
    pieces = lint.marked(words)
    assert "".join(piece for piece, _ in pieces) == words
    assert [piece for piece, is_bad in pieces if is_bad] == ["&", "😀"]


@pytest.mark.parametrize(
    ("wording", "code"),
    [
        (Wording(TextForm.PLAIN, "{đơn vị} {ngày}"), "sms_value"),
        (Wording(TextForm.PLAIN, "Mời & {đơn vị}"), "sms_characters"),
        (Wording(TextForm.PLAIN, "Mời 😀 {đơn vị}"), "sms_characters"),
        (Wording(TextForm.PLAIN, "{đơn vị} " + "x" * 160), "sms_budget"),
    ],
)
def test_a_wording_that_does_not_fit_is_refused(wording, code):
    """What would be wrong, garbled or dear never becomes a text."""
    with pytest.raises(Invalid, match=code):
        fill(wording, LONGEST)


def test_only_an_approved_version_leaves(app):
    """Draft, submitted, refused and retired ones leave the shipped text in place."""
    values = {"agency": "UBND xã A", "hotline": "1022"}
    with unit_of_work(app) as session:
        shipped = versions.compose(session, "thanks", **values).text
        words = "{đơn vị} cảm ơn Ông/Bà."
        version, staff_id = approve(session, "thanks", words)
        assert versions.compose(session, "thanks", **values).text == "UBND xa A cam on Ong/Ba."
        accented, _ = approve(session, "thanks", words, TextForm.ACCENTED)
        assert versions.compose(session, "thanks", **values) == SmsText(
            "UBND xã A cảm ơn Ông/Bà.", "ucs2", 1
        )
        for one in (accented, version):
            versions.step(session, staff_id, one.id, TextState.RETIRED, "", NOW)
        assert versions.compose(session, "thanks", **values).text == shipped
        third = versions.draft(session, staff_id, "thanks", Wording("plain", words), NOW)
        assert third.number == 3
        for state in (TextState.SUBMITTED, TextState.REFUSED):
            versions.step(session, staff_id, third.id, state, "", NOW)
            assert versions.compose(session, "thanks", **values).text == shipped
        with pytest.raises(Conflict, match="text_step"):
            versions.step(session, staff_id, third.id, TextState.APPROVED, "", NOW)
        with pytest.raises(NotFound, match="no_such_text"):
            versions.step(session, staff_id, 27, TextState.APPROVED, "", NOW)


def test_an_approved_version_that_does_not_fit_gives_way(app):
    """A value that makes it too long, or is missing, stops no message: the shipped text goes."""
    with unit_of_work(app) as session:
        approve(session, "thanks", "{đơn vị} cảm ơn, gọi {tổng đài}." + " Kính mời." * 12)
        long = versions.compose(session, "thanks", agency="UBND xã " + "A" * 16, hotline="1022")
        assert long.text.startswith("UBND xa AAAA")
        assert "da ghi nhan danh gia" in long.text
        assert "da ghi nhan" in versions.compose(session, "thanks", agency="A", hotline="").text


def test_thanks_and_the_question_leave_alike(app):
    """While the own thanks and the own question what went wrong differ in parts or letters, both
    leave as shipped: what is kept of a message that left must not tell who was content.
    """
    question = "Cảm ơn Ông/Bà. Điều gì cần làm tốt hơn? Xin trả lời tin này. Gọi {tổng đài}."
    thanks = "{đơn vị} cảm ơn Ông/Bà đã đánh giá. Cần hỗ trợ, xin gọi {tổng đài}, cả ngày nghỉ."
    texts = {"thanks": LONGEST, "follow_up": LONGEST}
    shipped = {name: render(name, "vi", **LONGEST) for name in texts}
    with unit_of_work(app) as session:
        approve(session, "follow_up", question, TextForm.ACCENTED)
        for name, text in shipped.items():
            assert versions.compose_alike(session, name, texts) == text
        approve(session, "thanks", thanks, TextForm.ACCENTED)
        own = [versions.compose_alike(session, name, texts) for name in texts]
        assert {(one.encoding, one.segments) for one in own} == {("ucs2", 2)}
        assert own == [versions.compose(session, name, **LONGEST) for name in texts]


def test_invitations_leave_in_the_approved_words(app):
    """Each names its own agency, digits and link; blanks of the stencil never leave."""
    with unit_of_work(app) as session:
        ask_everybody(session)
        session.query(Province).one().full_percent = 0
        approve(session, "invitation", "Gọi 0000: {đơn vị} mời xem {đường dẫn}")
        finish(session, [Wanted(1)], NOW)
        approve(session, "invitation", GOOD, TextForm.ACCENTED)
        finish(session, [Wanted(2)], NOW)
        bodies = {}
        for message in session.query(Message):
            bodies[message.encoding] = message.body
        assert bodies["gsm7"].startswith("Goi 0000: UBND phuong Nha Trang moi xem http")
        assert bodies["ucs2"].startswith("UBND phường Nha Trang: hồ sơ 0002 đã xong.")
        assert not any("§" in body or "ZZZZ" in body for body in bodies.values())


def test_a_test_send_goes_to_one_mobile_and_is_counted(app, runner):
    """It leaves like any message, only to Vietnamese mobiles; twenty a local day of one account."""
    text = SmsText("Xin chao", "gsm7", 1)
    with unit_of_work(app) as session:
        staff_id = answering.add_staff(session).id
        for wrong in ("+1 202 555 0101", "1900 1234", "0258 3822 999"):
            with pytest.raises(Invalid, match="bad_mobile"):
                send_test(session, staff_id, wrong, text, NOW)
        for _ in range(TESTS_A_DAY):
            send_test(session, staff_id, "0912 345 678", text, NOW)
        midnight = datetime(2026, 5, 20, 17, 0, tzinfo=UTC)  # in Viet Nam
        for at in (NOW, midnight - timedelta(seconds=1)):
            with pytest.raises(Refused, match="test_quota"):
                send_test(session, staff_id, "0912 345 678", text, at)
        send_test(session, staff_id, "0912 345 678", text, midnight)
    sent = runner("messages", "send-due", "--now", NOW.isoformat(), "--json").json
    assert sent["sent"] == TESTS_A_DAY
