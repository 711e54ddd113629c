"""`nephele secrets push`: what a configuration has of users and peers, into Secrets Manager."""

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
    peers_secret_id: Annotated[
        str, typer.Option(help="Name or ARN of the peers' secret: OrthancPeers' passwords.")
    ] = "",
) -> None:
    """Replace the users who may log in, and the peers' passwords, by a configuration file's."""
    from nephele.aws.remedies import with_remedy
    from nephele.aws.secrets import write_secret
    from nephele.services.peers.secrets import encode_peer_secrets
    from nephele.services.users import encode_users

    try:
        configuration = load_configuration(config)
        users = configuration.registered_users
        write_secret(secret_id, encode_users(users))
        if peers_secret_id:
            write_secret(peers_secret_id, encode_peer_secrets(configuration, config.parent))
    except NepheleError as exc:
        typer.echo(with_remedy(exc), err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"{len(users)} user(s) may log in: {', '.join(sorted(users)) or 'nobody'}")
