"""Sessions are for staff only; citizen pages get an empty one that is never read or sent."""

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from survey.catalogues import speak

# Cookie of the language chosen in the staff area.
LANGUAGE = "language"
CITIZEN_PATHS = frozenset({"/privacy", "/healthz", "/readyz"})


class StaffSessions(SecureCookieSessionInterface):
    """Signed cookie sessions for staff, none for citizens, whatever other hooks do with them."""

    def open_session(self, app: Flask, asked: Request) -> SecureCookieSession | None:
        """The session of the cookie; an empty one on citizen pages."""
        if is_for_citizens(asked.path):
            return self.session_class()
        return super().open_session(app, asked)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie, but never on a citizen page."""
        if not is_for_citizens(request.path):
            super().save_session(app, session, response)


def is_for_citizens(path: str) -> bool:
    """Whether the page has no session and no user."""
    return path.startswith("/s/") or path in CITIZEN_PATHS


def speak_chosen() -> None:
    """Use the language chosen for staff pages; citizen pages set their own."""
    speak(None if is_for_citizens(request.path) else request.cookies.get(LANGUAGE))
