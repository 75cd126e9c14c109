"""The search box of the queue."""

import logging
import re

from survey.cases import archiving
from tests.conftest import unit_of_work
from tests.features import answering
from tests.features.test_archiving import LATER, settle
from tests.web.case_pages import open_case
from tests.web.staff_accounts import signed_in

CODES = re.compile(r'class="queue-code code" href="/staff/cases/(\w+)"')


def test_a_handler_finds_a_case_by_words_and_filters(app):
    """What is looked for stays in box, views and pages; nothing found is said in a sentence."""
    code, agency = open_case(app, comment="Phải chờ rất lâu")
    for _ in range(30):
        open_case(app)
    client = signed_in(app, "handler")
    page = client.get("/staff/cases", query_string={"q": "cho lau", "agency": agency}).text
    assert CODES.findall(page) == [code]
    assert '<label for="q">' in page
    assert 'value="cho lau"' in page
    assert f"view=unassigned&amp;q=cho+lau&amp;agency={agency}" in page
    assert "Tìm thấy <b>1</b> phản ánh" in page
    paged = client.get("/staff/cases", query_string={"state": "new"}).text
    assert "page=2&amp;state=new&amp;view=all" in paged
    for path in ("/staff/cases?q=vang+mat", "/staff/cases?state=none", "/staff/cases?agency=none"):
        nothing = client.get(path)
        assert nothing.status_code == 200
        assert "Không tìm thấy phản ánh nào phù hợp." in nothing.text
        assert CODES.findall(nothing.text) == []


def test_a_case_filed_away_is_found_by_its_code(app):
    """Who calls about an old case says its code: whoever may see the case finds it so."""
    with unit_of_work(app) as session:
        case = answering.raise_case(session)
        settle(session, answering.add_staff(session), case)
        archiving.archive_due(session, LATER)
        code = case.code
    client = signed_in(app, "handler")
    assert CODES.findall(client.get("/staff/cases").text) == []
    assert CODES.findall(client.get(f"/staff/cases?q=+{code.lower()}").text) == [code]
    head = signed_in(app, "agency_head")
    assert CODES.findall(head.get(f"/staff/cases?q={code}").text) == []


def test_searched_words_stand_in_no_log(app, caplog):
    """Words of a citizen that are looked for are written nowhere."""
    open_case(app, comment="Phải chờ rất lâu")
    client = signed_in(app, "handler")
    with caplog.at_level(logging.DEBUG):
        assert client.get("/staff/cases?q=chorenbietmay").status_code == 200
    assert "chorenbietmay" not in caplog.text
