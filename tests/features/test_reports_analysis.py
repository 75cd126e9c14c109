"""The report's section on analysis names what has grounds, and says where there are none."""

import re
from datetime import UTC, datetime

import pytest

from survey import indices
from survey.indices import payload_of
from survey.period import Month
from survey.reports import comparison, evenness, gather
from survey.reports.build import build
from survey.reports.document import Kind
from survey.reports.sections import compose
from tests.conftest import FIXED, running, unit_of_work
from tests.features import report_data
from tests.features.answering import agencies
from tests.features.rated import fill, say_all
from tests.features.test_reports import (
    sheet,
    squeezed,
    words_of_docx,
    words_of_html,
    words_of_pdf,
)

MONTH, BEFORE = Month("2026-10"), Month("2026-09")
CLOSED_AT = datetime(2026, 11, 15, 2, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
PLACE, COVERAGE = 6, 2


def two_months(session):
    """Ordinary agencies, one whose index fell, two small ones whose index fell, and one that is
    suppressed.
    """
    units = agencies(session)[:24]
    for agency in units[:20]:
        fill(session, agency, BEFORE, 90, 10)
        fill(session, agency, MONTH, 90, 10)
    fell, small, weak, hidden = units[20:]
    fill(session, fell, BEFORE, 90, 10)
    fill(session, fell, MONTH, 55, 45)
    fill(session, small, BEFORE, 12, 0)
    fill(session, small, MONTH, 4, 8)
    fill(session, weak, MONTH, 2, 12)
    fill(session, hidden, MONTH, 0, 3)
    say_all(session, units[0], BEFORE, times=260)
    return fell, small, weak, hidden


def close(session, *months):
    """Close months, each on its day."""
    for month in months:
        at = datetime.fromisoformat(f"{month.previous}-15T02:00:00+00:00")
        indices.close(session, month, max(at, month.closable_from))


def section(session, month=MONTH, now=LATER):
    """The current section."""
    return compose(gather.gather(session, month, now)).sections[PLACE]


def words(found):
    """All text of a section, one part a line."""
    lines = [*found.paragraphs, *(f"{one.lead} {one.text}" for one in found.points)]
    for table in found.tables:
        lines += [table.title, *table.notes, *(cell.text for row in table.rows for cell in row)]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def closed(sqlite_copies, tmp_path_factory):
    """An application with two closed months, the report files of the second, and the agencies'
    names.
    """
    folder = tmp_path_factory.mktemp("analysed")
    database = {"DATABASE_URL": sqlite_copies.copy(folder)}
    with running({**FIXED, **database, "SMS_CONSOLE_FILE": str(folder / "sms.jsonl")}) as app:
        with unit_of_work(app) as session:
            who = [agency.name for agency in two_months(session)]
            close(session, BEFORE, MONTH)
        with unit_of_work(app) as session:
            found = section(session)
            paths = build(session, MONTH, ("html", "pdf", "docx", "xlsx"), folder, LATER).files
        yield found, {path.suffix[1:]: path for path in paths}, who


def test_the_four_formats_hold_the_same_analysis(closed):
    """Each sentence and table is equal in page, PDF and Word, Excel has their numbers, and the
    funnel plot has a text alternative in all.
    """
    found, built, _ = closed
    texts = [words_of_html(built["html"]), words_of_pdf(built["pdf"]), words_of_docx(built["docx"])]
    parts = [f"{one.lead} {one.text}" for one in found.points]
    for table in found.tables:
        parts += ["".join(cell.text for cell in row) for row in table.rows]
    for part in parts:
        for text in texts:
            assert _letters(part) in _letters(text)
    cells = [value for row in sheet(built["xlsx"], "Phân tích") for value in row]
    for table in found.tables:
        for cell in (cell for row in table.rows for cell in row):
            is_number = cell.value is not None and cell.kind is not Kind.TEXT
            assert (pytest.approx(cell.value) if is_number else cell.text) in cells
    assert "Biểu đồ phễu: 22 cơ quan" in built["html"].read_text("utf-8")
    assert "Biểu đồ phễu: 22 cơ quan" in _document_xml(built["docx"])


def _letters(text):
    """The text without blanks, bullets and the hyphens that a line break may add."""
    return re.sub(r"[-•]", "", squeezed(text))


def _document_xml(path):
    return report_data.zipped(path, "word/document.xml")


def test_a_closed_month_says_how_evenly_its_dossiers_answered(sqlite_app):
    """A report has the three measures of nonresponse as of the closing, whatever is answered later;
    a draft has none.
    """
    with unit_of_work(sqlite_app) as session:
        two_months(session)
        draft = compose(gather.gather(session, MONTH, CLOSED_AT))
        assert evenness.TITLE not in [one.title for one in draft.sections[COVERAGE].tables]
        close(session, BEFORE, MONTH)
        report = gather.gather(session, MONTH, LATER)
        table = compose(report).sections[COVERAGE].tables[-1]
        fill(session, agencies(session)[0], MONTH, 0, 500)
        again = compose(gather.gather(session, MONTH, LATER))
    assert again.sections[COVERAGE].tables[-1] == table
    assert table.title == evenness.TITLE
    even, weight, shift = [row[1].value for row in table.rows]
    assert (even, weight) == (pytest.approx(1), pytest.approx(1))  # half of each cell answered
    assert shift == pytest.approx(report.overall.index - report.overall.raw)


def test_only_what_has_grounds_is_named(closed):
    """The agency whose index fell is named with its interval and in the funnel plot; the small ones
    that fell are not, and a suppressed one is nowhere.
    """
    found, _, (fell, small, weak, hidden) = closed
    changed, drivers, year = found.tables
    assert [row[0].text for row in changed.rows] == ["Toàn tỉnh", "Đất đai", fell]
    assert changed.rows[2][4].text.startswith("−35,0 (−45,")
    assert changed.rows[2][5].text == "▼ Giảm"
    text = words(found)
    assert f"1 cơ quan có từ 30 phiếu nằm ngoài giới hạn 99,8%: (1) {fell} 55,0%, n = 100" in text
    assert "1 cơ quan khác chỉ ở ngoài giới hạn 95% hoặc có dưới 30 phiếu" in text
    assert not [name for name in (small, weak, hidden) if name in text]
    assert drivers.rows[0][0].text == "Kết quả giải quyết"
    assert [row[0].text for row in year.rows] == ["Toàn tỉnh", "Đất đai"]


def test_what_goes_together_is_never_called_a_cause(closed):
    """No sentence calls a correlation a cause."""
    found, _, _ = closed
    text = words(found)
    assert "Đây là mối liên hệ, không phải nguyên nhân." in text
    left = text.replace("không phải nguyên nhân", "")
    assert not re.search(r"\b(do|vì|bởi|nguyên nhân|gây|dẫn đến|khiến)\b", left)


def test_later_answers_change_no_word(transact):
    """Answers after the closing, for this month or an earlier one, change neither text nor picture
    of the section; nor does closing an older month.
    """
    with transact() as session:
        fell, *_ = two_months(session)
        fill(session, fell, Month("2026-07"), 40, 0)
        close(session, BEFORE, MONTH)
    with transact() as session:
        first = section(session)
        assert len(first.tables) == 3
    with transact() as session:
        fell = agencies(session)[20]
        for month in (BEFORE, MONTH):
            fill(session, fell, month, 400, 0)
            say_all(session, fell, month, times=30)
        indices.close(session, Month("2026-07"), LATER)
    with transact() as session:
        assert section(session) == first
        assert payload_of(indices.first(session, BEFORE))["counted"]["patterns"]


def test_without_grounds_it_says_so(sqlite_app):
    """A first closing has no comparison, few ratings have neither drivers nor outlook, and a sector
    with a suppressed month is left out of the year.
    """
    with unit_of_work(sqlite_app) as session:
        units = agencies(session)[:8]
        for agency in units:
            fill(session, agency, BEFORE, 40, 2)
            fill(session, agency, BEFORE, 20, 1, sector="justice")
        close(session, BEFORE)
        text = words(section(session, BEFORE))
        assert "So với tháng 08/2026: không so sánh" in text
        assert "không cơ quan có từ 30 phiếu nào nằm ngoài giới hạn" in text
        assert "chưa đủ căn cứ (0 phiếu đầy đủ của 1 tháng đã chốt, cần ít nhất 200)" in text
        assert "Tư pháp" in text
        fill(session, units[0], MONTH, 40, 2)
        fill(session, units[0], MONTH, 2, 1, sector="justice")
        close(session, MONTH)
        (_, year) = section(session).tables
        assert [row[0].text for row in year.rows] == ["Toàn tỉnh"]


def test_a_draft_says_why_it_compares_nothing(transact):
    """The draft of an open month says why it has no analysis yet."""
    with transact() as session:
        fill(session, agencies(session)[0], Month("2026-11"), 40, 2)
        draft = section(session, Month("2026-11"))
        assert (draft.paragraphs, draft.tables) == ((comparison.OPEN,), ())
