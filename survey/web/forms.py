"""The one door by which the fields of a form come in; what reads them is a WTForms class."""

from flask import request
from werkzeug.datastructures import FileStorage, MultiDict


def sent_fields() -> MultiDict[str, str]:
    """The fields of the request's body, as they were sent."""
    return request.form


def sent_files(name: str) -> list[FileStorage]:
    """The files of one field; those of other fields are nobody's business."""
    return request.files.getlist(name)
