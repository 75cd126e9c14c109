"""Rules of transactions, imports, time and errors that no linter keeps."""

import ast

import pytest

from tests.house.source import ROOT, imported, place, python_files, tree

SURVEY = ROOT / "survey"
EDGES = ("web", "cli")
# Beside the room of the province: one statement that a link's page needs whole.
READS_PROVINCE_ITSELF = {"survey/answers/page.py"}


def _nodes(*folders):
    for path in python_files(*folders):
        for node in ast.walk(tree(path)):
            yield path, node


def _calls(name, *folders):
    for path, node in _nodes(*folders):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if called == name:
                yield path, node


@pytest.mark.parametrize("verb", ["commit", "rollback"])
def test_only_the_database_room_commits(verb):
    """Commit and rollback are written in survey/db.py alone."""
    elsewhere = [place(path, node) for path, node in _calls(verb, "survey", "analysis")]
    assert [name for name in elsewhere if not name.startswith("survey/db.py:")] == []


def test_only_edges_and_jobs_open_a_transaction():
    """Features take a session; transaction() stands in web, cli, jobs and the outbox."""
    allowed = (
        "survey/web/",
        "survey/cli/",
        "survey/jobs",
        "survey/db.py",
        "survey/messages/outbox",
    )
    places = [place(path, node) for path, node in _calls("transaction", "survey")]
    assert [name for name in places if not name.startswith(allowed)] == []


def test_edges_ask_the_rooms():
    """No page and no command builds a query of its own."""
    queries = [place(path, node) for path, node in _calls("select", "survey/web", "survey/cli")]
    assert queries == []


def test_the_province_is_read_in_its_room():
    """The province's row and its special days are read by survey/province alone, where listed."""
    found = {
        place(path)
        for path, node in _nodes("survey")
        if isinstance(node, ast.Call) and _asks_for_province(node)
    }
    elsewhere = {name for name in found if not name.startswith("survey/province/")}
    assert elsewhere == READS_PROVINCE_ITSELF


def _asks_for_province(call):
    """Whether a call names the model or one of its columns, as `select`, `get` or `query` do."""
    names = {ast.unparse(one).partition(".")[0] for one in call.args}
    asks = ast.unparse(call.func).rpartition(".")[2] in {"select", "get", "get_one", "query"}
    return asks and bool(names & {"Province", "SpecialDay"})


def test_transactions_are_never_nested():
    """No block that holds a transaction opens another inside itself."""
    nested = [
        place(path, inner)
        for path, node in _nodes("survey")
        if isinstance(node, ast.With) and _opens(node)
        for body in node.body
        for inner in ast.walk(body)
        if isinstance(inner, ast.With) and _opens(inner)
    ]
    assert not nested


def _opens(node):
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any(isinstance(call.func, ast.Name) and call.func.id == "transaction" for call in calls)


def test_imports_stand_at_the_top():
    """Only create_app may import inside a function."""
    local = [
        place(path, inner)
        for path, node in _nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "create_app"
        for inner in ast.walk(node)
        if imported(inner)
    ]
    assert not local


def test_create_app_only_wires():
    """The wiring in create_app stays under 50 lines and its file holds nothing that decides."""
    path = SURVEY / "__init__.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100
    (node,) = [one for one in tree(path).body if getattr(one, "name", "") == "create_app"]
    assert node.end_lineno - node.lineno < 50


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        (
            "flask",
            (
                "survey/web/",
                "survey/cli/",
                "survey/db.py",
                "survey/clock.py",
                "survey/__init__.py",
            ),
        ),
        ("werkzeug", ("survey/web/", "survey/__init__.py")),
        ("flask_babel", ("survey/web/", "survey/__init__.py")),
        ("flask_login", ("survey/web/",)),
        ("twilio", ("survey/messages/providers/twilio.py",)),
        (
            "analysis",
            (
                "survey/disclosure",
                "survey/indices",
                "survey/delivery",
                "survey/insights",
                "survey/monitoring",
                "survey/reports",
            ),
        ),
    ],
)
def test_a_package_enters_by_its_door(module, allowed):
    """Each outside package is imported only in the rooms that need it."""
    strangers = [
        place(path, node)
        for path, node in _nodes("survey")
        for name in imported(node)
        if name.partition(".")[0] == module and not place(path).startswith(allowed)
    ]
    assert not strangers


def test_blanket_catches_live_in_the_worker_loop():
    """A catch of everything stands only in survey/jobs."""
    blanket = [
        place(path, node)
        for path, node in _nodes("survey", "analysis")
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") == "Exception")
        and not place(path).startswith("survey/jobs")
    ]
    assert not blanket


def test_our_own_functions_are_never_patched():
    """Tests fake the outside world only: nothing of survey or analysis is replaced."""
    patched = [
        place(path, node)
        for path, node in _nodes("tests")
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr == "setattr" or "patch" in ast.unparse(node.func).split("."))
        and any(word in ast.unparse(node) for word in ("survey", "analysis."))
    ]
    assert not patched


def test_analysis_reads_no_clock_and_no_file():
    """The statistics package takes numbers and gives numbers."""
    outside = {"os", "pathlib", "io", "time", "datetime", "csv", "random", "survey", "flask"}
    found = [
        place(path, node)
        for path, node in _nodes("analysis")
        for name in imported(node)
        if name.partition(".")[0] in outside
    ]
    assert not found
