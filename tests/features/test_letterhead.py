"""The letterhead of a province: a Word template that is filled, or refused if it fits no report."""

import shutil

import docx
import pytest

from survey.reference.files import DATA
from tests.conftest import run_command, running, unit_of_work
from tests.features import report_data
from tests.features.report_data import MONTH, NOW

SHARED = DATA / "letterhead.docx"
DAMAGED = SHARED.read_bytes()[:200] + bytes(100) + SHARED.read_bytes()[300:]


@pytest.fixture
def own_folder(tmp_path):
    """A province's own folder: the shipped files of Khánh Hòa."""
    return shutil.copytree(DATA / "khanh_hoa", tmp_path / "khanh_hoa")


def _edited(folder, old, new):
    """Write a copy of the shared template with some words replaced into the folder."""
    word = docx.Document(SHARED)
    cells = [cell for table in word.tables for row in table.rows for cell in row.cells]
    for one in [*word.paragraphs, *(part for cell in cells for part in cell.paragraphs)]:
        if old in one.text:
            one.runs[0].text = one.text.replace(old, new)
            for run in one.runs[1:]:
                run.text = ""
    word.save(folder / "letterhead.docx")


def _checked(environment, folder):
    with running({**environment, "DEMO": "1", "PROVINCE": str(folder)}) as app:
        return run_command(app, "check-config", "--settings-only", "--json")


def test_the_own_template_of_a_province_bears_its_report(sqlite_environment, own_folder, tmp_path):
    """A report has the text of the office's own template and its filled placeholders around the
    same body; the shared template is unchanged.
    """
    _edited(own_folder, "- Lưu: VT.", "- Lưu: VT & TTPVHCC <02>.")
    with running({**sqlite_environment, "PROVINCE": str(own_folder)}) as app:
        with unit_of_work(app) as session:
            report_data.close_small(session)
        made = run_command(
            app, "report", "build", "--period", MONTH, "--formats", "docx",
            "--out", tmp_path / "new", "--now", NOW.isoformat(), "--json",
        )  # fmt: skip
    assert made.code == 0, made.err
    word = docx.Document(made.json["files"][0])
    xml = word.element.xml
    assert "{{" not in xml
    assert "{%" not in xml
    assert "- Lưu: VT &amp; TTPVHCC &lt;02&gt;." in xml
    assert word.tables[0].cell(0, 0).text.splitlines()[:2] == ["UBND TỈNH KHÁNH HÒA", "SỞ NỘI VỤ"]
    order = [xml.index(words) for words in ("DỰ THẢO", "Biểu đồ", "Nơi nhận:", "Phụ lục")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{{ chuc_vu_nguoi_ky }}", "CHÁNH VĂN PHÒNG", "thiếu {{ chuc_vu_nguoi_ky }}"),
        ("{{ dia_danh }}", "{{ dia_danh }} {{ tinh }}", "không biết {{ tinh }}"),
        ("{{ dau_du_thao }}", "", "không in {{ dau_du_thao }}"),
        ("{{ noi_dung }}", "Nội dung: {{ noi_dung }}", "{{ noi_dung }} phải đứng một mình"),
        ("{{ trich_yeu }}", "{{ trich_yeu", "dấu ngoặc sai chỗ"),
    ],
)
def test_a_template_that_takes_no_report_is_refused(sqlite_environment, own_folder, old, new, said):
    """`check-config` exits 1 and says in Vietnamese which placeholder is wrong, and where."""
    _edited(own_folder, old, new)
    ran = _checked(sqlite_environment, own_folder)
    assert ran.code == 1
    [reason] = [one["reason"] for one in ran.json["faults"] if one["name"] == "PROVINCE"]
    assert f"letterhead.docx: {said}" in reason


def test_a_template_without_the_styles_of_the_body_is_refused(sqlite_environment, own_folder):
    """A template without heading styles is refused with the names of those that are missing."""
    word = docx.Document(SHARED)
    word.styles["List Number"].delete()
    word.save(own_folder / "letterhead.docx")
    assert "thiếu kiểu (style) List Number" in str(_checked(sqlite_environment, own_folder).json)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", DAMAGED], ids=["empty", "pdf", "damaged"])
def test_a_file_that_is_no_word_document_stops_check_and_building(
    sqlite_environment, own_folder, tmp_path, content
):
    """Check and report both say that the template cannot be read, and no partial file is left."""
    (own_folder / "letterhead.docx").write_bytes(content)
    assert "Không đọc được mẫu Word" in str(_checked(sqlite_environment, own_folder).json)
    with running({**sqlite_environment, "PROVINCE": str(own_folder)}) as app:
        with unit_of_work(app) as session:
            report_data.close_small(session)
        made = run_command(
            app, "report", "build", "--period", MONTH, "--formats", "docx",
            "--out", tmp_path / "new", "--now", NOW.isoformat(),
        )  # fmt: skip
    assert made.code == 2
    assert "Không đọc được mẫu Word" in made.err
    assert not [*(tmp_path / "new").iterdir()]
