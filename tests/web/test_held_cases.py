"""The pages of the hotline and of an agency, where a comment has grave words."""

from html import unescape

from tests.conftest import unit_of_work
from tests.features import answering
from tests.web.case_pages import act, fields, open_case
from tests.web.staff_accounts import signed_in

GRAVE = "Cán bộ đòi phong bì mới nhận hồ sơ"
PAGES = ("/staff/cases?view=all", "/staff/cases/archived", "/staff/alerts", "/staff/dashboard")


def test_the_agency_learns_nothing_of_a_case_with_grave_words(app):
    """Its head and its own handlers get 404 for the page and every step, and no list, alert or
    count of theirs changes; once released the head reads it.
    """
    code, agency = open_case(app, comment=GRAVE)
    head, own = signed_in(app, "agency_head", agency), signed_in(app, "handler", agency)
    held = fields(head, "/staff/password")
    for client in (head, own):
        assert client.get(f"/staff/cases/{code}").status_code == 404
        for path in PAGES:
            page = unescape(client.get(path).text)
            assert code not in page
            assert GRAVE not in page
        assert "Chưa có phản ánh nào." in client.get("/staff/cases?view=all").text
        assert "Không có cảnh báo nào" in client.get("/staff/alerts").text
    written = {**held, "revision": "1", "note": "Chúng tôi phủ nhận"}
    assert act(head, code, "note", written).status_code == 404
    for step in ("take", "note", "reply", "close", "release", "preview", "reveal"):
        assert act(own, code, step, fields(own, "/staff/password")).status_code == 404
    hotline = signed_in(app, "handler")
    assert act(hotline, code, "release", release_words="Cần giải trình").status_code == 303
    assert GRAVE in head.get(f"/staff/cases/{code}").text
    assert code in own.get("/staff/cases?view=all").text


def test_the_hotline_finds_it_first_and_releases_it_by_a_form(app):
    """It is named above all other lists and stands on top of its own; the page says that the agency
    does not see it, asks why it should, and then says who let it.
    """
    with unit_of_work(app) as session:
        answering.raise_case(session, overall=1)
    code, _ = open_case(app, comment=GRAVE)
    hotline = signed_in(app, "handler")
    for view, is_named in (("all", True), ("mine", True), ("unassigned", False)):
        queue = unescape(hotline.get(f"/staff/cases?view={view}").text)
        assert ("1 phản ánh nghiêm trọng chưa có người nhận" in queue) is is_named
    first = queue.index('class="queue-code')
    assert code in queue[first : queue.index("</a>", first)]
    assert "Đơn vị chưa xem được" in queue
    asked = act(hotline, code, "release", release_words=" ", note="Nháp")
    assert asked.status_code == 400
    assert "Hãy ghi lý do cho đơn vị xem" in unescape(asked.text)
    assert ">Nháp</textarea>" in unescape(asked.text)
    assert act(hotline, code, "release", release_words="Cần giải trình").status_code == 303
    shown = unescape(hotline.get(f"/staff/cases/{code}").text)
    assert "Cho đơn vị xem</b>" in shown
    assert "Cần giải trình" in shown
    assert "Đơn vị chưa xem được" not in shown
    assert act(hotline, code, "release", release_words="Lần nữa").status_code == 409


def test_who_sees_one_sector_works_on_it_but_does_not_release_it(app):
    """A handler of one sector, but of no agency, reads it; the button is for the whole province."""
    code, _ = open_case(app, comment=GRAVE)
    with unit_of_work(app) as session:
        sector = answering.sectors(session)[0]
    client = signed_in(app, "handler", sector=sector)
    page = client.get(f"/staff/cases/{code}")
    assert page.status_code == 200
    assert "release_words" not in page.text
    assert act(client, code, "release", release_words="Cần giải trình").status_code == 409
    assert act(client, code, "take").status_code == 303
