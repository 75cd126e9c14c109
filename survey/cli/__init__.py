"""The command line: one file per group, loaded only when its command is called."""

from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

from survey.catalogues import speak

# Name on the command line → file in this folder, which holds it as `command`.
COMMANDS = {
    "alerts": "alerts",
    "audit": "audit",
    "ballots": "ballots",
    "cases": "cases",
    "check-config": "check_config",
    "coverage": "coverage",
    "db": "database",
    "demo": "demo",
    "index": "index",
    "intake": "intake",
    "messages": "messages",
    "monitor": "monitor",
    "privacy": "privacy",
    "reference": "reference",
    "report": "report",
    "sender": "sender",
    "settings": "settings",
    "staff": "staff",
    "storage": "storage",
    "version": "version",
    "worker": "worker",
}


class LazyCommands(AppGroup):
    """The application's commands; a command's file is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"survey.cli.{module}").command
        return command


def is_looked_up() -> bool:
    """Whether the application is made by `flask` or `celery` to find one of our commands.

    Flask's own (`run`, `routes`, `shell`) make it later, inside a context of theirs.
    """
    context = click.get_current_context(silent=True)
    return context is not None and context.parent is None


def register(app: Flask) -> None:
    """Put every command on the application, and speak the language of the settings."""
    speak(app.extensions["settings"].language)
    app.cli = LazyCommands(app.name)
