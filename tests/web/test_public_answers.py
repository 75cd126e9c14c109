"""The citizen's page: one tap is an answer, later pages add to it, nothing typed is lost."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import MetaData, func, select

from survey.answers.flags import is_too_fast, shown_at
from survey.db import db
from survey.models.ballot import Mode
from survey.models.count import LEVELS, Count
from survey.models.dossier import Dossier
from survey.models.invitation import OptOut
from survey.models.questionnaire import Questionnaire
from tests import ballots
from tests.conftest import unit_of_work
from tests.web.citizens import invite

CORRECTED = "+84905000777"
# Choices no form offers: there is nothing a person could have typed.
NOT_OFFERED = {"weather", "maybe", "0", "6", "5 sao", "５"}


@pytest.fixture
def token(transact):
    with transact() as session:
        return invite(session)


def dump(app):
    """Every row of every table."""
    with app.app_context(), db.engine.connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in tables.sorted_tables
        }


def answers(app):
    """What every citizen says now: overall, reasons, comment."""
    with app.app_context():
        said = ballots.all_said(db.session())
    return [(one.overall, ";".join(one.reasons), one.comment) for one in said]


def test_one_tap_is_a_complete_answer(app, client, token):
    """A POST of `overall` alone stores a rating and leads on; nothing else is needed."""
    done = client.post(f"/s/{token}", data={"overall": "4"})
    assert done.status_code == 303
    assert done.location == f"/s/{token}?page=reasons"
    assert answers(app) == [(4, "", "")]


def test_later_pages_add_to_the_answer(app, client, token):
    """Reasons, comment and call-back come without `overall` and keep what was said before."""
    steps = [
        ({"overall": "2"}, "reasons"),
        ({"reasons": ["officials", "access"], "comment": "Chờ lâu.\r\nMong sửa."}, "contact"),
        ({"contact": "yes", "contact_phone": ""}, "thanks"),
    ]
    for data, following in steps:
        done = client.post(f"/s/{token}", data=data)
        assert (done.status_code, done.location) == (303, f"/s/{token}?page={following}")
    assert answers(app) == [(2, "access;officials", "Chờ lâu.\nMong sửa.")]
    page = client.get(f"/s/{token}").text
    assert "Chờ lâu.\nMong sửa." in page
    assert "Đường dây nóng sẽ gọi lại" in page


def test_a_comment_alone_keeps_the_reasons(app, client, token):
    """A script that sends field after field loses nothing it sent before."""
    for data in ({"overall": "5"}, {"reasons": "result"}, {"comment": "Tốt lắm"}):
        assert client.post(f"/s/{token}", data=data).status_code == 303
    assert answers(app) == [(5, "result", "Tốt lắm")]


def test_the_whole_form_at_once_goes_to_the_end(app, client, token):
    """Who sends everything in one POST is thanked at once."""
    data = {"overall": "1", "reasons": "result", "comment": "Chậm", "contact": "no"}
    done = client.post(f"/s/{token}?lang=en", data=data)
    assert done.location == f"/s/{token}?page=thanks&lang=en"
    assert answers(app) == [(1, "result", "Chậm")]


@pytest.mark.parametrize("is_counted", [False, True])
def test_a_new_rating_replaces_the_old(app, client, token, runner, is_counted):
    """The answer may be changed from any device, counted or not; the last one is shown and
    marked.
    """
    client.post(f"/s/{token}", data={"overall": "5"})
    if is_counted:
        assert runner("ballots", "count").code == 0
    app.test_client().post(f"/s/{token.lower()}", data={"overall": "3"})
    assert answers(app) == [(3, "", "")]
    marked = re.search(r'value="(\d)" class="now"', client.get(f"/s/{token}?page=rate").text)
    assert marked[1] == "3"


def test_the_full_questionnaire_rates_five_factors(app, client, transact):
    """The five names are ratings there; the page shows them again as they were given."""
    with transact() as session:
        token = invite(session, kind="full")
    page = client.post(f"/s/{token}", data={"overall": "4"}, follow_redirects=True).text
    assert page.count('type="radio"') == 25
    sent = {"access": "5", "procedure": "4", "officials": "3", "result": "2", "feedback": "1"}
    assert client.post(f"/s/{token}", data={**sent, "comment": ""}).status_code == 303
    page = client.get(f"/s/{token}?page=reasons").text
    assert sent == dict(re.findall(r'name="(\w+)" value="(\d)" checked', page))


def test_factors_that_were_not_asked_are_not_stored(app, client, transact):
    """The short questionnaire takes the five names for nothing; what it does ask is stored."""
    with transact() as session:
        token = invite(session)
    sent = {"overall": "4", "access": "1", "feedback": "2", "comment": "Nhanh"}
    assert client.post(f"/s/{token}", data=sent).status_code == 303
    assert answers(app) == [(4, "", "Nhanh")]
    with app.app_context():
        assert [one.ratings for one in ballots.all_said(db.session())] == [{"overall": 4}]


@pytest.mark.parametrize("kind", ["short", "full"])
def test_an_answer_says_which_questionnaire_it_answered(app, client, transact, kind):
    """The link decides, though invitations all name the same questionnaire."""
    with transact() as session:
        token = invite(session, kind=kind)
    assert client.post(f"/s/{token}", data={"overall": "4"}).status_code == 303
    with transact() as session:
        (found,) = ballots.all_found(session).values()
        assert session.get_one(Questionnaire, found.ballot.questions.questionnaire_id).kind == kind
        assert found.ballot.mode == Mode.WEB


@pytest.mark.parametrize(("language", "over"), [("vi", "dài quá 1.000 ký"), ("en", "is 1,000 ch")])
def test_numbers_follow_the_language_of_the_page(sqlite_app, language, over):
    """Vietnamese groups digits with a dot, English with a comma."""
    with unit_of_work(sqlite_app) as session:
        token = invite(session)
    sent = {"overall": "4", "comment": "x" * 3000}
    page = sqlite_app.test_client().post(f"/s/{token}?lang={language}", data=sent)
    assert over in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"overall": "6"},
        {"overall": "5 sao"},
        {"overall": "５"},
        {"access": "0"},
        {"reasons": ["result", "weather"]},
        {"comment": "ă" * 2001},
        {"contact": "maybe"},
        {"contact_phone": "0912345678"},
        {"contact": "yes", "contact_phone": "12345"},
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(sqlite_app, wrong):
    """A wrong or too long value gives 400, the form with everything typed, and stores nothing."""
    client = sqlite_app.test_client()
    with unit_of_work(sqlite_app) as session:
        token = invite(session)
    client.post(f"/s/{token}", data={"overall": "2"})
    before = dump(sqlite_app)
    sent = {"comment": "Chữ tôi đã viết <b>&", "reasons": "officials", **wrong}
    page = client.post(f"/s/{token}", data=sent)
    assert page.status_code == 400
    assert "<title>Lỗi: " in page.text
    for values in sent.values():
        for value in [values] if isinstance(values, str) else values:
            shown = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            assert shown in page.text or value in NOT_OFFERED
    assert dump(sqlite_app) == before


def test_a_rating_comes_first(app, client, token):
    """Without a stored rating a later page is refused, and its text waits in the form."""
    before = dump(app)
    page = client.post(f"/s/{token}", data={"comment": "Tôi viết trước", "reasons": "result"})
    assert page.status_code == 400
    assert 'name="comment" value="Tôi viết trước"' in page.text
    assert dump(app) == before
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    assert client.post(f"/s/{token}", data={**dict(fields), "overall": "3"}).status_code == 303
    assert answers(app) == [(3, "result", "Tôi viết trước")]


@pytest.mark.parametrize("is_counted", [False, True])
def test_reading_never_writes(app, client, token, transact, runner, is_counted):
    """A hundred GET, HEAD and prefetch requests leave every table as it was, whether the answer
    was counted or waits.
    """
    with transact() as session:
        answered = invite(session, kind="full")
        invite(session, days_left=-1)
    client.post(f"/s/{answered}", data={"overall": "1"})
    if is_counted:
        assert runner("ballots", "count").code == 0
    before = dump(app)
    pages = ["", "?page=rate", "?page=reasons", "?page=contact", "?page=thanks"]
    pages += ["?page=not-mine", "?page=stop", "?page=stopped", "?lang=en", "?page=nonsense"]
    pages += ["/not-mine", "/stop", "/reopen"]
    for link in (token, answered):
        for page in pages:
            for headers in ({}, {"Sec-Purpose": "prefetch"}, {"Purpose": "preview"}):
                assert client.get(f"/s/{link}{page}", headers=headers).status_code == 200
            for _ in range(2):
                assert client.head(f"/s/{link}{page}").status_code == 200
    assert dump(app) == before


def test_fifty_taps_at_once_are_one_ballot(app, token, runner):
    """Parallel posts on one link end in one ballot and one counted answer."""

    def tap(number):
        done = app.test_client().post(f"/s/{token}", data={"overall": str(1 + number % 5)})
        return done.status_code

    with ThreadPoolExecutor(max_workers=10) as pool:
        assert set(pool.map(tap, range(50))) == {303}
    ((last, _, _),) = answers(app)
    assert runner("ballots", "count", "--json").json == {"counted": 1}
    with app.app_context():
        levels = select(*(getattr(Count, level) for level in LEVELS))
        counted = db.session.execute(levels.where(Count.question == "overall")).one()
    assert list(counted) == [int(level == last) for level in range(1, 6)]


@pytest.mark.parametrize(
    ("language", "heading", "label"),
    [("vi", "Hôm nay", "chưa được lưu"), ("en", "today", "was not stored")],
)
def test_a_link_that_changes_its_answer_all_day_is_put_off(
    app, client, token, language, heading, label
):
    """The fifty-first change of a day gets 429 with a page that says until when and keeps the text;
    what was said before stays, and the same once more is no change.
    """
    for number in range(51):
        done = client.post(f"/s/{token}", data={"overall": str(4 + number % 2)})
        assert done.status_code == 303
    said = answers(app)
    sent = {"overall": "1", "comment": "Chữ tôi đã viết <b>&"}
    page = client.post(f"/s/{token}?lang={language}", data=sent)
    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 24 * 3600
    assert f'<html lang="{language}">' in page.text
    assert heading in re.search("<h1>(.*?)</h1>", page.text)[1]
    assert label in page.text
    assert "Chữ tôi đã viết &lt;b&gt;&amp;" in page.text
    assert answers(app) == said
    assert client.post(f"/s/{token}", data={"overall": str(said[0][0])}).status_code == 303
    assert client.post(f"/s/{token}/stop").status_code == 303


def test_not_my_dossier_closes_the_survey(app, client, token):
    """The wish is asked once more, carried out by POST only, and takes no answer after that."""
    assert "Đây không phải hồ sơ" in client.get(f"/s/{token}?page=not-mine").text
    done = client.post(f"/s/{token}/not-mine", follow_redirects=True)
    assert "không phải hồ sơ của Ông/Bà" in done.text
    refused = client.post(f"/s/{token}", data={"overall": "5"})
    assert refused.status_code == 409
    assert answers(app) == []


def test_no_more_messages(app, client, token):
    """The wish is stored for the phone; the survey itself stays open; twice is once."""
    for _ in range(2):
        done = client.post(f"/s/{token}/stop", follow_redirects=True)
        assert "không nhắn tin khảo sát nữa" in done.text
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(OptOut)) == 1
    assert client.get(f"/s/{token}").status_code == 200


def test_no_more_messages_is_the_wish_of_the_number_that_was_asked(app, client, token, transact):
    """A number corrected after the message left is not the one that wants no more."""
    with transact() as session:
        dossier = session.scalars(select(Dossier)).one()
        asked, dossier.phone = dossier.phone, CORRECTED
    client.post(f"/s/{token}/stop")
    with app.app_context():
        assert [one.phone for one in db.session.scalars(select(OptOut))] == [asked]


@pytest.mark.parametrize(
    ("action", "heading"),
    [
        ("not-mine", "Đây không phải hồ sơ của Ông/Bà?"),
        ("stop", "Không nhận tin nhắn khảo sát nữa?"),
        ("reopen", "hài lòng"),
    ],
)
def test_the_address_of_an_action_asks_when_it_is_opened(app, client, token, action, heading):
    """Who reloads or keeps such an address gets the page that asks, in both languages."""
    before = dump(app)
    page = client.get(f"/s/{token}/{action}")
    assert page.status_code == 200
    assert heading in re.search("<h1.*?</h1>", page.text, re.DOTALL)[0]
    (other,) = re.findall(r'href="([^"]*lang=en)"', page.text)
    turned = client.get(unescape(other))
    assert turned.status_code == 200
    assert '<html lang="en">' in turned.text
    assert dump(app) == before
    assert client.get(f"/s/000000000000/{action}").status_code == 404


def test_the_form_says_when_it_was_drawn_and_need_not(client, transact):
    """The form holds a signed moment, so a tap at once is flagged; without it a tap counts too."""
    with transact() as session:
        quick, bare = invite(session), invite(session)
    shown = client.get(f"/s/{quick}").text.partition('name="shown" value="')[2].partition('"')[0]
    with transact() as session:
        drawn = datetime.fromtimestamp(int(shown.partition(".")[0], 16) / 1000, UTC)
        assert is_too_fast(session, quick, shown, drawn)
        # However slow this machine is, the answer comes before a minute is over.
        ahead = shown_at(session, quick, drawn + timedelta(minutes=1))
    sent = {"overall": "5", "shown": ahead}
    assert client.post(f"/s/{quick}", data=sent).status_code == 303
    assert client.post(f"/s/{bare}", data={"overall": "5"}).status_code == 303
    with transact() as session:
        found = [one.ballot.flags for one in ballots.all_found(session).values()]
    assert sorted(map(sorted, found)) == [[], ["too_fast"]]
