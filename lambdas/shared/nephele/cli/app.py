"""`nephele`: its own commands, and those other packages bring (`nephele up`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import typer

COMMANDS = "nephele.commands"
"""Entry-point group: name of a command to the function that typer calls."""

_OWN = {
    "import": "import_command:import_files",
    "migrate": "migrate_command:migrate",
    "transcode": "transcode_command:transcode_files",
    "worklists": "worklists_command:send_worklists",
    "doctor": "doctor_command:examine",
    "reindex": "reindex_command:reindex_archive",
}
_SECRETS = {
    "push": "secrets_command:push",
    "new-blob-key": "blob_key_command:new_blob_key",
    "push-blob-key": "blob_key_command:push_blob_key",
}
"""Modules beside this one, and the functions in them."""

_Command = Callable[..., Any]


def build_app(only: str | None = None) -> typer.Typer:
    """Build the application with every command that is installed.

    Parameters
    ----------
    only : str, optional
        The command that is going to run, where that is known: what the others need is not
        imported then. A name that no command has stands for all.
    """
    brought = {entry.name: entry for entry in sorted(entry_points(group=COMMANDS))}
    if only not in {*_OWN, *brought, "secrets"}:
        only = None
    app = typer.Typer(
        name="nephele",
        help="A serverless, Orthanc-compatible DICOM server.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,
    )
    app.callback()(_nothing)
    _add(app, {name: one for name, one in _OWN.items() if only in (name, None)})
    if only in ("secrets", None):
        secrets = typer.Typer(help="Passwords, kept in Secrets Manager.", no_args_is_help=True)
        _add(secrets, _SECRETS)
        app.add_typer(secrets, name="secrets")
    for name, entry in brought.items():
        if only in (name, None):
            app.command(name)(entry.load())
    return app


def _nothing() -> None:
    # With a callback typer takes a single command for one of several, and its name for a name.
    return


def _add(app: typer.Typer, commands: Mapping[str, str]) -> None:
    for name, where in commands.items():
        module, _, function = where.partition(":")
        command: _Command = getattr(import_module(f"nephele.cli.{module}"), function)
        app.command(name)(command)


def main() -> None:
    """Run the command line."""
    build_app(next(iter(sys.argv[1:]), None))()
