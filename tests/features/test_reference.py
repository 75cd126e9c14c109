"""Reference data: the shipped files load, loading is idempotent, and changes are reported."""

import csv
import shutil

import pytest
from sqlalchemy import select

from survey.db import db
from survey.models.organisation import Agency, AgencyAlias
from survey.models.province import Province
from survey.models.target import Target
from survey.reference.files import DATA
from tests.conftest import run_command

COUNTS = {
    "province": 1,
    "sectors": 11,
    "procedures": 150,
    "agencies": 136,
    "agency_aliases": 46,
    "targets": 9,
    "rules": 39,
    "questions": 6,
    "questionnaires": 2,
    "questionnaire_items": 7,
    "header_aliases": 274,
    "sms_prices": 3,
}


@pytest.fixture
def own_folder(tmp_path):
    """A province's own folder: the shipped files of Khánh Hòa under their name."""
    folder = tmp_path / "khanh_hoa"
    shutil.copytree(DATA / "khanh_hoa", folder)
    for name in ("sms_prices.csv", "questionnaires.csv", "sectors.csv"):
        shutil.copy(DATA / name, folder)
    return folder


def test_loading_again_changes_nothing(runner, app):
    """A second load counts the same rows and reports no change."""
    ran = runner("reference", "load", "--json")
    assert ran.code == 0
    assert COUNTS.items() <= ran.json.items()
    assert ran.err == ""
    with app.app_context():
        agency = db.session.scalars(select(Agency).where(Agency.code == "LOC-KH-D574")).one()
        assert (agency.valid_from, str(agency.valid_to)) == (None, "2025-06-30")
        assert db.session.scalars(select(Province)).one().dossier_prefix == "H32"
        level = select(Target.value).where(Target.scope == "land_construction_investment")
        assert sorted(map(int, db.session.scalars(level))) == [85, 90]


def test_a_changed_file_updates_by_code_and_says_so(make_app, own_folder):
    """A changed name is reported with old and new value, and a new agency as new."""
    path = own_folder / "agencies.csv"
    text = path.read_text("utf-8").replace(",Sở Nội vụ,", ",Sở Nội vụ tỉnh,")
    path.write_text(
        text + "LOC-KH-MOI,Sở Mới,province_department,H32,2026-01-01,,RECALL\n", "utf-8"
    )
    ran = run_command(make_app(PROVINCE=str(own_folder)), "reference", "load", "--json")
    assert ran.json["agencies"] == 137
    change, added = ran.err.splitlines()
    assert "LOC-KH-SNV" in change
    assert "“Sở Nội vụ” → “Sở Nội vụ tỉnh”" in change
    assert added == "agency LOC-KH-MOI: mới"


def test_the_own_folder_of_a_province_may_bear_any_name(make_app, own_folder):
    """A database of Khánh Hòa loads its files from a folder of any name."""
    folder = own_folder.rename(own_folder.with_name("du-lieu-2026"))
    ran = run_command(make_app(PROVINCE=str(folder)), "reference", "load", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert COUNTS.items() <= ran.json.items()


def test_a_word_that_was_corrected_is_no_longer_taken_the_old_way(make_app, own_folder):
    """An alias that moved to another agency belongs to that one only, and the move is reported."""
    path = own_folder / "agency_aliases.csv"
    text = path.read_text("utf-8").replace("Sở TNMT,LOC-KH-STNMT", "Sở TNMT,LOC-KH-SNV")
    path.write_text(text, "utf-8")
    app = make_app(PROVINCE=str(own_folder))
    ran = run_command(app, "reference", "load", "--json")
    assert ran.json["agency_aliases"] == COUNTS["agency_aliases"]
    assert [line.rpartition(" ")[2] for line in ran.err.splitlines()] == ["mới", "bỏ"]
    with app.app_context():
        query = select(Agency.code).join(AgencyAlias).where(AgencyAlias.alias == "Sở TNMT")
        assert db.session.scalars(query).all() == ["LOC-KH-SNV"]


def test_one_database_serves_one_province(make_app):
    """The files of another province are refused once a province is loaded."""
    ran = run_command(make_app(PROVINCE="soc_trang"), "reference", "load")
    assert ran.code == 2
    assert "Khánh Hòa" in ran.err


def _last_line(name):
    return (DATA / name).read_text("utf-8").splitlines()[-1]


BROKEN = {
    "no_level": ("agencies.csv", ",province_department,", ",ministry,", "agencies.csv, dòng 2"),
    "bad_day": ("agencies.csv", "2025-02-28", "28.02.2025", "không phải ngày"),
    "backwards": ("agencies.csv", "2025-07-01,,", "2025-07-01,2020-01-01,", "sau ngày kết thúc"),
    "lost_parent": ("agencies.csv", ",LOC-KH-D574,", ",LOC-KH-NONE,", "LOC-KH-NONE"),
    "lost_alias": ("agency_aliases.csv", "LOC-KH-STNMT", "LOC-KH-NONE", "LOC-KH-NONE"),
    "no_price": ("sms_prices.csv", ",850,", ",,", "sms_prices.csv, dòng 3"),
    "no_column": ("agencies.csv", "parent_code", "parent", "thiếu cột parent_code"),
    "a_comma": ("sectors.csv", "\nland,", '\n"la,nd",', "không được có dấu phẩy"),
    "no_kind": ("questionnaires.csv", "short,1,", "brief,1,", "không có loại phiếu “brief”"),
    "only_full": ("questionnaires.csv", "short,1,", "full,2,", "thiếu phiếu loại short"),
    "short_asks": (
        "questionnaires.csv",
        "full,1,2017-01-01,3",
        "short,1,2017-01-01,3",
        "chưa đúng",
    ),
    "no_position": ("questionnaires.csv", ",3,procedure,", ",,procedure,", "dòng 5"),
    "a_field": ("questionnaires.csv", ",feedback,", ",comment,", "mã câu hỏi “comment”"),
    "other_words": ("questionnaires.csv", "đúng hẹn, đầy đủ", "đầy đủ", "hãy thêm một bản mới"),
    "one_more": (
        *("questionnaires.csv", "full,1,2017-01-01,2,access,"),
        *("full,1,2017-01-01,7,speed,Nhanh,Fast\nfull,1,2017-01-01,2,access,", "một bản mới"),
    ),
    "one_less": ("questionnaires.csv", _last_line("questionnaires.csv"), "", "một bản mới"),
    "two_days": ("questionnaires.csv", "full,1,2017-01-01,6,", "full,01,2018-01-01,6,", "hai ngày"),
    "two_provinces": (
        "province.csv",
        "\nH32,",
        "\nH32,Khánh Hòa,1,,,,x\nH32,",
        "cần đúng một dòng",
    ),
    "no_province": ("province.csv", _last_line("khanh_hoa/province.csv"), "", "một dòng"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_and_nothing_is_loaded(make_app, own_folder, case):
    """The error names file and line, and the database is unchanged."""
    name, old, new, words = BROKEN[case]
    path = own_folder / name
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    agencies = own_folder / "agencies.csv"
    text = agencies.read_text("utf-8").replace(",Sở Nội vụ,", ",Sở Khác,")
    agencies.write_text(text, "utf-8")
    app = make_app(PROVINCE=str(own_folder))
    ran = run_command(app, "reference", "load")
    assert ran.code == 2
    assert name in ran.err
    assert words in ran.err
    with app.app_context():
        query = select(Agency.name).where(Agency.code == "LOC-KH-SNV")
        assert db.session.scalars(query).one() == "Sở Nội vụ"


def test_every_shipped_province_is_whole():
    """Each province folder has its three files, and every alias belongs to one of its agencies."""
    folders = [path for path in DATA.iterdir() if path.is_dir()]
    assert {folder.name for folder in folders} == {"khanh_hoa", "soc_trang"}
    for folder in folders:
        codes = {line["code"] for line in _lines(folder / "agencies.csv")}
        assert {line["agency_code"] for line in _lines(folder / "agency_aliases.csv")} <= codes
        (province,) = _lines(folder / "province.csv")
        assert all(province[key] for key in ("code", "name_vi", "hotline", "source"))


def _lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
