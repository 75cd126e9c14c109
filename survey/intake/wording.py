"""Sentences for clerks about files and rows: one for each code of the intake."""

from survey.catalogues import _, gettext
from survey.errors import Invalid

REFUSALS = {
    "file_missing": _("Không tìm thấy tệp {name}."),
    "file_not_plain": _("{name} không phải một tệp. Anh/chị chọn tệp xuất từ phần mềm một cửa."),
    "file_empty": _("Tệp {name} rỗng. Hãy kiểm tra lại rồi xuất tệp mới từ phần mềm một cửa."),
    "file_too_big": _(
        "Tệp {name} nặng {size} MB, vượt giới hạn {limit} MB. "
        "Hãy xuất theo từng tháng hoặc từng quý rồi nạp lần lượt."
    ),
    "file_bomb": _(
        "Tệp {name} phình ra quá lớn khi mở nên không được nhận. Hãy chép riêng vùng dữ liệu "
        "sang một bảng tính mới, lưu lại rồi nạp tệp mới."
    ),
    "file_password": _("Tệp {name} được đặt mật khẩu. Hãy mở tệp, gỡ mật khẩu rồi nạp lại."),
    "file_damaged": _(
        "Tệp {name} bị hỏng hoặc tải về chưa trọn vẹn. "
        "Hãy xuất lại từ phần mềm một cửa rồi nạp tệp mới."
    ),
    "file_web_page": _(
        "Tệp {name} thực ra là trang web mang đuôi bảng tính. "
        "Hãy mở tệp bằng Excel, chọn Lưu thành, kiểu .xlsx, rồi nạp tệp mới."
    ),
    "file_unknown_kind": _(
        "Tệp {name} không phải csv, xlsx, xls hay ods. Hãy lưu lại dạng .xlsx rồi nạp lại."
    ),
    "bad_encoding": _(
        "Tệp {name} không dùng bảng mã Unicode (lỗi đầu tiên gần dòng {line}) nên không thể "
        "đọc chắc chắn dấu tiếng Việt. Hãy mở tệp bằng Excel, chọn Lưu thành, kiểu “CSV "
        "UTF-8” hoặc .xlsx, rồi nạp lại."
    ),
    "quote_not_closed": _(
        "Tệp {name} có dấu nháy kép mở mà không đóng từ khoảng dòng {line}, các dòng "
        "sau bị dính vào một ô. Hãy sửa ô đó, hoặc xuất lại dạng .xlsx."
    ),
    "cell_too_long": _(
        "Tệp {name} có một ô hoặc một dòng dài bất thường ở khoảng dòng {line}. "
        "Hãy kiểm tra dấu nháy kép ở đó, hoặc xuất lại dạng .xlsx."
    ),
    "header_not_found": _(
        "Không thấy dòng tiêu đề trong {name}. Trong {lines} dòng đầu phải có một dòng ghi tên "
        "cột, ví dụ: Mã hồ sơ, Mã TTHC, Cơ quan, Ngày tiếp nhận. Tệp csv phải dùng dấu phẩy, "
        "chấm phẩy hoặc tab để ngăn cột."
    ),
    "columns_missing": _("Tệp {name} thiếu cột bắt buộc: {columns}. Hãy bổ sung rồi nạp lại."),
    "columns_undecided": _(
        "Trong {name}, các cột {columns} đều có thể là ngày hẹn trả hoặc ngày trả thật. "
        "Hãy đổi tên thành “Ngày hẹn trả” và “Ngày trả thực tế” rồi nạp lại."
    ),
}

FIELD_NAMES = {
    "row_no": "STT",
    "dossier_code": _("Mã hồ sơ"),
    "procedure_code": _("Mã TTHC"),
    "procedure_name": _("Tên thủ tục"),
    "sector": _("Lĩnh vực"),
    "agency": _("Cơ quan, đơn vị"),
    "applicant_name": _("Chủ hồ sơ"),
    "applicant_address": _("Địa chỉ"),
    "phone": _("Số điện thoại"),
    "received_at": _("Ngày tiếp nhận"),
    "due_at": _("Ngày hẹn trả"),
    "returned_at": _("Ngày trả kết quả"),
    "status": _("Tình trạng"),
    "channel": _("Hình thức tiếp nhận"),
    "officer": _("Cán bộ xử lý"),
    "officer_code": _("Mã cán bộ xử lý"),
    "stage_at": _("Thời điểm chuyển tình trạng"),
    "first_due_at": _("Ngày hẹn trả ban đầu"),
    "applicant_kind": _("Loại đối tượng"),
    "return_channel": _("Hình thức trả kết quả"),
    "receiving_agency": _("Cơ quan tiếp nhận"),
    "supplement_at": _("Ngày yêu cầu bổ sung"),
    "supplement_text": _("Nội dung yêu cầu bổ sung"),
    "supplement_by": _("Người yêu cầu bổ sung"),
    "supplement_old_due": _("Ngày hẹn trả trước khi bổ sung"),
    "supplement_new_due": _("Ngày hẹn trả sau khi bổ sung"),
    "extension_letter_at": _("Ngày văn bản xin lỗi"),
    "extension_new_due": _("Ngày hẹn lại"),
    "extension_reason": _("Lý do hẹn lại"),
    "extension_signer": _("Người ký văn bản xin lỗi"),
    "summary": _("Nội dung"),
    "note": _("Ghi chú"),
    "id_number_drop": _("Số định danh (không lưu)"),
}

REASONS = {
    "blank_row": _("Dòng trống, bỏ qua."),
    "repeated_header": _("Dòng tiêu đề lặp lại, bỏ qua."),
    "column_number_row": _("Dòng đánh số cột, bỏ qua."),
    "total_row": _("Dòng cộng, bỏ qua."),
    "footer_row": _("Dòng chữ ký hoặc ghi chú cuối bảng, bỏ qua."),
    "missing_dossier_code": _("Thiếu mã hồ sơ."),
    "bad_dossier_code": _("Mã hồ sơ không đúng dạng, ví dụ đúng: 000.00.15.H32-220412-0001."),
    "unknown_procedure": _("Không có thủ tục này trong danh mục, hoặc tên ứng với nhiều mã."),
    "unknown_agency": _("Không nhận ra cơ quan này, hoặc tên ứng với nhiều cơ quan."),
    "bad_date": _("Không đọc được ngày. Dạng đúng: 30/12/2025 hoặc 30/12/2025 08:30."),
    "missing_received_date": _("Thiếu ngày tiếp nhận."),
    "received_in_future": _("Ngày tiếp nhận sau ngày cuối của kỳ xuất dữ liệu."),
    "agency_not_valid_on_date": _("Cơ quan này không tồn tại vào ngày tiếp nhận."),
    "due_before_received": _("Ngày hẹn trả trước ngày tiếp nhận."),
    "returned_before_received": _("Ngày trả kết quả trước ngày tiếp nhận."),
    "same_row_again": _("Dòng này đã có ở trên trong cùng tệp."),
    "same_code_again": _("Mã hồ sơ này đã được nhận ở một dòng trên trong cùng tệp."),
    "unchanged": _("Hồ sơ đã có từ lần nạp trước và không đổi."),
    "updated": _("Hồ sơ đã có từ lần nạp trước, nay cập nhật."),
    "phone_missing": _("Không có số điện thoại nên không thể mời đánh giá."),
    "phone_invalid": _("Số điện thoại không dùng được."),
    "phone_landline": _("Số cố định, không nhận được tin nhắn."),
    "phone_old_prefix": _("Đầu số cũ 11 chữ số, đã đổi sang đầu số mới."),
    "phone_foreign": _("Số nước ngoài, không gửi tin nhắn."),
    "not_returned": _("Chưa có ngày trả kết quả."),
    "returned_in_future": _("Ngày trả kết quả sau ngày cuối của kỳ xuất dữ liệu, cần xem lại."),
    "status_without_return_date": _("Ghi là đã trả nhưng thiếu ngày trả kết quả."),
    "due_missing": _("Không có ngày hẹn trả."),
    "matched_by_name": _("Nhận ra thủ tục theo tên."),
    "agency_alias": _("Nhận ra cơ quan theo tên viết tắt."),
    "name_in_both_eras": _("Tên có ở cả trước và sau 01/7/2025, đã chọn theo ngày tiếp nhận."),
    "code_date_differs": _("Ngày trong mã hồ sơ khác ngày tiếp nhận."),
    "applicant_missing": _("Không có tên chủ hồ sơ."),
    "code_cleaned": _("Mã hồ sơ đã được chuẩn hóa."),
    "stage_unread": _("Không hiểu tình trạng hồ sơ hoặc thời điểm của nó, đã bỏ qua ô này."),
    "first_due_unread": _("Không đọc được ngày hẹn trả ban đầu, đã bỏ qua ô này."),
    "supplement_unread": _("Không đọc được ngày của yêu cầu bổ sung, đã bỏ qua ô này."),
    "extension_unread": _("Không đọc được ngày hẹn lại hoặc ngày xin lỗi, đã bỏ qua ô này."),
    "applicant_kind_unread": _("Không hiểu loại đối tượng, đã bỏ qua ô này."),
    "return_unread": _("Không hiểu hình thức trả kết quả, đã bỏ qua ô này."),
    "receiving_agency_unread": _("Không nhận ra cơ quan tiếp nhận, đã bỏ qua ô này."),
}


def refusal(code: str, name: str, **facts: object) -> Invalid:
    """The error for a file that cannot be imported, with its sentence for the clerk."""
    return Invalid(code, gettext(REFUSALS[code]).format(name=name, **facts))
