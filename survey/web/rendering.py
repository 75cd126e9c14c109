"""Render a citizen page as one response with inline style, compressed if the browser accepts it.

Templates are rendered without Flask's context processors: no session is read, no cookie is set.
"""

import base64
import hashlib
import re
import zlib
from typing import Any

from flask import Response, current_app, request
from markupsafe import Markup

from survey.settings import ROOT
from survey.web.language import Language

STYLE_FILE = ROOT / "survey" / "static" / "citizen.css"
PACK_LEVEL = 4
GZIP_WINDOW = 31
# Below this size compression saves no network packet.
PACK_FROM = 1_000


def _pressed(style: str) -> str:
    """The style without comments and needless whitespace."""
    bare = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    return re.sub(r"\s*([{};,>]|:(?=\s))\s*", r"\1", re.sub(r"\s+", " ", bare)).strip()


STYLE = Markup(_pressed(STYLE_FILE.read_text(encoding="utf-8")))  # noqa: S704 - our own file
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CITIZEN_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def render(name: str, language: Language, status: int = 200, **values: Any) -> Response:  # noqa: ANN401
    """Render templates/public/`name`.html in one language, with its own CSP, never cached."""
    template = current_app.jinja_env.get_template(f"public/{name}.html")
    text = template.render(language=language, _=language.translate, css=STYLE, **values)
    response = Response(status=status, mimetype="text/html")
    body = text.encode()
    if len(body) >= PACK_FROM:
        response.headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings["gzip"] > 0:
            body = _packed(body)
            response.headers["Content-Encoding"] = "gzip"
    response.set_data(body)
    response.headers["Content-Language"] = language.code
    response.headers["Content-Security-Policy"] = CITIZEN_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(PACK_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    return packer.compress(body) + packer.flush()
