"""Errors on staff pages: the right status code and a sentence that says what to do."""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, Flask, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from survey.errors import SurveyError
from survey.web.errors import BUSY, busy, status_of
from survey.web.forms import sent_fields
from survey.wording import words_for

TITLES = {
    400: _("Yêu cầu chưa đúng"),
    401: _("Phiên làm việc đã kết thúc"),
    403: _("Trang này không thuộc quyền của tài khoản"),
    404: _("Không tìm thấy trang"),
    405: _("Thao tác không được hỗ trợ"),
    409: _("Chưa thực hiện được"),
    413: _("Tệp quá lớn"),
    429: _("Đã thử quá nhiều lần"),
}
SENTENCES = {
    400: _("Hãy kiểm tra lại địa chỉ hoặc nội dung đã nhập rồi thử lại."),
    401: _(
        "Hãy đăng nhập lại rồi gửi lại biểu mẫu. Nội dung đã nhập được giữ bên dưới để sao chép."
    ),
    403: _("Nếu cần dùng trang này, hãy liên hệ người quản trị để được cấp vai trò phù hợp."),
    404: _("Địa chỉ không đúng, hoặc nội dung này không thuộc phạm vi của tài khoản."),
    405: _("Hãy mở trang từ thanh điều hướng rồi thao tác lại."),
    409: _(
        "Dữ liệu đã thay đổi hoặc quy định chưa cho phép bước này. Hãy tải lại trang rồi thử lại."
    ),
    413: _("Tệp gửi lên vượt quá giới hạn 64 MB. Hãy chia nhỏ tệp rồi gửi lại."),
    429: _("Vui lòng đợi 5 phút rồi thử lại."),
}
RETRY_SECONDS = "300"
# Only longer texts are handed back when a form was not accepted.
KEPT_FROM = 20
# Limits requests of unauthenticated users, so that they cannot fill the disk with files.
STRANGERS_BYTES = 256 * 1024
FORM_TOO_OLD = _("Biểu mẫu đã hết hiệu lực. Hãy quay lại trang trước, tải lại rồi gửi lại.")


def refuse(
    status: int, *, roles: Sequence[str] = (), kept: Sequence[str] = ()
) -> ResponseReturnValue:
    """The error page: which roles are allowed, and what the person had typed."""
    sentence = SENTENCES.get(status, SENTENCES[400])
    page = render_template(
        "staff/refusal.html",
        status=status,
        title=TITLES.get(status, TITLES[400]),
        sentence=sentence,
        roles=roles,
        kept=kept,
    )
    wait = {"Retry-After": RETRY_SECONDS} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
    return page, status, wait


def explain(refusal: SurveyError) -> ResponseReturnValue:
    """The page for an error of a feature, with its own sentence."""
    status = status_of(refusal)
    page = render_template(
        "staff/refusal.html",
        status=status,
        title=TITLES[status],
        sentence=words_for(refusal),
    )
    return page, status


def typed() -> list[str]:
    """Longer texts of the form, handed back so that nobody has to write a reply again."""
    hidden = ("csrf_token", "password", "code")
    request.max_content_length = STRANGERS_BYTES
    try:
        form = sent_fields()
    except RequestEntityTooLarge:  # an uploaded file, which nobody has to type again
        return []
    return [
        value
        for name, value in form.items()
        if len(value) > KEPT_FROM and not any(word in name for word in hidden)
    ]


def staff_blueprint(name: str, import_name: str, url_prefix: str) -> Blueprint:
    """A blueprint of the staff area whose errors get their page."""
    blueprint = Blueprint(name, import_name, url_prefix=url_prefix)
    blueprint.register_error_handler(SurveyError, explain)
    blueprint.register_error_handler(HTTPException, _of_werkzeug)
    for failure in BUSY:
        blueprint.register_error_handler(failure, _of_busy_database)
    return blueprint


def register(app: Flask) -> None:
    """Register the page for forms with an expired or forged CSRF token."""
    app.register_error_handler(CSRFError, _of_forged_form)


def _of_werkzeug(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:  # a redirect
        return error.get_response()
    return refuse(error.code)


def _of_busy_database(failure: Exception) -> Response:
    return busy(failure, typed() if request.method == "POST" else ())


def _of_forged_form(_error: CSRFError) -> ResponseReturnValue:
    page = render_template(
        "staff/refusal.html", status=400, title=TITLES[400], sentence=FORM_TOO_OLD
    )
    return page, 400
