"""The command line: one module per command group, imported only when its command is called."""

from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

from survey.catalogues import speak

# Command name → module in this package, which holds it as `command`.
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
    """The application's commands; a command's module is imported on demand."""

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
    """Whether `flask` or `celery` is creating the application to find one of our commands.

    Flask's own commands (`run`, `routes`, `shell`) create it later, in their own context.
    """
    context = click.get_current_context(silent=True)
    return context is not None and context.parent is None


def register(app: Flask) -> None:
    """Register every command on the application, and use the language of the settings."""
    speak(app.extensions["settings"].language)
    app.cli = LazyCommands(app.name)
