"""The Vietnamese sentence for every error code: what is wrong and what to do."""

from survey.catalogues import _, gettext
from survey.errors import SurveyError

SENTENCES = {
    "bad_settings": _("Cấu hình chưa đúng: {detail}."),
    "no_data_key": _("Thiếu khóa DATA_KEY. Hãy đặt 32 byte ngẫu nhiên ở dạng base64 rồi chạy lại."),
    "wrong_key": _(
        "DATA_KEY không phải khóa của cơ sở dữ liệu này (wrong_key). Hãy đặt lại đúng khóa đã cất "
        "giữ; nếu vừa đổi khóa, hãy thêm khóa cũ vào DATA_KEYS_OLD, rồi chạy lại."
    ),
    "keys_missing": _(
        "Cơ sở dữ liệu chưa có khóa mã hóa. Hãy chạy: flask --app survey db upgrade, rồi chạy lại."
    ),
    "encrypted_value_broken": _(
        "Dữ liệu đã mã hóa không còn nguyên vẹn ({detail}). Hãy báo người quản trị và khôi phục từ "
        "bản sao lưu."
    ),
    "counts_differ": _(
        "Số đếm không khớp với phiếu trả lời ({detail}), nên chưa chốt kỳ. Hãy chạy: flask --app "
        "survey index rebuild --check, rồi báo người quản trị."
    ),
    "ballot_changed": _(
        "Phiếu này vừa được gửi từ một nơi khác. Xin Ông/Bà mở lại trang rồi gửi lần nữa."
    ),
    "too_many_changes": _(
        "Hôm nay câu trả lời này đã được sửa quá nhiều lần. Câu trả lời trước đó vẫn được giữ. Xin "
        "Ông/Bà sửa lại vào ngày mai."
    ),
    "no_province": _(
        "Chưa có dữ liệu tham chiếu của tỉnh. Hãy chạy: flask --app survey reference load."
    ),
    "no_questionnaire": _(
        "Chưa có phiếu khảo sát nào có hiệu lực. Hãy kiểm tra questionnaires.csv rồi chạy: flask "
        "--app survey reference load."
    ),
    "not_a_demo": _(
        "Chỉ dùng được khi DEMO=1 và SMS_PROVIDER=console. "
        "Không đổ dữ liệu giả lập vào hệ thống thật."
    ),
    "dossiers_exist": _(
        "Cơ sở dữ liệu đã có hồ sơ. Dữ liệu giả lập chỉ nạp vào cơ sở dữ liệu trống; hãy đặt "
        "DATABASE_URL khác rồi chạy lại."
    ),
    "demo_scale": _(
        "Quy mô chưa đúng: cần từ 1 đến 1.000.000 hồ sơ, từ 1 đến 36 tháng, và ít nhất một ngày "
        "làm việc đã qua."
    ),
    "demo_no_agency": _(
        "Không có cơ quan nào của tỉnh còn hoạt động ở thời điểm này. Hãy chọn tỉnh khác "
        "(PROVINCE) hoặc thời điểm khác (--now)."
    ),
    "future_period": _("Kỳ {detail} chưa đến. Hãy chọn tháng này hoặc một tháng đã qua."),
    "backward_months": _("Khoảng kỳ {detail} đi ngược. Hãy cho kỳ đầu trước kỳ cuối."),
    "unknown_breakdown": _("Không có cách xem “{detail}”."),
    "unknown_question": _("Không có câu hỏi “{detail}”."),
    "too_early": _(
        "Chưa đến ngày chốt kỳ. Kỳ này được chốt từ ngày {detail}, để người dân còn kịp trả lời."
    ),
    "snapshot_broken": _(
        "Số liệu đã chốt của kỳ {detail} không còn nguyên vẹn. Hãy báo người quản trị và "
        "khôi phục từ bản sao lưu."
    ),
    "not_closed": _("Kỳ {detail} chưa chốt số liệu nên chưa duyệt được báo cáo."),
    "no_card": _("Không có thẻ chỉ số nào tên {detail}."),
    "no_snapshot": _("Không có bản chốt số liệu nào mang số {detail}."),
    "no_such_link": _("Liên kết không đúng hoặc đã hết hạn."),
    "answering_closed": _("Đã hết thời hạn trả lời cho hồ sơ này."),
    "rating_first": _("Xin Ông/Bà chọn mức độ hài lòng trước."),
    "bad_rating": _("Mức đánh giá phải từ 1 đến 5."),
    "bad_factor": _("Nội dung được chọn không có trong phiếu."),
    "comment_too_long": _(
        "Ý kiến dài quá 2.000 ký tự. Xin Ông/Bà bớt {detail} ký tự; "
        "nội dung đã viết vẫn còn dưới đây."
    ),
    "bad_contact_phone": _(
        "Số điện thoại chưa đúng. Xin nhập số di động hoặc số cố định Việt Nam, ví dụ 0912 345 678."
    ),
    "bad_mobile": _(
        "Số điện thoại chưa đúng. Hãy nhập đủ số di động Việt Nam, ví dụ 0912 345 678."
    ),
    "backup_exists": _("Tệp {detail} đã có. Hãy chọn tên khác; bản sao lưu không ghi đè."),
    "backup_unreadable": _(
        "Không đọc được bản sao lưu {detail} hoặc bảng kê {detail}.json bên cạnh nó."
    ),
    "backup_engine": _("Bản sao lưu thuộc loại cơ sở dữ liệu khác ({detail})."),
    "backup_broken": _("Bản sao lưu không dùng được: các bảng sau khác bảng kê: {detail}."),
    "backup_needs_createdb": _(
        "Người dùng {detail} của PostgreSQL chưa có quyền tạo cơ sở dữ liệu để khôi phục thử. "
        "Hãy chạy: ALTER ROLE ... CREATEDB"
    ),
    "backup_failed": _("Công cụ sao lưu báo lỗi: {detail}"),
    "database_not_empty": _(
        "Cơ sở dữ liệu này đang có dữ liệu. Hãy dừng web, sender và worker, sao lưu, rồi thêm "
        "--replace."
    ),
    "tool_missing": _("Máy chưa có công cụ {detail}. Hãy cài gói postgresql-client."),
    "no_file": _("Hãy chọn tệp hồ sơ trước."),
    "upload_too_big": _(
        "Tệp vượt giới hạn {detail} MB. Hãy xuất theo từng tháng hoặc từng quý rồi nạp lần lượt."
    ),
    "upload_gone": _(
        "Tệp này không còn. Tệp tải lên chỉ được giữ 24 giờ; hãy tải lên lại nếu vẫn cần nạp."
    ),
    "upload_done": _("Tệp này đã được nạp hoặc đang nạp."),
    "import_running": _("Tệp này đang được nạp ở nơi khác. Hãy đợi vài phút rồi thử lại."),
    "no_error_rows": _("Tệp này không có dòng lỗi nào."),
    "no_such_job": _("Không có việc này."),
    "job_lost": _("Việc này đã được tiến trình khác làm tiếp."),
    "dossier_not_finished": _("Hồ sơ {detail} chưa có ngày trả kết quả."),
    "bad_email": _("Thư điện tử chưa đúng: {detail}. Ví dụ đúng: ten.ho@tinh.gov.vn."),
    "account_exists": _(
        "Thư điện tử {detail} đã có tài khoản. Để cấp mật khẩu mới, hãy dùng chức năng "
        "đặt lại (staff reset)."
    ),
    "no_account": _("Không có tài khoản này."),
    "unknown_agency": _(
        "Không có cơ quan nào mang mã {detail}. Hãy kiểm tra lại mã trong danh mục cơ quan."
    ),
    "unknown_sector": _(
        "Không có lĩnh vực nào mang mã {detail}. Hãy kiểm tra lại mã trong danh mục lĩnh vực."
    ),
    "last_admin": _(
        "Đây là tài khoản quản trị cuối cùng đang hoạt động. Hãy thêm một quản trị viên khác trước."
    ),
    "wrong_password": _("Mật khẩu hiện tại chưa đúng."),
    "password_length": _("Mật khẩu mới cần từ 12 đến 200 ký tự."),
    "password_weak": _(
        "Mật khẩu mới quá dễ đoán: không dùng lại mật khẩu cũ, không chứa tên đăng nhập, "
        "cần ít nhất 6 ký tự khác nhau."
    ),
    "wrong_code": _("Mã chưa đúng. Hãy kiểm tra giờ trên điện thoại rồi nhập mã mới."),
    "bad_period": _(
        "Kỳ '{detail}' chưa đúng. Hãy viết dạng năm-tháng, ví dụ 2026-10; nơi xem được kỳ dài hơn "
        "thì viết 2026-Q3, 2026-H1, 2026 hoặc 2026-01..2026-10."
    ),
    "span_too_long": _("Khoảng {detail} dài quá 10 năm. Hãy chọn khoảng ngắn hơn."),
    "bad_day": _("Ngày chưa đúng. Hãy chọn ngày trong lịch."),
    "no_such_day": _("Ngày này không có trong danh sách."),
    "out_of_bounds": _("Hãy nhập số nguyên trong khoảng {detail}."),
    "bad_time": _("Hãy viết giờ dạng 08:00."),
    "empty_window": _("Giờ ngừng gửi tin phải sau giờ bắt đầu gửi tin."),
    "not_a_choice": _("Hãy chọn một trong các giá trị: {detail}."),
    "note_too_long": _("Căn cứ không quá {detail} ký tự."),
    "text_has_problems": _("Nội dung còn lỗi, chưa lưu."),
    "no_such_setting": _("Không có thiết lập “{detail}”. Hãy xem tên ở lệnh settings show."),
    "not_hotline": _("Hộp thư chỉ dành cho cán bộ đường dây nóng của tỉnh."),
    "no_inbound": _("Tin này đã được xử lý."),
    "inbound_settled": _("Tin này vừa được người khác xử lý. Hãy quay lại hộp thư."),
    "no_case": _("Không có phản ánh này trong phạm vi của tài khoản."),
    "case_changed": _("Phản ánh vừa được thay đổi. Hãy xem nội dung mới rồi gửi lại."),
    "case_closed": _("Phản ánh đã đóng."),
    "message_step": _(
        "Tin nhắn không thể chuyển trạng thái như vậy ({detail}). Hãy tải lại trang."
    ),
    "case_step": _("Trạng thái hiện tại của phản ánh chưa cho phép bước này. Hãy tải lại trang."),
    "case_already_reopened": _("Phản ánh đã được mở lại một lần. Xin gọi đường dây nóng."),
    "case_not_reopenable": _(
        "Chỉ mở lại được sau khi có trả lời hoặc đã kết thúc xử lý, trong 30 ngày. Xin gọi đường "
        "dây nóng."
    ),
    "handlers_only": _("Chỉ cán bộ đường dây nóng được làm bước này."),
    "take_first": _("Hãy bấm Nhận xử lý trước."),
    "close_needs_reply": _(
        "Chưa có trả lời bằng văn bản. Hãy trả lời trước, hoặc chọn lý do đóng khác."
    ),
    "postpone_reason": _("Hãy ghi lý do cần thêm thời gian."),
    "already_postponed": _("Đã hẹn lại một lần; không hẹn thêm được nữa."),
    "postpone_too_late": _("Đã quá hạn trả lời nên không hẹn lại được. Hãy trả lời ngay."),
    "no_contact_wished": _("Người dân không đề nghị được liên hệ."),
    "no_mobile_wished": _("Không có số di động nhận được tin nhắn. Hãy chọn chỉ đăng trên trang."),
    "reveal_reason": _("Hãy chọn lý do xem thông tin liên hệ; lý do khác cần ghi rõ (300 ký tự)."),
    "whole_province_only": _("Chỉ cán bộ đường dây nóng của toàn tỉnh được làm bước này."),
    "not_held": _("Đơn vị đã xem được phản ánh này rồi."),
    "release_reason": _("Hãy ghi lý do cho đơn vị xem phản ánh, không quá 300 ký tự."),
    "reveal_quota": _(
        "Hôm nay tài khoản đã xem thông tin liên hệ {detail} lần, hết số lần cho phép."
    ),
    "close_reason": _("Hãy chọn lý do đóng phản ánh."),
    "close_text": _("Hãy viết lời thông báo kết quả cho người dân: người dân chưa có trả lời nào."),
    "close_receiver": _("Hãy ghi tên cơ quan nhận phản ánh, không quá 200 ký tự."),
    "note_empty": _("Hãy nhập nội dung ghi chú."),
    "reply_empty": _("Vui lòng nhập nội dung trả lời."),
    "text_too_long": _("Nội dung dài quá {detail} ký tự. Hãy rút gọn."),
    "pair_unknown": _("Hãy chọn hai cơ quan có hồ sơ kết thúc trong tháng này."),
    "pair_same": _("Đã chọn cùng một cơ quan ở cả hai ô. Hãy chọn hai cơ quan khác nhau."),
    "pair_hidden": _(
        "Số liệu của {detail} tháng này được ẩn để bảo vệ người dân, nên không so sánh."
    ),
    "pair_apart": _(
        "Hai cơ quan không có loại hồ sơ chung nào có phiếu trả lời, nên không có gì để so sánh."
    ),
    "pair_few": _(
        "Chưa đủ căn cứ: {detail} có dưới 30 phiếu trong phần hồ sơ so được. Hãy chọn tháng hoặc "
        "cơ quan có nhiều phiếu hơn."
    ),
    "baseline_months": _(
        "Cần từ 2 đến 36 kỳ bình thường để chốt mức nền (kỳ có Tết không tính). Hãy chọn lại kỳ "
        "đầu và kỳ cuối."
    ),
    "baseline_open_month": _(
        "Mức nền chỉ lấy từ các kỳ đã chốt số liệu. Hãy chọn kỳ cuối sớm hơn, hoặc chốt các kỳ "
        "còn mở trước."
    ),
    "baseline_missing": _(
        "Chưa chốt mức nền của toàn tỉnh. Hãy chốt toàn tỉnh trước, rồi mới chốt lại riêng một cơ "
        "quan."
    ),
    "baseline_no_room": _(
        "Các biểu đồ khác đã dùng hết mức báo nhầm cho phép của toàn tỉnh (một lần mỗi tháng). Hãy "
        "chốt lại mức nền của toàn tỉnh."
    ),
    "baseline_unsettled": _(
        "Kết quả của các kỳ đã chọn lên xuống quá mạnh nên không lập được mức báo động. Hãy "
        "chọn những kỳ ổn định hơn."
    ),
    "baseline_no_ratings": _(
        "Các kỳ đã chọn có quá ít phiếu trả lời để lập mức nền. Hãy chọn thêm kỳ."
    ),
    "no_alert": _("Cảnh báo này không còn mở. Có thể người khác vừa đóng."),
    "alert_words": _("Hãy ghi kết quả xem xét trước khi đóng cảnh báo (không quá 500 ký tự)."),
    "empty_month": _(
        "Kỳ {detail} không có hồ sơ nào hoàn thành nên chưa chốt hoặc lập báo cáo được. Trước hết, "
        "hãy nhập hồ sơ của kỳ này."
    ),
    "unknown_format": _("Không có dạng tệp {detail}. Hãy chọn trong: html, pdf, docx, xlsx."),
    "database_unusable": _(
        "Không dùng được cơ sở dữ liệu ({detail}). Hãy kiểm tra DATABASE_URL, rồi chạy: "
        "flask --app survey db upgrade"
    ),
    "letterhead_unreadable": _(
        "Không đọc được mẫu Word {detail}. Hãy kiểm tra quyền đọc và lưu lại tệp dạng .docx."
    ),
    "letterhead_broken": _(
        "Mẫu Word {detail}. Hãy sửa tệp theo mẫu survey/reference/data/letterhead.docx."
    ),
    "cannot_write": _(
        "Không ghi được tệp vào thư mục {detail}. Hãy kiểm tra quyền ghi và dung lượng."
    ),
    "pdf_not_available": _(
        "Máy này chưa in được PDF vì thiếu thư viện Pango. Hãy cài libpango-1.0-0,"
        " libpangoft2-1.0-0 và libharfbuzz-subset0, hoặc chọn dạng khác: html, docx, xlsx."
    ),
    "worker_died": _(
        "Tiến trình chạy nền bị ngắt nhiều lần khi làm việc này. Hãy thử lại; nếu vẫn không được, "
        "hãy báo người quản trị."
    ),
    "report_file_broken": _(
        "Tệp {detail} không còn nguyên vẹn. Hãy bấm Lập báo cáo để lập lại, và báo người quản trị."
    ),
    "no_report_file": _("Chưa có tệp này. Hãy bấm Lập báo cáo rồi tải lại."),
    "no_such_text": _("Không có mẫu tin này."),
    "text_step": _("Bản này vừa được chuyển bước. Hãy tải lại trang rồi thử lại."),
    "test_quota": _("Hôm nay tài khoản đã gửi {detail} tin thử, hết số lần cho phép."),
    "sms_template": _("Không có mẫu tin nhắn {detail}, hoặc dòng đầu của mẫu chưa đúng."),
    "sms_value": _("Mẫu tin nhắn thiếu dữ liệu: {detail}."),
    "sms_budget": _("Tin nhắn dài quá số đoạn cho phép: {detail}. Hãy rút gọn."),
    "not_this_time": _(
        "Nhà cung cấp này gửi tin thật đến người dân, nên --now chỉ được lệch giờ thật 10 phút."
    ),
    "sms_characters": _("Tin nhắn có ký tự nhà mạng không nhận: {detail}. Hãy bỏ các ký tự này."),
    "reply_too_long_for_sms": _(
        "Tin nhắn dài {detail} đoạn, quá mức 5 đoạn. Hãy rút gọn hoặc chọn cách gửi khác."
    ),
}


def words_for(refusal: SurveyError) -> str:
    """The sentence for an error in the current language; its detail or code if none is listed."""
    sentence = SENTENCES.get(refusal.code)
    if sentence is None:
        return refusal.detail or refusal.code
    return gettext(sentence).format(detail=refusal.detail)
