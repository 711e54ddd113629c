"""`nephele transcode`: files and folders from one transfer syntax to another, without AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console

from nephele.cli.sources import why_not_dicom
from nephele.cli.summary import Summary, print_summary, progress_by_bytes
from nephele.cli.transfer_syntaxes import keyword_of, transfer_syntax_named
from nephele.domain.codecs.freed_memory import keep_freed_memory
from nephele.domain.transcoding import open_transcoding
from nephele.domain.transcoding.pipeline import default_jobs, map_in_order
from nephele.domain.transcoding.sinks import FileSink, copy_to
from nephele.domain.transfer_syntax import TARGETS, transfer_syntax
from nephele.errors import NepheleError, NothingToTranscode

_SYNTAX_HELP = "UID, or keyword like JPEG2000Lossless."


@dataclass(frozen=True, slots=True)
class _Job:
    """One file, what it becomes, and how many of its frames are worked on at a time."""

    source: Path
    target: Path
    transfer_syntax_uid: str
    quality: int
    frames_at_once: int

    @property
    def name(self) -> str:
        """Return what a person knows the file by."""
        return str(self.source)


def transcode_files(
    source: Annotated[Path, typer.Argument(exists=True, metavar="IN", help="A file or a folder.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A file or a folder.")],
    syntax: Annotated[str, typer.Option("--transfer-syntax", help=_SYNTAX_HELP)],
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of lossy syntaxes.")] = 90,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Threads; default: one for each core.")
    ] = None,
) -> None:
    """Transcode a DICOM file, or all those of a folder into another one of the same shape.

    What has nothing to be transcoded (no pixels, video) is copied as it is; what is refused is not
    written. OUT may be IN unless the syntax is lossy.
    """
    uid = transfer_syntax_named(syntax)
    if uid is None or uid not in TARGETS:
        typer.echo(f"--transfer-syntax: cannot write {syntax}. It can be:\n{_targets()}", err=True)
        raise typer.Exit(2)
    reason = _why_not_written(source, target, uid)
    if reason is not None:
        typer.echo(reason, err=True)
        raise typer.Exit(2)
    keep_freed_memory()
    console, summary = Console(), Summary()
    try:
        _transcode_all(source, target, uid, quality, jobs or default_jobs(), summary, console)
    finally:
        print_summary(summary, console)
    is_missing = source.is_file() and summary.counts["skipped"]
    if is_missing or summary.counts["refused"] or summary.counts["failed"]:
        raise typer.Exit(1)


def _why_not_written(source: Path, target: Path, uid: str) -> str | None:
    """Tell why nothing is written there, None if it is: nothing lossy replaces an original."""
    if source.is_dir() and target.is_file():
        return f"OUT: {target} is a file, and IN is a folder"
    written = target / source.name if source.is_file() and target.is_dir() else target
    if transfer_syntax(uid).is_lossy and written.exists() and written.samefile(source):
        return f"OUT: {target} is IN: a lossy syntax would replace the originals"
    return None


def _targets() -> str:
    rows = ((uid, keyword_of(uid), transfer_syntax(uid).name) for uid in sorted(TARGETS))
    return "\n".join(f"  {uid:24} {keyword:30} {name}" for uid, keyword, name in rows)


def _transcode_all(
    source: Path,
    target: Path,
    uid: str,
    quality: int,
    jobs: int,
    summary: Summary,
    console: Console,
) -> None:
    pairs = list(_iter_pairs(source, target))
    at_once = max(min(jobs, len(pairs)), 1)
    files = [_Job(one, other, uid, quality, max(jobs // at_once, 1)) for one, other in pairs]
    sizes = [job.source.stat().st_size for job in files]
    with progress_by_bytes(console) as progress:
        by_bytes = progress.add_task("Transcoding", total=sum(sizes))
        done = map_in_order(lambda job: transcode_one(job, summary), files, at_once)
        for size, _ in zip(sizes, done, strict=True):
            progress.advance(by_bytes, size)


def _iter_pairs(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield what is read and what is written; a file goes into a folder under its own name."""
    if not source.is_dir():
        yield source, target / source.name if target.is_dir() else target
        return
    for path in sorted(source.rglob("*")):
        if path.is_file():
            yield path, target / path.relative_to(source)


def transcode_one(job: _Job, summary: Summary) -> None:
    """Transcode one file and count what became of it; the target is whole or is not there."""
    try:
        with job.source.open("rb") as file:
            reason = why_not_dicom(file, job.name)
            if reason is not None:
                summary.add_problem("skipped", job.name, reason)
                return
            job.target.parent.mkdir(parents=True, exist_ok=True)
            with FileSink(job.target) as sink:
                _write(job, file, sink, summary)
    except NepheleError as exc:
        summary.add_problem("refused", job.name, str(exc))
    except OSError as exc:
        summary.add_problem("failed", job.name, str(exc))


def _write(job: _Job, file: BinaryIO, sink: FileSink, summary: Summary) -> None:
    try:
        opened = open_transcoding(file, job.transfer_syntax_uid, job.quality)
    except NothingToTranscode as exc:
        copy_to(file, sink)
        summary.add_problem("kept as it is", job.name, str(exc))
        return
    with opened as transcoding:
        transcoding.write(sink, jobs=job.frames_at_once)
        summary.count("unchanged" if transcoding.is_unchanged else "transcoded")
