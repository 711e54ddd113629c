"""`nephele doctor`: is the configuration sound, is everybody there, who was refused and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape

from nephele.cli.connection import open_client
from nephele.cli.trust import BadBundle, trust
from nephele.domain.option_checks import check_options, option_warnings
from nephele.errors import ConfigurationError
from nephele.settings.configuration import load_configuration

_SHOWN_REFUSALS = 10
_NO_ECHO = "it does not offer C-ECHO"
_SENDING_OPTION = "AllowTranscoding"
_HINTS = {
    "calling ae title not recogni": "it has to know what Nephele calls itself: DicomAet, or the"
    " modality's LocalAet",
    "called ae title not recogni": "it calls itself otherwise: correct the modality's AET",
    "connection refused": "nothing listens there: check the modality's Host and Port",
    "cannot be connected to in time": "no way leads there: check Host and Port, routes, firewalls",
    "TLS handshake": "check the modality's UseDicomTls, and the DicomTls options",
    "(opening an association)": "something else may listen there, or it wants TLS: check the"
    " modality's Port and UseDicomTls",
}
"""What to look at, by what the edge tells of a modality; the first that fits."""
_STYLES = {"ok": "green", "wrong": "bold red", "note": "yellow"}


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    WRONG = "wrong"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    verdict: Verdict
    subject: str
    told: str = ""


def examine(
    config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Orthanc's configuration.")
    ] = None,
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8042",
    user: Annotated[
        str, typer.Option(help="name:password", envvar="NEPHELE_USER", show_envvar=True)
    ] = "",
    ca_bundle: Annotated[
        Path | None,
        typer.Option(help="Certificates to trust.", envvar="AWS_CA_BUNDLE", show_envvar=True),
    ] = None,
) -> None:
    """Check the configuration, the server, every modality and peer; explain refused associations.

    Modalities are reached from the edge (C-ECHO), peers from the server, as in daily work.
    """
    console = Console()
    try:
        verify = trust(url, ca_bundle)
    except BadBundle as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(2) from exc
    is_wrong = False
    with open_client(verify, url, user) as client:
        for finding in _iter_findings(config, client):
            is_wrong |= finding.verdict is Verdict.WRONG
            _print(finding, console)
    if is_wrong:
        raise typer.Exit(1)


def _print(finding: Finding, console: Console) -> None:
    style = _STYLES[finding.verdict]
    told = f": {finding.told}" if finding.told else ""
    console.print(f"[{style}]{finding.verdict:5}[/] {escape(finding.subject + told)}")


def _iter_findings(config: Path | None, client: httpx.Client) -> Iterator[Finding]:
    if config is not None:
        yield from _iter_configuration(config)
    server = _examine_server(client)
    yield server
    if server.verdict is Verdict.WRONG:
        return
    for name in _read(client, "/modalities"):
        yield _examine_modality(client, name)
    for name in _read(client, "/peers"):
        yield _examine_peer(client, name)
    yield _examine_dead_letters(client)
    yield from _iter_refusals(client)


def _iter_configuration(path: Path) -> Iterator[Finding]:
    """Check a file as a start does, and tell what a start warns of."""
    subject = f"configuration {path}"
    try:
        configuration = load_configuration(path)
        check_options(configuration)
    except ConfigurationError as exc:
        yield Finding(Verdict.WRONG, subject, str(exc))
        return
    yield Finding(Verdict.OK, subject)
    for warning in option_warnings(configuration):
        yield Finding(Verdict.NOTE, subject, warning)


def _examine_server(client: httpx.Client) -> Finding:
    subject = f"server {client.base_url}"
    try:
        answer = client.get("/system")
    except httpx.HTTPError as exc:
        return Finding(Verdict.WRONG, subject, f"it cannot be reached: {exc}")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return Finding(Verdict.WRONG, subject, "it wants a login: --user name:password")
    if answer.is_error:
        return Finding(Verdict.WRONG, subject, f"status {answer.status_code}")
    return Finding(Verdict.OK, subject, f"{answer.json().get('Name', '')}".strip())


def _read(client: httpx.Client, path: str) -> list[Any]:
    answer = client.get(path)
    return list(answer.json()) if answer.is_success else []


def _examine_modality(client: httpx.Client, name: str) -> Finding:
    shown = client.get(f"/modalities/{name}/configuration").json()
    address = f"at {shown['Host']}:{shown['Port']}"
    where = f"modality {name} ({shown['AET']} {address})"
    found = _judge(where, client.post(f"/modalities/{name}/echo", content=b"{}"))
    told = found.told.removeprefix(f'AET "{shown["AET"]}" {address}: ')
    if found.verdict is Verdict.OK:
        return found
    if told.startswith(_NO_ECHO):
        return Finding(Verdict.NOTE, where, f"it is there, but {told.removeprefix('it ')}")
    if denied := _denied(shown):
        return Finding(Verdict.NOTE, where, f"{told}: right if it only calls ({denied})")
    hint = next((hint for words, hint in _HINTS.items() if words in told), "")
    return Finding(Verdict.WRONG, where, f"{told}: {hint}" if hint else told)


def _denied(shown: Mapping[str, Any]) -> str:
    """Return what a modality may not ask for here.

    Orthanc's options restrict who calls; such an entry may stand for somebody who never listens.
    """
    names = [name for name, value in shown.items() if name.startswith("Allow") and value is False]
    return ", ".join(f"{name} is false" for name in names if name != _SENDING_OPTION)


def _examine_peer(client: httpx.Client, name: str) -> Finding:
    return _judge(f"peer {name}", client.get(f"/peers/{name}/system"))


def _judge(subject: str, answer: httpx.Response) -> Finding:
    if answer.is_success:
        return Finding(Verdict.OK, subject)
    try:
        error = answer.json()
        told = error.get("Details") or error.get("Message") or f"status {answer.status_code}"
    except ValueError:
        told = f"status {answer.status_code}"
    return Finding(Verdict.WRONG, subject, str(told))


def _examine_dead_letters(client: httpx.Client) -> Finding:
    count = len(_read(client, "/dead-letters"))
    if not count:
        return Finding(Verdict.OK, "no dead letters")
    return Finding(Verdict.WRONG, f"{count} dead letters", "see GET /dead-letters")


def _iter_refusals(client: httpx.Client) -> Iterator[Finding]:
    for refusal in _read(client, f"/refused-associations?limit={_SHOWN_REFUSALS}"):
        subject = "{Date} {CallingAET} ({RemoteIP})".format_map(refusal)
        told = refusal["Explanations"] or [refusal["Outcome"]]
        yield Finding(Verdict.NOTE, subject, "; ".join(told))
