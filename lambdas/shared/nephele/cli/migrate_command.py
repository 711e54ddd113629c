"""`nephele migrate`: copy a running Orthanc, follow it until cut-over, and report."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from nephele.cli.connection import open_client
from nephele.cli.exchange import Failed, Refused, Stopped
from nephele.cli.journal import state_path
from nephele.cli.migration.copying import Copier
from nephele.cli.migration.ledger import Ledger
from nephele.cli.migration.migration import Migration, Until
from nephele.cli.migration.server import Server
from nephele.cli.sender import Sender
from nephele.cli.signals import stopped_by
from nephele.cli.summary import Summary, print_summary, progress_by_count
from nephele.cli.trust import BadBundle, trust

_SHOWN = 20
_FOREVER = float("inf")
_STATE_HELP = (
    "What was copied so far; default: a file migrate-… for each pair of servers in "
    "~/.local/state/nephele (or $XDG_STATE_HOME/nephele)."
)
_FOLLOW_HELP = "Copy also what changes at the source, until Ctrl-C or SIGTERM."
_QUIET_HELP = "The same, also until nothing has changed for so many seconds."


def migrate(
    source: Annotated[
        str, typer.Argument(help="The Orthanc to copy: http://user:password@host:8042")
    ],
    url: Annotated[str, typer.Option(help="The server to copy to.")] = "http://127.0.0.1:8042",
    user: Annotated[
        str,
        typer.Option(help="name:password at that server", envvar="NEPHELE_USER", show_envvar=True),
    ] = "",
    source_user: Annotated[
        str,
        typer.Option(
            help="name:password at the source, where it is not in its URL",
            envvar="NEPHELE_SOURCE_USER",
            show_envvar=True,
        ),
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Resources copied at a time.")] = 8,
    follow: Annotated[bool, typer.Option("--follow", help=_FOLLOW_HELP)] = False,
    until_quiet: Annotated[float | None, typer.Option(min=1, help=_QUIET_HELP)] = None,
    again: Annotated[bool, typer.Option(help="Forget what was copied before.")] = False,
    state: Annotated[Path | None, typer.Option(help=_STATE_HELP)] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(
            help="Certificates to trust at the server, as in import.",
            envvar="AWS_CA_BUNDLE",
            show_envvar=True,
        ),
    ] = None,
    source_ca_bundle: Annotated[
        Path | None, typer.Option(help="Certificates to trust at the source.")
    ] = None,
) -> None:
    """Copy all instances of a running Orthanc with what users keep at them, and verify each.

    After an interruption, the same command goes on where it stopped; run again later, it copies
    what is new. Ends with a report, and with 1 where anything is missing.
    """
    console = Console()
    summary = Summary()
    quiet_seconds = until_quiet or (_FOREVER if follow else 0.0)
    is_begun = False
    try:
        with ExitStack() as stack:
            verify, verify_source = trust(url, ca_bundle), trust(source, source_ca_bundle)
            orthanc = stack.enter_context(open_client(verify_source, source, source_user))
            api = stack.enter_context(open_client(verify, url, user))
            bucket = stack.enter_context(open_client(verify))
            path = state or state_path("migrate", _without_login(source), url)
            target = Server.connect(api, "The target")
            target.require_lossless()
            copier = Copier(
                source=Server.connect(orthanc, "The source"),
                target=target,
                sender=Sender(api, bucket),
                ledger=stack.enter_context(Ledger(path, is_new=again)),
                summary=summary,
            )
            is_begun = True
            deleted = _migrate(copier, jobs, quiet_seconds, console)
    except httpx.UnsupportedProtocol as exc:
        typer.echo(f"{exc} An address begins with http:// or https://.", err=True)
        raise typer.Exit(2) from exc
    except (BadBundle, httpx.InvalidURL) as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(2) from exc
    except (Stopped, Refused, Failed) as exc:
        print_summary(summary, console)
        advice = "\nOnce that is mended, the same command goes on from here." if is_begun else ""
        typer.echo(f"{exc}{advice}", err=True)
        raise typer.Exit(1) from exc
    _report(summary, deleted, console)


def _without_login(url: str) -> str:
    return str(httpx.URL(url).copy_with(username=None, password=None))


def _migrate(copier: Copier, jobs: int, quiet_seconds: float, console: Console) -> list[str]:
    """Copy everything; return instances the source has deleted since they were copied."""
    total = copier.source.get_json("/statistics")["CountInstances"]
    with progress_by_count(console) as progress:
        task = progress.add_task("Copying", total=total)
        migration = Migration(copier, jobs, lambda: progress.advance(task))
        migration.copy_all()
        progress.update(task, description="Following changes", completed=total)
        with _following(quiet_seconds) as stop:
            migration.follow(Until(stop, quiet_seconds))
        progress.reset(task, description="Comparing", total=total)
        return migration.compare()


def _following(quiet_seconds: float) -> AbstractContextManager[threading.Event]:
    """Return what says when to stop following: never, where nothing is followed."""
    if not quiet_seconds:
        return nullcontext(threading.Event())
    return stopped_by(signal.SIGINT, signal.SIGTERM, tell=lambda: None)


def _report(summary: Summary, deleted: list[str], console: Console) -> None:
    print_summary(summary, console)
    if deleted:
        shown = "\n".join(f"/instances/{one}" for one in deleted[:_SHOWN])
        more = f"\n… and {len(deleted) - _SHOWN} more" if len(deleted) > _SHOWN else ""
        console.print(
            f"{len(deleted)} deleted at the source, and still at the target:\n{shown}{more}"
        )
    if summary.has_problems:
        console.print("Something is missing or differs: the same command tries that again.")
        raise typer.Exit(1)
    console.print("Everything of the source is at the target.")
