"""What the citizen's page says of the case that the answer opened."""

from html import unescape

import pytest
from sqlalchemy import select

from survey.cases import steps
from survey.models.case import CloseReason
from survey.models.invitation import Invitation
from survey.province.workdays import local_day
from tests import clocks
from tests.features import answering
from tests.opened import reply_to, the_case
from tests.web.citizens import invite


@pytest.fixture
def token(transact):
    with transact() as session:
        return invite(session)


def test_a_case_shows_its_state_its_reply_and_opens_again_once(client, token, transact):
    """The page of the link holds the written reply; the citizen may disagree one time."""
    client.post(f"/s/{token}", data={"overall": "1"})
    assert "Xem phản ánh PA" in client.get(f"/s/{token}").text
    waiting = client.get(f"/s/{token}?page=thanks").text
    assert 'aria-current="step">Đã nhận' in waiting
    assert client.post(f"/s/{token}/reopen").status_code == 409
    with transact() as session:
        reply_to(session, "Kính gửi Ông/Bà <chúng tôi xin lỗi>.")
    page = client.get(f"/s/{token}").text
    assert "Kính gửi Ông/Bà &lt;chúng tôi xin lỗi&gt;." in page
    assert f'action="/s/{token}/reopen"' in page
    for _ in range(2):
        page = client.post(f"/s/{token}/reopen", follow_redirects=True).text
        assert "Đã mở lại theo đề nghị" in page
        assert "/reopen" not in page


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("transferred", "Đã chuyển cơ quan có thẩm quyền"),
        ("unreachable", "Chưa liên lạc được với Ông/Bà"),
        ("not_a_complaint", "Nội dung không thuộc diện phản ánh, kiến nghị"),
    ],
)
def test_a_case_closed_without_a_reply_says_why_and_may_be_opened_again(
    client, token, transact, reason, said
):
    """The link opens on why the case ended, on which day, in whose words and, if it was
    transferred, with whom it lies now; the citizen may disagree one time.
    """
    client.post(f"/s/{token}", data={"overall": "1"})
    now = clocks.NOW
    with transact() as session:
        handler, case = answering.add_staff(session), the_case(session).case
        steps.take(session, handler, case, now)
        steps.close(session, handler, case, answering.ending(reason), now)
    page = unescape(client.get(f"/s/{token}").text)
    assert f"Đã kết thúc xử lý ngày {local_day(now):%d/%m/%Y}" in page
    assert said in page
    assert answering.WORDS in page
    assert ("Thanh tra tỉnh" in page) is (reason == "transferred")
    english = unescape(client.get(f"/s/{token}?lang=en").text)
    assert f"Closed on {local_day(now):%d/%m/%Y}" in english
    assert said not in english
    assert f'<div class="reply" lang="vi">{answering.WORDS}</div>' in english
    assert f'action="/s/{token}/reopen"' in page
    for _ in range(2):
        page = client.post(f"/s/{token}/reopen", follow_redirects=True).text
        assert "Đã mở lại theo đề nghị" in page
        assert "Đã kết thúc xử lý" not in page
        assert "/reopen" not in page


def test_what_was_replied_stands_beside_the_end(client, token, transact):
    """A case that was replied to and then closed shows the reply, and why and when it ended."""
    client.post(f"/s/{token}", data={"overall": "1"})
    now = clocks.NOW
    with transact() as session:
        handler, case = answering.add_staff(session), the_case(session).case
        steps.take(session, handler, case, now)
        steps.reply(session, handler, case, ("Chúng tôi xin lỗi.", steps.Way.PAGE), now)
        steps.close(session, handler, case, steps.Ending(CloseReason.RESOLVED), now)
    page = unescape(client.get(f"/s/{token}").text)
    assert 'aria-current="step">Đã trả lời' in page
    assert "Chúng tôi xin lỗi." in page
    assert "Đã giải quyết xong" in page
    assert f"Đã kết thúc xử lý ngày {local_day(now):%d/%m/%Y}" in page
    assert f'action="/s/{token}/reopen"' in page


def test_a_link_with_a_case_stays_readable_but_closed(client, token, transact):
    """After its days the page still shows the case, and offers nothing that would be refused."""
    client.post(f"/s/{token}", data={"overall": "1", "comment": "Chậm quá"})
    with transact() as session:
        invitation = session.scalars(select(Invitation)).one()
        invitation.expires_at = invitation.dossier.finished_at
    page = client.get(f"/s/{token}?page=rate").text
    assert "Phản ánh PA" in page
    assert "Chậm quá" in page
    assert "Đổi câu trả lời" not in page
    assert client.post(f"/s/{token}", data={"overall": "5"}).status_code == 409
