"""Headers of every answer: what a browser may load, frame, store, send on. Pages may be
stricter.
"""

from flask import Flask, Response, request

# Staff pages load their own files and nothing else.
STAFF_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# An address under it is the secret itself, whatever is answered there.
LINKS = "/s/"
EVERYWHERE = {
    "Content-Security-Policy": STAFF_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # CSRF protection of staff forms reads the referrer of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_headers(response: Response) -> Response:
    """Complete the headers of one answer; pages are never stored, files of the product are."""
    if request.path.startswith(LINKS):
        response.headers["Referrer-Policy"] = "no-referrer"
    there = {name.lower() for name, _ in response.headers}
    missing = [pair for pair in EVERYWHERE.items() if pair[0].lower() not in there]
    response.headers.extend(missing)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def register(app: Flask) -> None:
    """Complete every answer of the application."""
    app.after_request(add_headers)
