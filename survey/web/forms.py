"""The one door by which the fields of a form come in; what reads them is a WTForms class."""

from typing import Any

from flask import request
from werkzeug.datastructures import CombinedMultiDict, MultiDict


def sent_fields() -> MultiDict[str, str]:
    """The fields of the request's body, as they were sent."""
    return request.form


def sent_fields_and_files() -> CombinedMultiDict[str, Any]:
    """The same with files; a text that bears the name of a file stands behind it."""
    return CombinedMultiDict((request.files, request.form))
