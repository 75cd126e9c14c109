"""Labels of texts, their states and their problems on the pages of texts."""

from flask_babel import lazy_gettext as _

from survey.models.text_version import TextForm, TextState

# Text → (title, when it is sent), in the order of the page, grouped by heading.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    _("Mời đánh giá"): {
        "invitation": (_("Lời mời, bằng đường dẫn"), _("khi hồ sơ có kết quả")),
        "invitation_refused": (_("Lời mời khi hồ sơ không được giải quyết"), _("từ chối hoặc rút")),
        "invitation_two_way": (
            _("Lời mời, trả lời bằng tin nhắn"),
            _("khi tổng đài nhận được tin"),
        ),
        "reminder": (_("Nhắc lại, bằng đường dẫn"), _("một lần, sau 3 ngày chưa trả lời")),
        "reminder_two_way": (_("Nhắc lại, trả lời bằng tin nhắn"), _("một lần, sau 3 ngày")),
    },
    _("Trò chuyện qua tin nhắn"): {
        "thanks": (
            _("Cảm ơn"),
            _("sau khi người dân chấm điểm; dùng khi cùng số tin với “Hỏi thêm”"),
        ),
        "follow_up": (_("Hỏi thêm"), _("khi chấm 1 hoặc 2; dùng khi cùng số tin với “Cảm ơn”")),
        "ask_again": (_("Xin trả lời lại"), _("khi chưa rõ người dân chấm mấy điểm")),
        "which_one": (_("Hỏi hồ sơ nào"), _("khi người dân có nhiều hồ sơ đang chờ")),
        "wrong_code": (_("Mã không đúng"), _("khi mã trong tin khác mã của hồ sơ đang chờ")),
        "help": (_("Hướng dẫn"), _("khi người dân nhắn TG")),
        "opt_out": (_("Xác nhận thôi nhận tin"), _("khi người dân nhắn TC")),
        "call_back": (_("Hẹn gọi lại"), _("khi người dân nhắn GOI")),
    },
    _("Phản ánh"): {
        "answered": (_("Đã có trả lời"), _("khi phản ánh được trả lời bằng văn bản")),
        "delay": (_("Cần thêm thời gian"), _("khi phản ánh chưa trả lời được đúng hạn")),
        "reopened": (_("Đã mở lại"), _("khi người dân chưa đồng ý với trả lời")),
    },
}
TITLES = {name: words for group in GROUPS.values() for name, words in group.items()}
# Label, symbol and colour.
STATES: dict[str, tuple[str, str, str]] = {
    TextState.DRAFT: (_("Bản nháp"), "○", ""),
    TextState.SUBMITTED: (_("Chờ nhà mạng duyệt"), "◐", "uncertain"),
    TextState.APPROVED: (_("Đã duyệt"), "●", "met"),
    TextState.REFUSED: (_("Bị từ chối"), "▼", "not_met"),
    TextState.RETIRED: (_("Thôi dùng"), "–", ""),
}
STEPS: dict[str, str] = {
    TextState.SUBMITTED: _("Đã gửi nhà mạng"),
    TextState.APPROVED: _("Nhà mạng đã duyệt"),
    TextState.REFUSED: _("Nhà mạng từ chối"),
    TextState.RETIRED: _("Thôi dùng bản này"),
}
FORMS: dict[str, str] = {TextForm.PLAIN: _("Không dấu"), TextForm.ACCENTED: _("Có dấu")}
PROBLEMS: dict[str, str] = {
    "no_words": _("Chưa có nội dung."),
    "too_long": _("Nội dung dài quá {detail} ký tự."),
    "refused_signs": _("Nhà mạng không nhận các ký tự gạch chân: {detail}"),
    "foreign_link": _("Chỉ được dẫn đến trang của tỉnh. Hãy bỏ “{detail}”; dùng {{đường dẫn}}."),
    "names_a_person": _("Không nêu tên người trong tin: “{detail}”."),
    "full_code": _("Không nêu trọn mã hồ sơ hay số giấy tờ: “{detail}”. Dùng {{4 số cuối}}."),
    "asks_personal_data": _("Không hỏi dữ liệu cá nhân, mật khẩu hay tiền: “{detail}”."),
    "unknown_value": _("Không có chỗ điền tên {detail}."),
    "value_not_here": _("Mẫu này không có giá trị cho {detail}."),
    "value_missing": _("Phải có {detail}."),
    "too_dear": _("Tin không dấu phải vừa {detail} tin. Hãy rút gọn."),
    "too_dear_accented": _("Tin có dấu không được quá {detail} tin. Hãy rút gọn."),
}


def problem_words(code: str, detail: str) -> str:
    """The sentence for a problem of a wording."""
    return PROBLEMS[code].format(detail=detail)
