"""Uploads over REST: one file, gzip, or a ZIP archive."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO
from uuid import UUID, uuid5
from zipfile import ZipInfo

from nephele.aws import clock, keys
from nephele.aws.index import jobs
from nephele.domain.provenance import Provenance
from nephele.errors import BadFileFormat
from nephele.services.archive import Archive
from nephele.services.archive_members import (
    Bounds,
    ZipMembers,
    free_bytes,
    gunzipped,
    is_zip,
    open_zip,
)
from nephele.services.store import REFUSALS, Staged, Stored, commit_all, stage, store

MEMBERS_IN_CALL = 100
"""Most members of a ZIP archive that are stored within a call, without a job."""
STORE_ZIP = "StoreZip"
"""The kind of job that stores a ZIP archive."""

MEMBERS_AT_ONCE = 20
"""Most members of a ZIP archive that are unpacked and stored together."""
_WRITERS = 8
_BODIES = UUID("6a4ab1d5-6f0a-4a43-9a43-0f6c9b0c2f0e")
"""Namespace of the names of ZIP archives that came as the body of one request."""


@dataclass(frozen=True, slots=True)
class StagedZip:
    """A ZIP archive in the bucket, which a job of the same identifier stores."""

    identifier: str

    @property
    def key(self) -> str:
        """The object's key."""
        return keys.upload_key(self.identifier)


def bounds_of(archive: Archive) -> Bounds:
    """Return the bounds the configuration sets for files inside archives."""
    return Bounds(archive.configuration.maximum_file_size_in_archive_mb)


def upload(
    archive: Archive, body: BinaryIO, provenance: Provenance, *, is_gzip: bool = False
) -> Stored | list[Stored]:
    """Store what one request brought: a DICOM file, or all files of a ZIP archive.

    As in Orthanc, gzip is for a single file.

    Raises
    ------
    BadFileFormat
        It is empty or not DICOM.
    """
    if is_gzip:
        with gunzipped(body, bounds_of(archive)) as inflated:
            return store(archive, _not_empty(inflated), provenance)
    if is_zip(body):
        with open_zip(body, bounds_of(archive)) as archived:
            return _store_all(archive, archived, provenance)
    return store(archive, _not_empty(body), provenance)


def stage_zip(archive: Archive, body: BinaryIO, provenance: Provenance) -> StagedZip | None:
    """Put a ZIP archive of many members into the bucket, for a job; None for any other body.

    The same bytes, sent again by the same user while the job is under way, are the same archive.

    Raises
    ------
    BadFileFormat, FileTooLarge, StorageFull
        It cannot be read, or not within the bounds; nothing is kept.
    """
    if not is_zip(body):
        return None
    with open_zip(body, bounds_of(archive)) as archived:
        if len(archived.members) <= MEMBERS_IN_CALL:
            return None
    body.seek(0)
    digest = hashlib.file_digest(body, "sha256").hexdigest()  # type: ignore[arg-type]
    identifier = str(uuid5(_BODIES, f"{provenance.http_username}#{digest}"))
    job = jobs.job(archive.index.table, identifier)
    if job is not None and not job.state.is_final:
        return StagedZip(identifier)
    staged = StagedZip(identifier if job is None else clock.new_uuid())
    body.seek(0)
    archive.bucket.put_large(staged.key, body, {})
    return staged


def next_group(members: Sequence[ZipInfo], start: int) -> Sequence[ZipInfo]:
    """Return the members from `start` on that are stored together: one, or more with room for all.

    Half of the room is left: what transcoding makes of them lies beside them.
    """
    left, end = free_bytes() // 2, start
    while end < min(start + MEMBERS_AT_ONCE, len(members)):
        left -= members[end].file_size
        if left < 0 and end > start:
            break
        end += 1
    return members[start:end]


def store_group(
    archive: Archive, archived: ZipMembers, group: Sequence[ZipInfo], provenance: Provenance
) -> list[Stored]:
    """Store the DICOM files among a group of members, in order; skip others as Orthanc.

    They are written at once, then indexed together: those of one series share a commit.
    """
    with ThreadPoolExecutor(_WRITERS) as pool, ExitStack() as opened:
        files = [opened.enter_context(archived.open(member)) for member in group]
        staged = pool.map(lambda file: _stage_member(archive, file, provenance), files)
        return commit_all(archive, [entry for entry in staged if entry is not None])


def _store_all(archive: Archive, archived: ZipMembers, provenance: Provenance) -> list[Stored]:
    stored: list[Stored] = []
    done = 0
    while group := next_group(archived.members, done):
        stored += store_group(archive, archived, group, provenance)
        done += len(group)
    return stored


def _stage_member(archive: Archive, file: BinaryIO, provenance: Provenance) -> Staged | None:
    try:
        return stage(archive, _not_empty(file), _received_now(provenance))
    except REFUSALS:
        return None  # as in Orthanc: what is no instance does not stop the others


def _not_empty(file: BinaryIO) -> BinaryIO:
    if not file.read(1):
        raise BadFileFormat("Received an empty DICOM file")
    file.seek(0)
    return file


def _received_now(provenance: Provenance) -> Provenance:
    return replace(provenance, received=clock.now())
