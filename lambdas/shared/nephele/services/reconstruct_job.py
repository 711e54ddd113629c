"""Reconstructing much as a job, series by series: some resources, or the whole archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nephele.domain.jobs import Job
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.hierarchy import descendants
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import run_or_wait, submit
from nephele.services.reconstruct import reconstruct

INSTANCES_AT_ONCE = 1000
"""What is reconstructed within a call, whose time is short, without a job."""
FILES_AT_ONCE = 20
"""As many, where files are written anew."""

_RESOURCES = "Resources"
_FILES = "ReconstructFiles"
_LEFT = "FailedInstancesCount"
_CONTENT = {"Description": "REST API", "SeriesCount": 0}


def is_much(archive: Archive, resource: Resource, *, has_files: bool = False) -> bool:
    """Tell whether reconstructing a resource, its files too, may take longer than a call."""
    if has_files and archive.configuration.ingest_transcoding:
        return True
    return resource.totals.instances > (FILES_AT_ONCE if has_files else INSTANCES_AT_ONCE)


def reconstruct_by_job(
    archive: Archive, ids: Sequence[OrthancId] | None, *, has_files: bool = False
) -> Job:
    """Reconstruct resources, None for all there are, and wait as long as a call may."""
    request: dict[str, Any] = {} if ids is None else {_RESOURCES: sorted(ids)}
    job_type, content = "Reconstruct", dict(_CONTENT)
    if has_files:
        job_type, request[_FILES], content[_LEFT] = "ReconstructFiles", True, 0
    return run_or_wait(archive, submit(archive, job_type, request, content=content))


def run(archive: Archive, piece: Slice) -> bool:
    """Reconstruct one series after the other, with all that is above it."""
    total = _total(archive, piece)
    for top in _iter_tops(archive, piece):
        for series in _iter_series(archive, top, piece.position.get("series", "")):
            if not piece.has_time():
                return False
            if piece.request.get(_FILES) and not _rewrite(archive, series, piece):
                return False
            reconstruct(archive, series)
            piece.content["SeriesCount"] += 1
            piece.position["series"] = series.orthanc_id
            piece.position.pop("instance", None)
            piece.checkpoint(piece.progress)
        piece.position = {"after": top.orthanc_id, "done": piece.position.get("done", 0) + 1}
        piece.checkpoint(piece.position["done"] / max(total, piece.position["done"]))
    return True


def _rewrite(archive: Archive, series: Resource, piece: Slice) -> bool:
    """Write the files of a series anew; tell whether there was the time for all of them."""
    from nephele.services.rewriting import iter_rewriting  # and all that transcodes

    after = piece.position.get("instance", "")
    for identifier, is_done in iter_rewriting(archive, series, after):
        piece.content[_LEFT] = piece.content.get(_LEFT, 0) + (not is_done)
        piece.position["instance"] = identifier
        if not piece.has_time():
            return False
    return True


def _total(archive: Archive, piece: Slice) -> int:
    if _RESOURCES in piece.request:
        return len(piece.request[_RESOURCES])
    return archive.index.totals().patients


def _iter_tops(archive: Archive, piece: Slice) -> Iterator[Resource]:
    """Yield what is left, in ascending order of ids; what was deleted meanwhile is left out."""
    after = OrthancId(piece.position.get("after", ""))
    if _RESOURCES in piece.request:
        ids = iter([OrthancId(one) for one in piece.request[_RESOURCES] if one > after])
    else:
        ids = archive.index.iter_level(Level.PATIENT, after or None)
    for orthanc_id in ids:
        resource = archive.index.resource(orthanc_id)
        if resource is not None:
            yield resource


def _iter_series(archive: Archive, top: Resource, after: str) -> Iterator[Resource]:
    if top.level is Level.SERIES:
        yield top
        return
    for orthanc_id in descendants(archive, top, Level.SERIES):
        resource = archive.index.resource(orthanc_id) if orthanc_id > after else None
        if resource is not None:
            yield resource
