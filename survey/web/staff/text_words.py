"""How texts, their states and the problems of a wording are called on the pages of texts."""

from survey.models.text_version import TextForm, TextState

# Text → (title, when it is sent), in the order of the page; headings between.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Mời đánh giá": {
        "invitation": ("Lời mời, bằng đường dẫn", "khi hồ sơ có kết quả"),
        "invitation_refused": ("Lời mời khi hồ sơ không được giải quyết", "từ chối hoặc rút"),
        "invitation_two_way": ("Lời mời, trả lời bằng tin nhắn", "khi tổng đài nhận được tin"),
        "reminder": ("Nhắc lại, bằng đường dẫn", "một lần, sau 3 ngày chưa trả lời"),
        "reminder_two_way": ("Nhắc lại, trả lời bằng tin nhắn", "một lần, sau 3 ngày"),
    },
    "Trò chuyện qua tin nhắn": {
        "thanks": ("Cảm ơn", "sau khi người dân chấm điểm; dùng khi cùng số tin với “Hỏi thêm”"),
        "follow_up": ("Hỏi thêm", "khi chấm 1 hoặc 2; dùng khi cùng số tin với “Cảm ơn”"),
        "ask_again": ("Xin trả lời lại", "khi chưa rõ người dân chấm mấy điểm"),
        "which_one": ("Hỏi hồ sơ nào", "khi người dân có nhiều hồ sơ đang chờ"),
        "help": ("Hướng dẫn", "khi người dân nhắn TG"),
        "opt_out": ("Xác nhận thôi nhận tin", "khi người dân nhắn TC"),
        "call_back": ("Hẹn gọi lại", "khi người dân nhắn GOI"),
    },
    "Phản ánh": {
        "answered": ("Đã có trả lời", "khi phản ánh được trả lời bằng văn bản"),
        "delay": ("Cần thêm thời gian", "khi phản ánh chưa trả lời được đúng hạn"),
        "reopened": ("Đã mở lại", "khi người dân chưa đồng ý với trả lời"),
    },
}
TITLES = {name: words for group in GROUPS.values() for name, words in group.items()}
# Name, sign and colour.
STATES: dict[str, tuple[str, str, str]] = {
    TextState.DRAFT: ("Bản nháp", "○", ""),
    TextState.SUBMITTED: ("Chờ nhà mạng duyệt", "◐", "uncertain"),
    TextState.APPROVED: ("Đã duyệt", "●", "met"),
    TextState.REFUSED: ("Bị từ chối", "▼", "not_met"),
    TextState.RETIRED: ("Thôi dùng", "–", ""),
}
STEPS: dict[str, str] = {
    TextState.SUBMITTED: "Đã gửi nhà mạng",
    TextState.APPROVED: "Nhà mạng đã duyệt",
    TextState.REFUSED: "Nhà mạng từ chối",
    TextState.RETIRED: "Thôi dùng bản này",
}
FORMS: dict[str, str] = {TextForm.PLAIN: "Không dấu", TextForm.ACCENTED: "Có dấu"}
PROBLEMS: dict[str, str] = {
    "no_words": "Chưa có nội dung.",
    "too_long": "Nội dung dài quá {detail} ký tự.",
    "refused_signs": "Nhà mạng không nhận các ký tự gạch chân: {detail}",
    "foreign_link": "Chỉ được dẫn đến trang của tỉnh. Hãy bỏ “{detail}”; dùng {{đường dẫn}}.",
    "names_a_person": "Không nêu tên người trong tin: “{detail}”.",
    "full_code": "Không nêu trọn mã hồ sơ hay số giấy tờ: “{detail}”. Dùng {{4 số cuối}}.",
    "asks_personal_data": "Không hỏi dữ liệu cá nhân, mật khẩu hay tiền: “{detail}”.",
    "unknown_value": "Không có chỗ điền tên {detail}.",
    "value_not_here": "Mẫu này không có giá trị cho {detail}.",
    "value_missing": "Phải có {detail}.",
    "too_dear": "Tin không dấu phải vừa {detail} tin. Hãy rút gọn.",
    "too_dear_accented": "Tin có dấu không được quá {detail} tin. Hãy rút gọn.",
}


def problem_words(code: str, detail: str) -> str:
    """The sentence for a problem of a wording."""
    return PROBLEMS[code].format(detail=detail)
