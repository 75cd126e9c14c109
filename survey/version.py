"""The version of the product and the version of the database schema that it needs."""

from functools import lru_cache

from survey.settings import ROOT

# Semantic versioning; CHANGELOG.md has a section of this name.
VERSION = "0.9.0"


@lru_cache(maxsize=1)
def schema() -> str:
    """The number of the newest migration: the first four digits of its file name."""
    return max(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
