"""`nephele worklists`: send worklist files, as wlmscpfs and Orthanc keep them, to a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import httpx
import typer

from nephele.cli.trust import BadBundle, trust

_SUFFIX = ".wl"
_TIMEOUT_SECONDS = 60


def send_worklists(
    paths: Annotated[
        list[Path], typer.Argument(exists=True, help="Worklist files, and folders of *.wl.")
    ],
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8042",
    user: Annotated[
        str, typer.Option(help="name:password", envvar="NEPHELE_USER", show_envvar=True)
    ] = "",
    ca_bundle: Annotated[
        Path | None, typer.Option(help="Certificates to trust.", envvar="AWS_CA_BUNDLE")
    ] = None,
) -> None:
    """Send worklists under the names of their files: sent again, they are replaced."""
    name, _, password = user.partition(":")
    login = httpx.BasicAuth(name, password) if user else None
    try:
        verify = trust(url, ca_bundle)
    except BadBundle as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(2) from exc
    refused = 0
    with httpx.Client(base_url=url, auth=login, verify=verify, timeout=_TIMEOUT_SECONDS) as client:
        for path in _iter_files(paths):
            refused += not _send(client, path)
    if refused:
        raise typer.Exit(1)


def _iter_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = path.rglob("*")
            yield from sorted(one for one in found if one.suffix.lower() == _SUFFIX)
        else:
            yield path


def _send(client: httpx.Client, path: Path) -> bool:
    try:
        answer = client.put(f"/worklists/{quote(path.stem, safe='')}", content=path.read_bytes())
    except (httpx.HTTPError, OSError) as exc:
        typer.echo(f"{path}: {exc}", err=True)
        return False
    if answer.is_error:
        typer.echo(f"{path}: {answer.status_code} {answer.reason_phrase}", err=True)
        return False
    typer.echo(f"{path}: sent")
    return True
