"""What tests of migrations start from."""

import pytest

from tests.conftest import running
from tests.engines import PostgresCopies, SqliteCopies


@pytest.fixture
def empty_app(request, engine, tmp_path, pytestconfig, worker_id):
    """An application on a database without a single table."""
    if engine == "sqlite":
        copies = SqliteCopies(tmp_path)
    else:
        request.getfixturevalue("postgres_copies")  # skips when there is no server
        copies = PostgresCopies(request.getfixturevalue("postgres_copies").server, worker_id)
    environment = {**request.getfixturevalue("environment"), "DATABASE_URL": copies.template_url}
    with running(environment) as app:
        yield app
    copies.close()
