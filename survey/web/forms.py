"""The only access to submitted form fields; WTForms classes read them."""

from flask import request
from werkzeug.datastructures import FileStorage, MultiDict


def sent_fields() -> MultiDict[str, str]:
    """The fields of the request's body."""
    return request.form


def sent_files(name: str) -> list[FileStorage]:
    """The uploaded files of one field; files of other fields are ignored."""
    return request.files.getlist(name)
