"""Words and headings of one-stop software for the stages of a dossier."""

import pytest

from survey.db import db
from survey.intake.columns import find_header
from survey.intake.known import read_header_words
from survey.intake.progress import kind_of, return_of, stage_of
from survey.models.stage import STAGE_NAMES, Stage


@pytest.mark.parametrize("stage", Stage)
def test_stages_are_read_by_code_and_official_name(stage):
    """A status cell may hold the national code or the national name in any spelling."""
    name = STAGE_NAMES[stage]
    assert {stage_of(text) for text in (f"{int(stage)}", name, name.upper(), f" {name}.")} == {
        stage
    }


def test_words_of_one_stop_software_are_read():
    """Usual words for stages, applicants and ways of return are recognised, others are not."""
    stages = {
        Stage.REGISTERED: ("Mới đăng ký trực tuyến", "Chờ tiếp nhận"),
        Stage.RECEIVED: ("Đã tiếp nhận",),
        Stage.NOT_RECEIVED: ("Từ chối tiếp nhận hồ sơ",),
        Stage.IN_WORK: ("Đang thụ lý", "Đã bổ sung hồ sơ", "Chờ phê duyệt"),
        Stage.SUPPLEMENT_ASKED: ("Chờ bổ sung", "Cần bổ sung hồ sơ"),
        Stage.FEE_ASKED: ("Chờ thực hiện nghĩa vụ tài chính",),
        Stage.WITHDRAWAL_ASKED: ("Xin rút hồ sơ",),
        Stage.STOPPED: ("Tạm dừng xử lý", "Từ chối giải quyết", "Đã trả lại hồ sơ, từ chối"),
        Stage.READY: ("Đã có kết quả", "Chờ trả kết quả", "Hoàn thành"),
        Stage.RETURNED: ("Đã trả kết quả cho dân", "Đã trả"),
        None: ("", "0", "11", "Khác", "9" * 5000, "Chưa hoàn thành", "Chưa được tiếp nhận"),
    }
    for stage, texts in stages.items():
        assert {stage_of(text) for text in texts} == {stage}
    kinds = {"citizen": ("Cá nhân", "1", "Hộ gia đình"), "business": ("Tổ chức", "2"), "": ("3",)}
    for kind, texts in kinds.items():
        assert {kind_of(text) for text in texts} == {kind}
    ways = {
        "counter": ("Nhận trực tiếp tại bộ phận một cửa", "Trực tiếp"),
        "post": ("Qua dịch vụ bưu chính công ích", "Nhận tại nhà"),
        "online": ("Bản điện tử", "Trực tuyến"),
        "": ("", "Khác"),
    }
    for way, texts in ways.items():
        assert {return_of(text) for text in texts} == {way}


def test_the_agency_that_receives_is_not_the_one_that_decides(sqlite_app):
    """`Đơn vị tiếp nhận` is the receiving agency beside another agency column, else the agency."""
    start = ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", "Đơn vị tiếp nhận"]
    with sqlite_app.app_context():
        words = read_header_words(db.session())
    alone = find_header([start], words).columns
    assert (alone["agency"], alone.get("receiving_agency")) == (3, None)
    both = find_header([[*start, "Cơ quan giải quyết"]], words).columns
    assert (both["agency"], both["receiving_agency"]) == (4, 3)
