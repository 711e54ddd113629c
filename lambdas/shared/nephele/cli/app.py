"""`nephele`: its own commands, and those other packages bring (`nephele up`)."""

from __future__ import annotations

from importlib.metadata import entry_points

import typer

from nephele.cli.blob_key_command import new_blob_key, push_blob_key
from nephele.cli.doctor_command import examine
from nephele.cli.import_command import import_files
from nephele.cli.secrets_command import push
from nephele.cli.transcode_command import transcode_files
from nephele.cli.worklists_command import send_worklists

COMMANDS = "nephele.commands"
"""Entry-point group: name of a command to the function that typer calls."""


def build_app() -> typer.Typer:
    """Build the application with every command that is installed."""
    app = typer.Typer(
        name="nephele",
        help="A serverless, Orthanc-compatible DICOM server.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,
    )
    app.command("import")(import_files)
    app.command("transcode")(transcode_files)
    app.command("worklists")(send_worklists)
    app.command("doctor")(examine)
    secrets = typer.Typer(help="Passwords, kept in Secrets Manager.", no_args_is_help=True)
    secrets.command("push")(push)
    secrets.command("new-blob-key")(new_blob_key)
    secrets.command("push-blob-key")(push_blob_key)
    app.add_typer(secrets, name="secrets")
    for entry in sorted(entry_points(group=COMMANDS)):
        app.command(entry.name)(entry.load())
    return app


def main() -> None:
    """Run the command line."""
    build_app()()
