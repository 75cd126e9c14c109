"""Rows of running dossiers with their stages, supplements and extensions, and their import."""

from datetime import UTC, datetime

from tests.features.exports import CITIZEN_ID, HEADER, outcomes, row, write_csv

MORE = {
    "status": "Trạng thái",
    "stage_at": "Thời điểm xử lý",
    "officer": "Cán bộ xử lý",
    "officer_code": "Mã cán bộ",
    "kind": "Loại đối tượng",
    "goes_back": "Hình thức trả kết quả",
    "receiving": "Cơ quan tiếp nhận",
    "asked": "Ngày yêu cầu bổ sung",
    "missing": "Nội dung yêu cầu bổ sung",
    "asked_by": "Người yêu cầu bổ sung",
    "old_due": "NgayHenTraTruoc",
    "new_due": "NgayHenTraMoi",
    "letter": "Ngày văn bản xin lỗi",
    "extended": "Ngày hẹn lại",
    "reason": "Lý do hẹn lại",
    "signer": "Người ký văn bản xin lỗi",
    "first_due": "Ngày hẹn trả ban đầu",
}
ON_ITS_WAY = {
    "status": "Yêu cầu bổ sung giấy tờ",
    "stage_at": "05/03/2026 09:30",
    "officer": "Phạm Văn Thụ Lý",
    "officer_code": "CB07",
    "kind": "Doanh nghiệp",
    "goes_back": "Bưu chính công ích",
    "receiving": "UBND phường Bắc Nha Trang",
    "asked": "05/03/2026",
    "missing": f"Thiếu bản sao giấy của ông Lê Thử, số {CITIZEN_ID}",
    "asked_by": "Phạm Văn Thụ Lý",
    "old_due": "16/03/2026",
    "new_due": "23/03/2026",
    "letter": "13/03/2026",
    "extended": "25/03/2026",
    "reason": "Chờ ý kiến về thửa đất của bà Trần Thử",
    "signer": "Võ Thị Ký",
}
WORDS = ("Lê Thử", "Trần Thử", CITIZEN_ID)
FIRST_DAY = "2026-03-10T10:00:00+07:00"
NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)


def running_row(number=1, more=ON_ITS_WAY, **changes):
    cells = row(number, **({"returned": "", "due": "23/03/2026"} | changes))
    return [*cells, *(more.get(name, "") for name in MORE)]


def import_rows(runner, folder, rows, now=FIRST_DAY):
    """Import rows; return (outcome, hints) of each."""
    path, out = folder / "register.csv", folder / "out.csv"
    write_csv(path, rows, (*HEADER, *MORE.values()))
    ran = runner("intake", "import", path, "--now", now, "--json", "--outcomes", out)
    assert ran.code == 0, ran.err
    lines = outcomes(out).values()
    return [(line["outcome"], set(line["reason"].split(";")) - {""}) for line in lines]
