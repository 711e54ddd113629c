"""The jobs that make archives and media.

The job itself does one step after the other; of a large archive it lets helpers do some. All of
them claim steps, so that whoever is there does what is left, and only the job ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nephele.aws import keys
from nephele.domain.zip_file.plan import SEGMENT_BYTES
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.archives.contents import Content
from nephele.services.archives.layout import Layout, plan_layout
from nephele.services.archives.making import (
    MAKING,
    PACKING,
    Parts,
    contents_of,
    make_step,
    steps_before,
)
from nephele.services.archives.packer import Packer
from nephele.services.archives.request import ArchiveRequest
from nephele.services.archives.workshop import Workshop
from nephele.services.derived import NotReady
from nephele.services.jobs.submit import JobOptions, submit

if TYPE_CHECKING:
    from nephele.services.jobs.slices import Slice

ZIP = "application/zip"
HELPER = "ArchiveHelper"
_STEPS_OF_A_HELPER = 4
_MOST_HELPERS = 7
_MOST_BEGINNINGS = 3
_WAIT_SECONDS = 2
_MEGABYTE = 1 << 20
_HALF = 0.5


def run(archive: Archive, piece: Slice) -> bool:
    """Go on with an archive; begin anew where one of its instances was deleted meanwhile."""
    try:
        return _run(archive, piece)
    except NotReady:
        piece.wait(_WAIT_SECONDS)
        return False
    except UnknownResource:
        beginnings = piece.position.get("beginnings", 1)
        if beginnings >= _MOST_BEGINNINGS:
            raise
        piece.position.clear()
        piece.position["beginnings"] = beginnings + 1
        piece.checkpoint(0)
        return False


def _run(archive: Archive, piece: Slice) -> bool:
    layout, workshop = _begin(archive, piece)
    key = _output_key(piece, workshop)
    if archive.bucket.exists(key):
        _end(archive, piece, key)
        return True
    contents = _contents(archive, piece, layout, workshop)
    if contents is None:
        return False
    with Packer(archive, layout, contents) as packer:
        return _pack(piece, packer, workshop, key)


def _output_key(piece: Slice, workshop: Workshop) -> str:
    """Return where the archive is kept: what a call waits for is there for the next call too."""
    if piece.request["is_kept"]:
        return keys.archive_work_key(workshop.digest, workshop.name, "zip")
    return keys.archive_key(workshop.digest)


def _begin(archive: Archive, piece: Slice) -> tuple[Layout, Workshop]:
    """Return what is made, and where; it is read from the index when the job begins."""
    position = piece.position
    if "digest" in position:
        workshop = _workshop(archive, piece)
        return workshop.layout(), workshop
    layout = plan_layout(archive, ArchiveRequest.from_document(piece.request))
    position["digest"] = layout.digest
    position["is_shared"] = layout.raw_bytes >= 2 * _STEPS_OF_A_HELPER * SEGMENT_BYTES
    workshop = _workshop(archive, piece)
    workshop.put_layout(layout)
    piece.content |= {
        "InstancesCount": len(layout.leaves),
        "UncompressedSize": str(layout.raw_bytes),
        "UncompressedSizeMB": layout.raw_bytes // _MEGABYTE,
    }
    piece.checkpoint(0)
    return layout, workshop


def _workshop(archive: Archive, piece: Slice) -> Workshop:
    """Return the workshop of a job; one that begins anew has another, as it has another upload."""
    position = piece.position
    name = f"{piece.job.identifier}/{position.get('beginnings', 1)}"
    return Workshop(archive, position["digest"], name, is_shared=position["is_shared"])


def _contents(
    archive: Archive, piece: Slice, layout: Layout, workshop: Workshop
) -> list[Content] | None:
    """Return what stands for each instance, None where more time is needed to make it."""
    steps = steps_before(layout)
    if not steps:
        return contents_of(layout, [])
    count = len(steps)
    _call_helpers(archive, piece, workshop, MAKING, count)

    def make(number: int) -> None:
        workshop.keep(MAKING, number, make_step(archive, layout, steps[number]))
        piece.checkpoint(_HALF * (number + 1) / count)

    if not workshop.work(MAKING, range(count), make, piece.has_time):
        return None
    if not _is_done(piece, workshop, MAKING, count):
        return None
    results = workshop.results(MAKING, range(count))
    return contents_of(layout, [results[number] for number in range(count)])


def _pack(piece: Slice, packer: Packer, workshop: Workshop, key: str) -> bool:
    """Make the segments; of the last one and what ends the file, an object when all are there."""
    archive, position = packer.archive, piece.position
    if "upload" not in position:
        position["upload"] = archive.bucket.begin_upload(key, ZIP).upload_id
        piece.checkpoint()
    count = len(packer.segments) - 1
    _call_helpers(archive, piece, workshop, PACKING, count)
    start = piece.progress

    def pack(number: int) -> None:
        parts.step(packer, number)
        piece.checkpoint(start + (1 - start) * len(parts.made) / (count + 1))

    with Parts(workshop, key, position["upload"]) as parts:
        is_over = workshop.work(PACKING, packer.order(), pack, piece.has_time, packer.needs)
        parts.finish()
        if not is_over or not _is_done(piece, workshop, PACKING, count):
            return False
        parts.complete(packer)
    _end(archive, piece, key)
    return True


def _is_done(piece: Slice, workshop: Workshop, stage: str, count: int) -> bool:
    """Tell whether helpers too have done what they claimed; if not, look again after a while."""
    if not workshop.is_shared or len(workshop.done(stage)) >= count:
        return True
    piece.wait(_WAIT_SECONDS)
    return False


def _end(archive: Archive, piece: Slice, key: str) -> None:
    size_bytes = archive.bucket.head(key).size_bytes
    piece.content |= {
        "ArchiveSize": str(size_bytes),
        "ArchiveSizeMB": size_bytes // _MEGABYTE,
    }
    piece.set_output(key, piece.request["filename"])


def _call_helpers(
    archive: Archive, piece: Slice, workshop: Workshop, stage: str, steps: int
) -> None:
    """Submit helpers for a stage, once; they begin at different steps."""
    called = piece.position.get("helped", [])
    if not workshop.is_shared or stage in called:
        return
    count = min(steps // _STEPS_OF_A_HELPER, _MOST_HELPERS)
    options = JobOptions(synchronous=False, priority=piece.job.priority)
    for number in range(count):
        request: dict[str, Any] = {
            "job": piece.job.identifier,
            "workshop": workshop.name,
            "digest": workshop.digest,
            "stage": stage,
            "upload": piece.position.get("upload", ""),
            "key": _output_key(piece, workshop),
            "first": steps * (number + 1) // (count + 1),
        }
        submit(archive, HELPER, request, options)
    piece.position["helped"] = [*called, stage]
    piece.checkpoint()
