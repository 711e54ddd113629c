"""`nephele secrets push`: the users of a configuration, hashed, into Secrets Manager."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nephele.errors import NepheleError
from nephele.settings.configuration import load_configuration


def push(
    config: Annotated[
        Path, typer.Option(help="Orthanc's configuration file, with RegisteredUsers.")
    ],
    secret_id: Annotated[str, typer.Option(help="Name or ARN of the users' secret.")],
) -> None:
    """Replace the users who may log in by those of a configuration file."""
    from nephele.aws.secrets import write_secret
    from nephele.services.users import encode_users

    try:
        users = load_configuration(config).registered_users
        write_secret(secret_id, encode_users(users))
    except NepheleError as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"{len(users)} user(s) may log in: {', '.join(sorted(users)) or 'nobody'}")
