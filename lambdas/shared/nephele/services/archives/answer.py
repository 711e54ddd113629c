"""Archives for calls: small ones at once, others by a job that is waited for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from nephele.aws import keys
from nephele.domain.jobs import Job
from nephele.domain.levels import Level
from nephele.domain.resources import Resource
from nephele.domain.zip_file.plan import SEGMENT_BYTES
from nephele.errors import InexistentItem, UnknownResource
from nephele.services.archive import Archive
from nephele.services.archives.job import ZIP
from nephele.services.archives.layout import Layout, plan_layout
from nephele.services.archives.making import make_at_once
from nephele.services.archives.request import ArchiveRequest
from nephele.services.jobs.submit import JobOptions, submit, wait_for

_MOST_INSTANCES_AT_ONCE = 2_000
_JOB_TYPES = ("Archive", "Media")


@dataclass(frozen=True, slots=True)
class MadeArchive:
    """An archive that is there: in memory, or as an object.

    Attributes
    ----------
    name : str
        For the client.
    digest : str
        Names the bytes; "" where it is not known.
    """

    name: str
    size_bytes: int
    digest: str = ""
    body: bytes | None = None
    key: str = ""


def is_small(resources: Sequence[Resource]) -> bool:
    """Tell whether an archive of some resources is made within a call."""
    size_bytes = sum(
        one.file.size_bytes if one.file is not None else one.totals.size_bytes for one in resources
    )
    count = sum(1 if one.level is Level.INSTANCE else one.totals.instances for one in resources)
    return size_bytes <= SEGMENT_BYTES and count <= _MOST_INSTANCES_AT_ONCE


def make_small(
    archive: Archive, wanted: ArchiveRequest, name: str, etag: str, limit: int | None
) -> MadeArchive | None:
    """Return a small archive, None where the client has the one that is called `etag`.

    Parameters
    ----------
    limit : int or None
        What is larger is kept as an object.

    Raises
    ------
    NotReady
        A large instance is being transcoded: asking again will work.
    UnknownResource
        One of the resources does not exist.
    """
    for is_last_try in (False, True):
        layout = plan_layout(archive, wanted)
        if etag and etag == layout.digest:
            return None
        try:
            return _make(archive, layout, name, limit)
        except UnknownResource:  # an instance was deleted meanwhile
            if is_last_try:
                raise
    return None


def _make(archive: Archive, layout: Layout, name: str, limit: int | None) -> MadeArchive:
    key = keys.archive_key(layout.digest)
    if limit is not None and layout.raw_bytes > limit and archive.bucket.exists(key):
        return MadeArchive(name, archive.bucket.head(key).size_bytes, layout.digest, key=key)
    body = make_at_once(archive, layout)
    if limit is None or len(body) <= limit:
        return MadeArchive(name, len(body), layout.digest, body)
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    archive.bucket.put(key, body, {}, digest, ZIP)
    return MadeArchive(name, len(body), layout.digest, key=key)


def submit_archive(archive: Archive, wanted: ArchiveRequest, name: str, options: JobOptions) -> Job:
    """Submit the job that makes an archive; one that is not waited for is kept by itself."""
    request = wanted.to_document() | {"filename": name, "is_kept": not options.synchronous}
    content = {
        "Description": "REST API",
        "InstancesCount": 0,
        "UncompressedSizeMB": 0,
        "ArchiveSizeMB": 0,
        "UncompressedSize": "0",
        "ArchiveSize": "0",
        "Utf8": wanted.is_utf8,
    }
    if wanted.transcode:
        content["Transcode"] = wanted.transcode
    return submit(archive, wanted.job_type, request, options, content)


def await_archive(archive: Archive, identifier: str) -> MadeArchive | None:
    """Return the archive that a job makes, None where it takes longer still.

    Raises
    ------
    InexistentItem
        No job of that id makes an archive, or what it made is gone.
    NepheleError
        The job failed.
    """
    try:
        return made_by(archive, wait_for(archive, identifier))
    except UnknownResource as exc:
        raise InexistentItem("There is no such job") from exc


def made_by(archive: Archive, job: Job) -> MadeArchive | None:
    """Return the archive of a job that has ended well, None of one that has not ended.

    Raises
    ------
    InexistentItem
        It makes no archives, or the archive is gone.
    """
    if job.job_type not in _JOB_TYPES:
        raise InexistentItem("The job makes no archive")
    if not job.state.is_final:
        return None
    return kept_archive(archive, job)


def kept_archive(archive: Archive, job: Job) -> MadeArchive:
    """Return what a job has made, which is kept for a day.

    Raises
    ------
    InexistentItem
        It is gone.
    """
    try:
        size_bytes = archive.bucket.head(job.output).size_bytes
    except UnknownResource as exc:
        raise InexistentItem("The archive has expired") from exc
    digest = str(job.position.get("digest", ""))
    return MadeArchive(job.output_name, size_bytes, digest, key=job.output)
