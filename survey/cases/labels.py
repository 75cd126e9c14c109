"""How states, reasons and steps of cases are called in Vietnamese, on pages and in commands."""

from survey.models.case import CaseReason, CaseState, CloseReason, EventKind

STATES: dict[str, str] = {
    CaseState.NEW: "Mới",
    CaseState.IN_PROGRESS: "Đang xử lý",
    CaseState.REPLIED: "Đã trả lời",
    CaseState.REOPENED: "Mở lại",
    CaseState.CLOSED: "Đã đóng",
}
# The same values name the rules of alerts.
REASONS: dict[str, str] = {
    CaseReason.GRAVE_WORDS: "Nghiêm trọng",
    CaseReason.CALL_BACK_WISH: "Đề nghị gọi lại",
    CaseReason.VERY_BAD_RATING: "Không hài lòng",
}
REASONS_IN_FULL: dict[str, str] = {
    CaseReason.GRAVE_WORDS: "Góp ý nói về vòi vĩnh, đe dọa hoặc cần giúp đỡ",
    CaseReason.CALL_BACK_WISH: "Người dân xin được gọi lại",
    CaseReason.VERY_BAD_RATING: "Mức đánh giá 1 hoặc 2",
}
CLOSE_REASONS: dict[str, str] = {
    CloseReason.RESOLVED: "Đã giải quyết xong",
    CloseReason.EXPLAINED: "Đã giải thích, người dân đã rõ",
    CloseReason.TRANSFERRED: "Chuyển cơ quan có thẩm quyền",
    CloseReason.UNREACHABLE: "Không liên lạc được",
    CloseReason.NOT_A_COMPLAINT: "Không thuộc diện phản ánh, kiến nghị",
}
# What a citizen reads on the page when a case is closed, until a handler words it otherwise.
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
    EventKind.OPENED: "Mở từ phiếu đánh giá",
    EventKind.TAKEN: "Nhận xử lý",
    EventKind.NOTED: "Ghi chú nội bộ",
    EventKind.POSTPONED: "Hẹn lại ngày trả lời",
    EventKind.REPLIED: "Trả lời bằng văn bản",
    EventKind.CLOSED: "Đóng phản ánh",
    EventKind.REOPENED: "Mở lại",
    EventKind.REVEALED: "Xem thông tin liên hệ",
    EventKind.HELD: "Đơn vị không xem được nữa",
    EventKind.RELEASED: "Cho đơn vị xem",
    EventKind.CITIZEN_ADDED: "Người dân bổ sung",
}
