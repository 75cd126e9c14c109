"""Citizen pages: the survey behind a link with its actions, the privacy page and the start page.

GET and HEAD only read. There is no cookie and no script, so a CSRF token is not needed.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil
from time import monotonic
from typing import cast
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, Response, current_app, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from survey import answers, clock, invitations
from survey.answers import Answer, AnswerPage, CaseGlimpse, answer_page
from survey.answers.flags import shown_at
from survey.catalogues import SOURCE
from survey.db import db, transaction
from survey.errors import Invalid, NotFound, Refused
from survey.invitations.links import READABLE_AFTER_CLOSE
from survey.models.province import Province
from survey.models.questionnaire import DISSATISFIED_UP_TO
from survey.privacy.retention import TERMS
from survey.province import hotline_of, province_if_loaded
from survey.province.workdays import local_midnight
from survey.web import caller
from survey.web.answer_form import BLANK, AnswerForm
from survey.web.errors import BUSY, RETRY_SECONDS, failed, status_of, written
from survey.web.forms import sent_fields
from survey.web.language import Language, language_of
from survey.web.misses import WINDOW_SECONDS, Misses
from survey.web.rendering import render

public = Blueprint("public", __name__)

# Enough for a form with the longest comment, percent-encoded, but not for a file.
FORM_BYTES = 256 * 1024
# Pages of a link that may be requested by name; the others follow from the stored answer.
ASKABLE = ("rate", "reasons", "contact", "thanks")
WISHES = ("not-mine", "stop")
# POST-only action → the page with its confirmation form, for a GET of the action's URL.
ASKED_ON = {"not-mine": "not-mine", "stop": "stop", "reopen": "thanks"}


class Link:
    """URLs under one token in one language."""

    def __init__(self, token: str, language: Language) -> None:
        self.token = token
        self.start = f"/s/{quote(token, safe='')}"
        self.language = language

    def __call__(self, page: str | None = None, *, action: str = "", lang: str = "") -> str:
        """The URL of a page or of an action, in this language or another one."""
        code = lang or self.language.code
        query = {"page": page} if page else {}
        if code != SOURCE:
            query["lang"] = code
        path = f"{self.start}/{action}" if action else self.start
        return f"{path}?{urlencode(query)}" if query else path


@public.before_request
def _limit_size() -> None:
    request.max_content_length = FORM_BYTES


@public.get("/s/<token>")
@public.get("/s/<token>/<any('not-mine', stop, reopen):action>")
def show(token: str, action: str = "") -> Response:
    """The next step, or the one requested by `?page=` or by an action's URL."""
    asked = ASKED_ON.get(action) or request.args.get("page", "")
    page = answer_page(db.session(), token, clock.now())
    link = Link(token, _language())
    turned = link(asked, lang=link.language.other)
    code = link.language.code
    form = AnswerForm(_stored(page.answer), link.language) if page.answer else BLANK[code]
    return _draw(_step(page, asked), page, link, form, turned=turned)


@public.post("/s/<token>")
def answer(token: str) -> AnyResponse:
    """Store the submission and redirect to the next step; on errors render the same step again."""
    now = clock.now()
    language = _language()
    form = AnswerForm(sent_fields(), language)
    if form.validate():
        try:
            with transaction() as session:
                overall = answers.submit(session, token, form.submission(), now).answer.overall
        except Invalid as refusal:
            form.explain(refusal)
        except Refused as refusal:
            if status_of(refusal) != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return _too_often(language, now)
        else:
            return _go(Link(token, language)(_next_step(form, overall)))
    page = answer_page(db.session(), token, now)
    form.check_ratings([item.question for item in page.factors])
    if page.answer is None and not form.overall.text:
        form.explain(Invalid("rating_first"))
    return _draw(form.page, page, Link(token, language), form, status=400)


def _too_often(language: Language, now: datetime) -> Response:
    """429 page for too many changes of the answer today: the stored answer, and what was typed."""
    _ = language.translate
    page = render(
        "error",
        language,
        HTTPStatus.TOO_MANY_REQUESTS,
        heading=_("Hôm nay câu trả lời này đã được sửa quá nhiều lần"),
        sentences=[_("Câu trả lời trước đó vẫn được giữ. Xin Ông/Bà sửa lại vào ngày mai.")],
        written=written(),
    )
    tomorrow = local_midnight(now) + timedelta(days=1)
    page.headers["Retry-After"] = str(ceil((tomorrow - now).total_seconds()))
    return page


@public.post("/s/<token>/not-mine")
def not_mine(token: str) -> AnyResponse:
    """Repudiate the survey ("not my dossier"): it closes and counts nothing."""
    with transaction() as session:
        answers.repudiate(session, token, clock.now())
    return _go(Link(token, _language())())


@public.post("/s/<token>/stop")
def stop(token: str) -> AnyResponse:
    """Opt this phone number out of all further messages."""
    with transaction() as session:
        invitations.stop(session, token, clock.now())
    return _go(Link(token, _language())("stopped"))


@public.post("/s/<token>/reopen")
def reopen(token: str) -> AnyResponse:
    """Reopen the case for a citizen not satisfied with the reply; idempotent."""
    try:
        with transaction() as session:
            answers.reopen(session, token, clock.now())
    except Refused as refusal:
        if refusal.code != "case_already_reopened":
            raise
    return _go(Link(token, _language())("thanks"))


@public.get("/privacy")
def privacy() -> Response:
    """The privacy page: what is stored, for how long, and what is promised."""
    province = province_if_loaded(db.session())
    days = province.link_days if province else Province.link_days.default.arg
    return render(
        "privacy",
        _language(),
        hotline=province.hotline if province else "",
        link_days=days,
        readable_days=READABLE_AFTER_CLOSE.days,
        terms=TERMS,
        followup_percent=province.followup_percent if province else 0,
        turned=_turned_here(),
    )


@public.get("/")
def start() -> Response:
    """The start page: what this is, how to recognise a genuine message, and the hotline."""
    settings = current_app.extensions["settings"]
    province = province_if_loaded(db.session())
    return render(
        "start",
        _language(),
        hotline=province.hotline if province else "",
        province=province.name if province else "",
        demo=settings.demo,
        origin=settings.public_url,
        turned=_turned_here(),
    )


@public.errorhandler(NotFound)
def no_link(_refusal: NotFound) -> Response | HTTPException:
    """One page for unknown, expired and mistyped links; a short 429 page after many misses."""
    misses = cast("Misses", current_app.extensions["misses"])
    if misses.are_too_many(caller.address(), monotonic()):
        return failed(TooManyRequests(retry_after=int(WINDOW_SECONDS)))
    return render(
        "no_link",
        _language(),
        404,
        hotline=hotline_of(db.session()),
        turned=_turned_here(),
        written=written(),
    )


def busy(_failure: Exception) -> Response:
    """503: nothing was stored; the page holds what was sent, so one tap sends it again."""
    language, posted = _language(), request.method == "POST"
    sent = sent_fields() if posted else MultiDict()
    kept = [pair for pair in AnswerForm(sent, language).kept(None) if pair[0] != "comment"]
    page = render("busy", language, 503, sent=sent if posted else None, kept=kept)
    page.headers["Retry-After"] = RETRY_SECONDS
    return page


for _failure_kind in BUSY:
    public.register_error_handler(_failure_kind, busy)


def register(app: Flask) -> None:
    """Register the citizen pages on the application."""
    app.register_blueprint(public)


def _language() -> Language:
    return language_of(request.args.get("lang"))


def _turned_here() -> str:
    other = _language().other
    path = quote(request.path)
    return path if other == SOURCE else f"{path}?lang={other}"


def _go(address: str) -> AnyResponse:
    return redirect(address, 303)


def _step(page: AnswerPage, asked: str) -> str:
    """The step a GET shows: the requested one if it is allowed, else the first open one."""
    if page.is_repudiated or asked == "stopped":
        return "settled"
    if asked in WISHES:
        return asked
    if page.answer is None:
        return "rate"
    if not page.may_answer:
        return "thanks"
    return asked if asked in ASKABLE else _first_open(page.answer, page.case)


def _first_open(answer: Answer, case: CaseGlimpse | None) -> str:
    is_answered = case is not None and (case.reply or case.ending)
    return "thanks" if is_answered or answer.is_more_than_a_rating else "reasons"


def _next_step(form: AnswerForm, overall: int) -> str:
    if form.contact.is_sent or form.contact_phone.is_sent:
        return "thanks"
    if not form.says_more:
        return "reasons"
    return "contact" if overall <= DISSATISFIED_UP_TO else "thanks"


def _stored(answer: Answer) -> MultiDict[str, str]:
    """The stored answer in the shape of a sent form."""
    fields = [("comment", answer.comment)]
    fields += [(name, str(rating)) for name, rating in answer.ratings.items()]
    fields += [("reasons", reason) for reason in answer.reasons]
    return MultiDict(fields)


def _draw(
    step: str,
    page: AnswerPage,
    link: Link,
    form: AnswerForm,
    *,
    status: int = 200,
    turned: str = "",
) -> Response:
    """Render one step with the stored answer, or with what was typed if there are errors."""
    overall = form.overall.text if not form.overall.errors else ""
    if not overall and page.answer:
        overall = str(page.answer.overall)
    return render(
        "wish" if step in WISHES else step,
        link.language,
        status,
        page=page,
        shown=shown_at(db.session(), link.token, clock.now()) if step == "rate" else "",
        terms=TERMS,
        link=link,
        turned=turned,
        hotline=page.hotline,
        wish=step,
        chosen=int(overall) if overall else None,
        ratings={item.question: form.ratings.get(item.question) for item in page.factors},
        reasons=form.reasons.data,
        comment=form.comment.data,
        contact=form.contact.data,
        contact_phone=form.contact_phone.data,
        factors=page.factors if page.rates_factors else (),
        said_more=page.answer is not None and page.answer.is_more_than_a_rating,
        kept=form.kept(step) if status != HTTPStatus.OK else [],
        errors=form.faults(step),
    )
