"""Decrypted cases are cached in memory and searched by state, agency, code and words."""

from sqlalchemy import delete, select, update

from survey import case_triggers
from survey.cases import access_control, archiving, queue, records, steps
from survey.cases.search import Wanted, search
from survey.models.ballot import PooledBallot
from survey.models.case import Case
from survey.models.organisation import Agency
from survey.models.staff import RoleName
from tests import ballots
from tests.clocks import NOW
from tests.features import answering
from tests.features.test_archiving import LATER, settle

SAID = "Phải ĐI LẠI ba lần, cán bộ thiếu nhiệt tình. Gọi tôi 0905 000 111."


def damage(session):
    """Make every stored record undecryptable under an unchanged revision, so that a case that is
    decrypted again drops out of its list; return the records for `repair`.
    """
    sealed = dict(session.execute(select(Case.id, Case.record_sealed)).all())
    repair(session, {number: bytes(len(whole)) for number, whole in sealed.items()})
    return sealed


def repair(session, sealed):
    """Store encrypted records directly, so that the mapping draws no new revision."""
    table = Case.__table__
    for number, whole in sealed.items():
        session.execute(update(table).where(table.c.id == number).values(record_sealed=whole))


def codes(cases):
    """The codes of some cases."""
    return {one.code for one in cases}


def found(session, staff, **wanted):
    """The codes of the cases that an account's search finds."""
    return codes(search(session, access_control.visible(session, staff), Wanted(**wanted)))


def test_a_list_opens_only_what_changed(transact):
    """A second list decrypts no case, and one after a step decrypts that case only, for any
    account.
    """
    with transact() as session:
        handler = answering.add_staff(session)
        cases = [answering.raise_case(session) for _ in range(3)]
        everything = {one.code for one in cases}
        assert codes(access_control.visible(session, handler)) == everything
        sealed = damage(session)
        assert codes(access_control.visible(session, handler)) == everything
        assert codes(queue.open_cases(session)) == everything
        repair(session, {cases[0].id: sealed[cases[0].id]})
        steps.take(session, handler, cases[0], NOW)
        listed = access_control.visible(session, handler)
        assert codes(listed) == everything
        (mine,) = queue.in_views(session, listed, handler, NOW)["mine"]
        assert mine.code == cases[0].code


def test_a_deleted_case_is_forgotten(transact):
    """A deleted or archived case leaves the cache with the next list."""
    with transact() as session:
        handler = answering.add_staff(session)
        gone, filed, left = (answering.raise_case(session) for _ in range(3))
        settle(session, handler, filed)
        assert len(access_control.visible(session, handler)) == 3
        archiving.archive_due(session, LATER)
        session.execute(delete(Case).where(Case.id == gone.id))
        assert codes(access_control.visible(session, handler)) == {left.code}
        report_index = records.CACHES[session.get_bind().engine]
        assert [one.code for one in report_index.cases] == [left.code]


def test_memory_is_bounded(transact, monkeypatch):
    """Cases beyond the size of the cache are listed too, and only they are decrypted again."""
    monkeypatch.setattr(records, "MOST_CACHED", 2)
    with transact() as session:
        handler = answering.add_staff(session)
        everything = {answering.raise_case(session).code for _ in range(3)}
        for _ in range(2):
            assert codes(access_control.visible(session, handler)) == everything
        damage(session)
        assert len(codes(access_control.visible(session, handler))) == 2


def test_another_database_in_the_same_place_is_read_anew(transact, monkeypatch):
    """A database restored in the same place with other keys is not served from the cache."""
    with transact() as session:
        handler, engine = answering.add_staff(session), session.get_bind().engine
        code = answering.raise_case(session).code
        access_control.visible(session, handler)
        other = records.RecordCache(b"another database's", records.CACHES[engine].cases)
        monkeypatch.setitem(records.CACHES, engine, other)
        assert codes(access_control.visible(session, handler)) == {code}
        monkeypatch.setitem(records.CACHES, engine, other)
        damage(session)
        assert codes(access_control.visible(session, handler)) == set()


def test_words_are_found_without_marks_and_case(transact):
    """A comment matches if it has all words searched, in any order, case or diacritics."""
    with transact() as session:
        handler = answering.add_staff(session)
        said, silent = answering.raise_case(session, comment=SAID), answering.raise_case(session)
        for text in ("đi lại", "di lai", "LAN ba", "nhiệt  tình, cán-bộ", said.code.lower()):
            assert found(session, handler, text=text) == {said.code}, text
        assert found(session, handler, text=silent.code[:5]) >= {silent.code}
        for text in ("đi vắng", "tin", "0905", "0905000111", "điện thoại"):
            assert found(session, handler, text=text) == set(), text
        assert found(session, handler, text=" … ") == {said.code, silent.code}


def test_what_the_citizen_changed_is_found(transact):
    """New words of a comment are found at once, replaced and erased ones no longer."""
    with transact() as session:
        handler = answering.add_staff(session)
        case = answering.raise_case(session, comment="Chờ lâu")
        assert found(session, handler, text="chờ lâu") == {case.code}
        (key,) = ballots.keys(session)
        changed = answering.change(session, key, overall=1, comment="Mất giấy tờ")
        case_triggers.raise_for_answer(session, NOW, changed, None)
        assert found(session, handler, text="chờ lâu") == set()
        assert found(session, handler, text="giấy tờ") == {case.code}
        session.execute(update(PooledBallot).values(comment_sealed=None))
        assert found(session, handler, text="giấy tờ") == set()


def test_a_damaged_comment_stops_neither_search_nor_list(transact):
    """A comment that cannot be decrypted has no words, but its case stays listed and other cases
    are found.
    """
    with transact() as session:
        handler = answering.add_staff(session)
        answering.raise_case(session, comment="Chờ lâu")
        session.execute(update(PooledBallot).values(comment_sealed=b"broken" * 10))
        sound = answering.raise_case(session, comment="Chờ lâu")
        assert found(session, handler, text="chờ lâu") == {sound.code}
        page = queue.show_page(session, access_control.visible(session, handler), 1, NOW)
        assert {row.excerpt for row in page.rows} == {"", "Chờ lâu"}


def test_a_search_finds_only_what_may_be_seen(transact):
    """Scope and held cases limit a search as they limit a list, whoever searched before."""
    with transact() as session:
        here, there = answering.agencies(session)[:2]
        hotline = answering.add_staff(session)
        head = answering.add_staff(session, RoleName.AGENCY_HEAD, agency=here)
        plain = answering.raise_case(session, agency=here, comment="Chờ lâu")
        grave = answering.raise_case(session, agency=here, comment="Chờ lâu, bị vòi tiền")
        other = answering.raise_case(session, agency=there, comment="Chờ lâu")
        everything = {plain.code, grave.code, other.code}
        assert found(session, hotline, text="chờ lâu") == everything
        assert found(session, head, text="chờ lâu") == {plain.code}
        assert found(session, head, text=grave.code) == set()
        steps.take(session, hotline, other, NOW)
        assert found(session, hotline, state="in_progress") == {other.code}
        assert found(session, hotline, agency=here.code) == {plain.code, grave.code}
        assert found(session, hotline, agency=there.code, text="vòi tiền") == set()
        has_parent = Agency.parent_code.in_(select(Agency.code))
        below = session.scalars(select(Agency).where(has_parent)).first()
        deep = answering.raise_case(session, agency=below)
        assert found(session, hotline, agency=below.parent_code) == {deep.code}


def test_the_command_lists_what_is_looked_for(transact, runner):
    """`cases list` takes state, agency and words, and a search without a result says so."""
    with transact() as session:
        here, there = answering.agencies(session)[:2]
        one = answering.raise_case(session, agency=here, comment="Chờ lâu")
        two = answering.raise_case(session, agency=there)
        settle(session, answering.add_staff(session), two)
        wanted, closed, agency = one.code, two.code, here.code
    listed = [
        runner("cases", "list", "--json", *more).json
        for more in (
            ("--q", "cho lau"),
            ("--agency", agency, "--state", "new"),
            ("--state", "closed"),
            (),
        )
    ]
    assert [[each["code"] for each in some] for some in listed] == [
        [wanted],
        [wanted],
        [closed],
        [wanted],
    ]
    assert "Không tìm thấy" in runner("cases", "list", "--q", "vắng mặt").out
