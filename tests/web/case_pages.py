"""The hotline's pages for tests: a case to work on, and its buttons."""

import re

from survey.models.organisation import Agency
from tests.conftest import unit_of_work
from tests.features import answering
from tests.opened import opened

LETTER = "Kính gửi Ông/Bà, chúng tôi xin lỗi và đã trả hồ sơ."
HIDDEN_FIELDS = re.compile(r'name="(csrf_token|revision|seen)" value="([^"]*)"')


def open_case(app, **parts):
    """A case in the database: its code and the code of its agency."""
    with unit_of_work(app) as session:
        case = answering.raise_case(session, **parts)
        return case.code, session.get_one(Agency, opened(session, case).agency_id).code


def fields(client, path):
    """What the hidden fields of a page hold."""
    return dict(HIDDEN_FIELDS.findall(client.get(path).text))


def act(client, code, step, held=None, **typed):
    """Press one button of the case's page, as that page was when `held` was read."""
    path = f"/staff/cases/{code}"
    return client.post(f"{path}/{step}", data={**(held or fields(client, path)), **typed})
