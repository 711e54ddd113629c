"""`nephele reindex`: build the table anew from the bucket and its journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nephele.cli.summary import Summary, print_summary
from nephele.errors import ConfigurationError, NepheleError
from nephele.settings.environment import ArchiveEnvironment

if TYPE_CHECKING:
    from nephele.services.reindex import Reindexed


def reindex_archive(
    bucket: Annotated[
        str, typer.Option(help="Name of the bucket.", envvar="NEPHELE_BUCKET", show_envvar=True)
    ],
    table: Annotated[
        str, typer.Option(help="Name of the table.", envvar="NEPHELE_TABLE", show_envvar=True)
    ],
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The deployment's configuration file."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Requests at a time.")] = 16,
) -> None:
    """Build the index from the objects and the journal; what is in the table already stays.

    It may be interrupted, and goes on when it is called again. Credentials and region are AWS's own
    (`AWS_PROFILE`, `AWS_REGION`); they must allow reading the bucket and writing the table.
    """
    from nephele.aws.remedies import remedy
    from nephele.services.archive import open_archive
    from nephele.services.reindex import reindex

    console = Console()
    summary = Summary()
    try:
        text = "{}" if config is None else str(config.resolve())
        archive = open_archive(ArchiveEnvironment(configuration=text, bucket=bucket, table=table))
        with _progress(console) as progress:
            stages: dict[str, int] = {}

            def tell(stage: str, done: int, total: int) -> None:
                if stage not in stages:
                    stages[stage] = progress.add_task(stage)
                task = progress.task_ids[stages[stage]]
                progress.update(task, completed=done, total=total or None)

            found = reindex(archive, jobs, tell)
    except ConfigurationError as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    except NepheleError as exc:
        advice = remedy(exc, bucket, table) or "the same command goes on where it stopped"
        typer.echo(f"{exc}; {advice}", err=True)
        raise typer.Exit(1) from exc
    _fill(summary, found)
    print_summary(summary, console)
    if found.failures:
        raise typer.Exit(1)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _fill(summary: Summary, found: Reindexed) -> None:
    summary.counts.update(
        {
            "objects": found.objects,
            "indexed": found.indexed,
            "deleted": found.tombstones,
            "with what users kept": found.states,
            "definitions": found.definitions,
            "options": found.options,
            "exports": found.exports,
        }
    )
    for key, error in found.failures.items():
        summary.add_problem("failed", key, str(error) or type(error).__name__)
