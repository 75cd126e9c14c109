"""Sessions are for staff: on citizens' pages there is an empty one that is never read or sent."""

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from survey.catalogues import speak

# The cookie of the language that somebody of staff chose.
LANGUAGE = "language"
CITIZEN_PATHS = frozenset({"/privacy", "/healthz", "/readyz"})


class StaffSessions(SecureCookieSessionInterface):
    """Signed cookies for staff, none for citizens, whatever other hooks do with the session."""

    def open_session(self, app: Flask, asked: Request) -> SecureCookieSession | None:
        """The session of the cookie; an empty one on citizens' pages."""
        if is_for_citizens(asked.path):
            return self.session_class()
        return super().open_session(app, asked)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the cookie, but never with a citizens' page."""
        if not is_for_citizens(request.path):
            super().save_session(app, session, response)


def is_for_citizens(path: str) -> bool:
    """Whether a page is one of those that know nobody."""
    return path.startswith("/s/") or path in CITIZEN_PATHS


def speak_chosen() -> None:
    """Speak the language that was chosen for staff pages; citizens' pages name their own."""
    speak(None if is_for_citizens(request.path) else request.cookies.get(LANGUAGE))
