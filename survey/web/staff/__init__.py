"""The staff area: sign-in, access guard, layout and the blueprints of its pages."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, request, url_for
from flask_babel import Babel
from flask_login import LoginManager, current_user

from survey.accounts import of_session
from survey.catalogues import FOLDER, LANGUAGES, SOURCE, spoken
from survey.db import db
from survey.models.staff import Staff
from survey.province import province_if_loaded
from survey.settings import Settings
from survey.version import VERSION
from survey.web.staff import (
    accounts,
    alerts,
    analysis,
    cases,
    dashboard,
    errors,
    formats,
    formula_reference,
    guard,
    inbox,
    intake,
    messages,
    own_account,
    reports,
    settings,
    sign_in,
    texts,
)
from survey.web.staff.permissions import NAVIGATION, may_open, message_tabs_for

BLUEPRINTS = (
    sign_in.blueprint,
    own_account.blueprint,
    dashboard.blueprint,
    formula_reference.blueprint,
    accounts.blueprint,
    settings.blueprint,
    cases.blueprint,
    alerts.blueprint,
    analysis.blueprint,
    reports.blueprint,
    intake.blueprint,
    messages.blueprint,
    inbox.blueprint,
    texts.blueprint,
)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the navigation on the current page."""

    url: str
    label: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class LayoutContext:
    """Template values of the layout of every staff page."""

    staff: Staff | None
    links: list[Link]
    province: str
    is_demo: bool
    is_rehearsal: bool
    version: str = VERSION


def register(app: Flask) -> None:
    """Register the staff area on the application."""
    guard.register(app)
    errors.register(app)
    formats.register(app)
    Babel(
        app,
        default_locale=SOURCE,
        default_translation_directories=str(FOLDER),
        locale_selector=spoken,
    )
    logins = LoginManager(app)
    logins.user_loader(_account_of)
    app.jinja_env.globals.update(
        staff_layout=layout, message_tabs=message_tabs_for, spoken=spoken, languages=LANGUAGES
    )
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)


def _account_of(session_key: str) -> Staff | None:
    """The account of a session; None if the account was closed or its sessions were ended."""
    return of_session(db.session(), session_key)


def layout() -> LayoutContext:
    """Layout values of the page: account, navigation, province, and whether data are invented."""
    settings = cast("Settings", current_app.extensions["settings"])
    staff = current_user._get_current_object() if current_user.is_authenticated else None  # noqa: SLF001
    ready = staff is not None and not staff.must_change_password
    province = province_if_loaded(db.session())
    return LayoutContext(
        staff=staff,
        links=_links(staff) if staff is not None and ready else [],
        province=province.name if province else "",
        is_demo=settings.demo,
        is_rehearsal=settings.is_rehearsal,
    )


def _links(staff: Staff) -> list[Link]:
    room = (request.endpoint or "").partition(".")[0]
    return [
        Link(url_for(entry.endpoint), entry.label, entry.leads_to(room))
        for entry in NAVIGATION
        if entry.endpoint in current_app.view_functions and may_open(staff.role, entry.endpoint)
    ]
