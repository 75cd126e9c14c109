"""Error pages with the right status: what happened and what to do, without internal details."""

import secrets
from collections.abc import Sequence
from http import HTTPStatus

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
)

from survey.catalogues import speaking
from survey.errors import Conflict, Invalid, NotFound, Refused, SurveyError
from survey.web.forms import sent_fields
from survey.web.language import Language, language_of
from survey.web.rendering import render
from survey.wording import words_for

log = structlog.get_logger()

STATUSES: tuple[tuple[type[SurveyError], int], ...] = (
    (NotFound, 404),
    (Invalid, 400),
    (Refused, 409),
    (Conflict, 409),
)
# Errors about who asks: status 403.
FORBIDDEN = frozenset({"forbidden", "not_allowed", "not_your_case", "not_your_agency"})
# Errors about how often something is asked: status 429.
TOO_OFTEN = frozenset({"too_many_changes"})
# What database drivers raise when the database does not answer.
BUSY = (OperationalError, InterfaceError, PoolTimeout)
RETRY_SECONDS = "10"


def register(app: Flask) -> None:
    """Register handlers for every error that no page caught."""
    app.register_error_handler(SurveyError, refused)
    app.register_error_handler(HTTPException, failed)
    for impossibility in (DataError, OverflowError):  # SQLite's driver raises the second one
        app.register_error_handler(impossibility, impossible)
    for failure in BUSY:
        app.register_error_handler(failure, busy)


def status_of(refusal: SurveyError) -> int:
    """The HTTP status of an error code or class."""
    if refusal.code in FORBIDDEN:
        return 403
    if refusal.code in TOO_OFTEN:
        return 429
    return next(status for family, status in STATUSES if isinstance(refusal, family))


def refused(refusal: SurveyError) -> Response:
    """The error's own sentence under a heading for its status."""
    language = _language()
    status = status_of(refusal)
    with speaking(language.code):
        sentence = words_for(refusal)
    heading = _headings(language).get(status, _unknown(language))[0]
    return render(
        "error",
        language,
        status,
        heading=heading,
        sentences=[sentence],
        written=written(),
    )


def written() -> str:
    """The comment that a citizen sent and that was not stored, to render it again; else empty."""
    if request.method != "POST" or request.blueprint != "public":
        return ""
    try:
        return sent_fields().get("comment", "")
    except RequestEntityTooLarge:
        return ""


def failed(error: HTTPException) -> Response | HTTPException:
    """Page for an HTTP error: not found, wrong method, too large, forbidden, or error 500."""
    status = error.code or 500
    if error.response is not None or status < HTTPStatus.BAD_REQUEST:  # a routing redirect
        return error
    language = _language()
    heading, *sentences = _headings(language).get(status, _unknown(language))
    incident = _report(error) if isinstance(error, InternalServerError) else ""
    page = render(
        "error", language, status, heading=heading, sentences=sentences, incident=incident
    )
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
            page.headers[name] = value
    return page


def impossible(failure: Exception) -> Response | HTTPException:
    """400 for a value no column can hold (a NUL byte, a number out of range); no form sends it."""
    log.warning("impossible_value", failure=type(failure).__name__, endpoint=request.endpoint)
    return failed(BadRequest())


def busy(failure: Exception, typed: Sequence[str] = ()) -> Response:
    """503 when the database does not answer; the page queries nothing and hands back typed text."""
    log.warning("database_unavailable", failure=type(failure).__name__, endpoint=request.endpoint)
    return unavailable(typed)


def unavailable(typed: Sequence[str] = ()) -> Response:
    """The 503 page that asks people to come back later."""
    page = render("busy", _language(), 503, sent=None, typed=typed)
    page.headers["Retry-After"] = RETRY_SECONDS
    return page


def _report(error: InternalServerError) -> str:
    """Log an unexpected error under a random incident code, which people can quote; return it."""
    incident = secrets.token_hex(4).upper()
    cause = type(error.original_exception or error).__name__
    log.error("incident", incident=incident, failure=cause, endpoint=request.endpoint)
    return incident


def _language() -> Language:
    return language_of(request.args.get("lang"))


def _unknown(language: Language) -> tuple[str, ...]:
    _ = language.translate
    return _("Không thực hiện được"), _("Xin quay lại trang trước và thử lại.")


def _headings(language: Language) -> dict[int, tuple[str, ...]]:
    """Status → heading and what to do."""
    _ = language.translate
    back = _("Xin quay lại trang trước, những gì đã nhập vẫn còn ở đó, rồi thử lại.")
    return {
        400: (_("Thông tin gửi lên chưa đúng"), back),
        401: (_("Cần đăng nhập"), _("Xin đăng nhập rồi mở lại trang này.")),
        403: (
            _("Tài khoản không có quyền xem trang này"),
            _("Nếu cần, xin hỏi người quản trị của đơn vị."),
        ),
        404: (_("Không tìm thấy trang này"), _("Xin kiểm tra lại địa chỉ.")),
        405: (_("Không thực hiện được"), back),
        409: (_("Chưa thực hiện được lúc này"), back),
        413: (_("Nội dung gửi lên quá lớn"), _("Xin quay lại trang trước, rút gọn rồi gửi lại.")),
        429: (_("Có quá nhiều yêu cầu"), _("Xin chờ ít phút rồi thử lại.")),
        500: (
            _("Hệ thống gặp lỗi"),
            _("Lỗi đã được ghi lại. Việc vừa làm chưa được lưu; xin thử lại sau ít phút."),
        ),
    }
