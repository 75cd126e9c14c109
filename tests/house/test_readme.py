"""The README tells operators everything there is, and nothing that is not."""

import re

import click
import pytest

from tests.house.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN_COMMANDS = {"run", "shell", "routes", "db"}  # Flask's and Flask-Migrate's


def test_every_setting_is_explained():
    """Each variable that settings.py reads stands in the README."""
    source = (ROOT / "survey" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'read\.\w+\(\s*"([A-Z_0-9]+)"', source)) | {"SECRET_KEY", "DATA_KEY"}
    assert len(names) > 20
    assert sorted(name for name in names if f"`{name}`" not in README) == []


def test_every_command_is_explained(sqlite_app):
    """Each command and subcommand of the product stands in the README."""
    context = click.Context(sqlite_app.cli)
    known = []
    for name in sqlite_app.cli.list_commands(context):
        command = sqlite_app.cli.get_command(context, name)
        if name in OWN_COMMANDS:
            continue
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        known += [f"{name} {one}" for one in inner] or [name]
    assert len(known) > 15
    assert [words for words in known if f"`{words}" not in README] == []


@pytest.mark.parametrize("picture", re.findall(r"\]\((docs/[^)]+)\)", README))
def test_every_picture_is_there(picture):
    """Each picture the README shows is a file of the project."""
    assert (ROOT / picture).is_file()


def test_each_file_the_readme_names_exists():
    """Each file of deploy/ that the README tells operators to use is there."""
    named = re.findall(r"deploy/[\w./-]+\.(?:sh|conf|example)", README)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
