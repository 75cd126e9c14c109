"""Security headers of every response (CSP, framing, caching, referrer); pages may be stricter."""

from flask import Flask, Response, request

# Content Security Policy of staff pages: only their own files.
STAFF_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# URLs below it contain the secret token, whatever the response is.
LINKS = "/s/"
EVERYWHERE = {
    "Content-Security-Policy": STAFF_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The CSRF protection of staff forms checks the referrer of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_headers(response: Response) -> Response:
    """Add the security headers to a response; pages are never cached, static files are."""
    if request.path.startswith(LINKS):
        response.headers["Referrer-Policy"] = "no-referrer"
    there = {name.lower() for name, _ in response.headers}
    missing = [pair for pair in EVERYWHERE.items() if pair[0].lower() not in there]
    response.headers.extend(missing)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def register(app: Flask) -> None:
    """Add the headers to every response of the application."""
    app.after_request(add_headers)
