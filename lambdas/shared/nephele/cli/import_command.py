"""`nephele import`: send files and folders to an archive, in parallel, resumably."""

from __future__ import annotations

import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nephele.cli.connection import open_client
from nephele.cli.exchange import Failed, Refused, Stopped
from nephele.cli.journal import Journal, state_path
from nephele.cli.sender import Advance, Sender, unheeded
from nephele.cli.signals import stopped_by
from nephele.cli.sources import DICOMDIR, Source, iter_sources, why_not_dicom
from nephele.cli.summary import Summary, print_summary, progress_by_bytes
from nephele.cli.trust import BadBundle, trust
from nephele.errors import NepheleError

_JOURNAL_HELP = (
    "What was sent so far, removed when the import reaches its end; default: a file import-… for "
    "each server in ~/.local/state/nephele (or $XDG_STATE_HOME/nephele)."
)
_CA_BUNDLE_HELP = (
    "Certificates to trust; default: the system's and, for a server on this machine, "
    ".nephele/tls/trusted.pem."
)

_KEPT_ASIDE = (
    "AlreadyStored: the first content under a SOPInstanceUID stays (OverwriteInstances); others "
    "are kept aside, see GET /versions-aside."
)
_FINISHING = "Finishing what is under way; Ctrl-C again stops at once."
_INTERRUPTED = 128 + signal.SIGINT
"""How a shell tells of it, too."""
_GOES_ON = "The same command (without --again) goes on from here."


def import_files(
    paths: Annotated[
        list[Path], typer.Argument(exists=True, help="Files, folders and ZIP archives.")
    ],
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8042",
    user: Annotated[
        str, typer.Option(help="name:password", envvar="NEPHELE_USER", show_envvar=True)
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Files sent at a time.")] = 8,
    again: Annotated[bool, typer.Option(help="Send also what an interrupted import sent.")] = False,
    journal: Annotated[Path | None, typer.Option(help=_JOURNAL_HELP)] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(help=_CA_BUNDLE_HELP, envvar="AWS_CA_BUNDLE", show_envvar=True),
    ] = None,
) -> None:
    """Import DICOM files; after an interruption, the same command goes on where it stopped.

    Ends with 1 where a file was refused or failed, or is named and no DICOM file, and with 130
    after Ctrl-C.
    """
    console = Console()
    summary = Summary()
    try:
        verify = trust(url, ca_bundle)
    except BadBundle as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(2) from exc
    with ExitStack() as stack:
        remembered = Journal(journal or state_path("import", url), is_new=again)
        stack.enter_context(remembered)
        sender = stack.enter_context(open_sender(url, user, verify))
        try:
            left = _import_all(paths, sender, remembered, summary, jobs, console)
            if left is None:
                remembered.remove()
        except Stopped as exc:
            typer.echo(str(exc), err=True)
            raise typer.Exit(1) from exc
        finally:
            print_summary(summary, console)
    if summary.counts["AlreadyStored"]:
        console.print(_KEPT_ASIDE)
    if left is not None:
        typer.echo(f"Interrupted, files left: {left}. {_GOES_ON}", err=True)
        raise typer.Exit(_INTERRUPTED)
    if summary.counts["refused"] or summary.counts["failed"]:
        raise typer.Exit(1)


@contextmanager
def open_sender(url: str, user: str, verify: ssl.SSLContext) -> Iterator[Sender]:
    """Open connections to a server and to the bucket behind it."""
    with open_client(verify, url, user) as api, open_client(verify) as bucket:
        yield Sender(api, bucket)


def _import_all(
    paths: list[Path],
    sender: Sender,
    journal: Journal,
    summary: Summary,
    jobs: int,
    console: Console,
) -> int | None:
    """Send what was not sent before; return how many files Ctrl-C has left, else None."""
    with console.status("Looking for files …"):
        sources = list(iter_sources(paths))
    if not sources:
        console.print("nothing to import")
    fresh = [source for source in sources if source.identity not in journal]
    summary.counts["sent before"] = len(sources) - len(fresh)
    waiting = iter(fresh)
    with (
        progress_by_bytes(console) as progress,
        stopped_by(signal.SIGINT, tell=_tell_finishing) as stop,
        ThreadPoolExecutor(jobs) as pool,
    ):
        task = progress.add_task("Sending", total=sum(source.size_bytes for source in fresh))

        def submit(source: Source) -> Future[None]:
            advance = partial(progress.advance, task)
            return pool.submit(send_one, source, sender, journal, summary, advance)

        try:
            _send_all(waiting, submit, jobs, stop)
        except KeyboardInterrupt:
            progress.stop()
            typer.echo(f"Stopped at once. {_GOES_ON}", err=True)
            os._exit(_INTERRUPTED)  # every other way waits for what is under way
    return len(list(waiting)) if stop.is_set() else None


def _tell_finishing() -> None:
    # Not `err`: what `sys.stderr` is while a bar is shown writes above the bar.
    typer.echo(_FINISHING, file=sys.stderr)


def _send_all(
    waiting: Iterator[Source],
    submit: Callable[[Source], Future[None]],
    jobs: int,
    stop: threading.Event,
) -> None:
    """Send files until none waits, one raises or `stop` is set; what was begun is finished."""
    running: set[Future[None]] = set()
    failure: BaseException | None = None
    while True:
        # None queued: when sending stops before its end, no other file is begun.
        if failure is None and not stop.is_set():
            running.update(map(submit, islice(waiting, jobs - len(running))))
        if not running:
            break
        done, running = wait(running, return_when=FIRST_COMPLETED)
        failure = next((exc for one in done if (exc := one.exception())), failure)
    if failure is not None:
        raise failure


def send_one(
    source: Source,
    sender: Sender,
    journal: Journal,
    summary: Summary,
    advance: Advance = unheeded,
) -> None:
    """Send one file, count what became of it, and remember it when it is stored."""
    left = source.size_bytes

    def advance_by(size_bytes: int) -> None:
        nonlocal left
        left -= size_bytes
        advance(size_bytes)

    try:
        with source.open() as file:
            reason = why_not_dicom(file, source.name)
            if reason is not None:
                is_asked_for = source.is_named and reason != DICOMDIR
                summary.add_problem("refused" if is_asked_for else "skipped", source.name, reason)
                return
            summary.count(sender.send(file, source.size_bytes, advance_by))
            journal.add(source.identity)
    except (Refused, NepheleError) as exc:
        summary.add_problem("refused", source.name, str(exc))
    except (Failed, OSError) as exc:
        summary.add_problem("failed", source.name, str(exc))
    finally:
        advance(left)
