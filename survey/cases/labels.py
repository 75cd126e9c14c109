"""Labels of states, reasons and steps of cases, for pages and commands."""

from survey.catalogues import _
from survey.models.case import CaseReason, CaseState, CloseReason, EventKind

STATES: dict[str, str] = {
    CaseState.NEW: _("Mới"),
    CaseState.IN_PROGRESS: _("Đang xử lý"),
    CaseState.REPLIED: _("Đã trả lời"),
    CaseState.REOPENED: _("Mở lại"),
    CaseState.CLOSED: _("Đã đóng"),
}
# The rules of alerts have the same values.
REASONS: dict[str, str] = {
    CaseReason.GRAVE_WORDS: _("Nghiêm trọng"),
    CaseReason.CALL_BACK_WISH: _("Đề nghị gọi lại"),
    CaseReason.VERY_BAD_RATING: _("Không hài lòng"),
}
REASONS_IN_FULL: dict[str, str] = {
    CaseReason.GRAVE_WORDS: _("Góp ý nói về vòi vĩnh, đe dọa hoặc cần giúp đỡ"),
    CaseReason.CALL_BACK_WISH: _("Người dân xin được gọi lại"),
    CaseReason.VERY_BAD_RATING: _("Mức đánh giá 1 hoặc 2"),
}
CLOSE_REASONS: dict[str, str] = {
    CloseReason.RESOLVED: _("Đã giải quyết xong"),
    CloseReason.EXPLAINED: _("Đã giải thích, người dân đã rõ"),
    CloseReason.TRANSFERRED: _("Chuyển cơ quan có thẩm quyền"),
    CloseReason.UNREACHABLE: _("Không liên lạc được"),
    CloseReason.NOT_A_COMPLAINT: _("Không thuộc diện phản ánh, kiến nghị"),
}
# Default text that the citizen reads when a case is closed; a handler may change it. In Vietnamese,
# like everything that offices write to citizens.
CLOSE_WORDS: dict[str, str] = {
    CloseReason.RESOLVED: (
        "Phản ánh của Ông/Bà đã được giải quyết xong, như đã trả lời bằng văn bản. Cảm ơn Ông/Bà đã"
        " góp ý."
    ),
    CloseReason.EXPLAINED: (
        "Nội dung Ông/Bà phản ánh đã được giải thích trong văn bản trả lời. Cảm ơn Ông/Bà đã góp ý."
    ),
    CloseReason.TRANSFERRED: (
        "Nội dung Ông/Bà phản ánh thuộc thẩm quyền của cơ quan khác. Chúng tôi đã chuyển phản ánh"
        " đến cơ quan có thẩm quyền để xem xét, giải quyết."
    ),
    CloseReason.UNREACHABLE: (
        "Chúng tôi đã liên hệ theo thông tin Ông/Bà để lại nhưng chưa gặp được Ông/Bà. Nếu vẫn cần"
        " hỗ trợ, mong Ông/Bà gọi lại đường dây nóng."
    ),
    CloseReason.NOT_A_COMPLAINT: (
        "Cảm ơn Ông/Bà đã gửi ý kiến. Nội dung này không thuộc diện phản ánh, kiến nghị cần giải"
        " quyết nên chúng tôi xin phép kết thúc xử lý. Nếu chúng tôi hiểu chưa đúng ý Ông/Bà, mong"
        " Ông/Bà đề nghị xem lại."
    ),
}
EVENTS: dict[str, str] = {
    EventKind.OPENED: _("Mở từ phiếu đánh giá"),
    EventKind.TAKEN: _("Nhận xử lý"),
    EventKind.NOTED: _("Ghi chú nội bộ"),
    EventKind.POSTPONED: _("Hẹn lại ngày trả lời"),
    EventKind.REPLIED: _("Trả lời bằng văn bản"),
    EventKind.CLOSED: _("Đóng phản ánh"),
    EventKind.REOPENED: _("Mở lại"),
    EventKind.REVEALED: _("Xem thông tin liên hệ"),
    EventKind.HELD: _("Đơn vị không xem được nữa"),
    EventKind.RELEASED: _("Cho đơn vị xem"),
    EventKind.CITIZEN_ADDED: _("Người dân bổ sung"),
}
