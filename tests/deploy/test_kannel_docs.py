"""What operators copy from the page about Kannel is what the tests run."""

import re

import pytest

from tests.house.source import ROOT

PAGE = (ROOT / "docs" / "kannel.md").read_text(encoding="utf-8")
SHIPPED = sorted((ROOT / "deploy" / "kannel").glob("*.conf"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_page_shows_the_shipped_file(path):
    """Each shipped file stands whole in the page, under its own name."""
    shown = re.findall(rf"`deploy/kannel/{path.name}`:\n\n```conf\n(.*?)```", PAGE, re.DOTALL)
    assert shown == [path.read_text(encoding="utf-8")]


def test_the_page_names_real_settings():
    """Every setting the page tells operators to fill in is one the README explains."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^((?:SMS|KANNEL)_[A-Z_]+)=", PAGE, re.MULTILINE)
    assert len(named) == 8
    assert [name for name in named if f"`{name}`" not in readme] == []
