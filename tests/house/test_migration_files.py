"""Migrations are numbered files in one line of history."""

import ast
import re

from tests.house.source import ROOT, tree

FOLDER = ROOT / "migrations" / "versions"


def _assigned(path):
    found = {}
    for node in tree(path).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant):
            found[target.id] = node.value.value
    return found


def test_migrations_are_numbered_without_a_gap():
    """Files are called 0001_slug.py, 0002_slug.py …; the revision is that name or number."""
    files = sorted(FOLDER.glob("*.py"))
    assert [path.name[:4] for path in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
    for path in files:
        assert re.fullmatch(r"\d{4}_[a-z0-9_]+", path.stem)
        assert _assigned(path)["revision"] in {path.stem, path.stem[:4]}


def test_migrations_follow_one_another():
    """Each migration names the one before it, so history has one line."""
    files = sorted(FOLDER.glob("*.py"))
    before = None
    for path in files:
        names = _assigned(path)
        assert names["down_revision"] == before
        before = names["revision"]
