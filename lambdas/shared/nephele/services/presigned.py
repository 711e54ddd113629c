"""Presigned uploads: begun, finished and given up by a client that writes the parts by itself.

What is large is left to a job, from S3's completion of the upload on: none of that is bounded by
what a call may take. The job has the upload's own identifier, or one that follows from it and what
is asked for: who asks again is told of the same job, and of its answer for an hour.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from nephele.aws import clock, keys, object_metadata
from nephele.aws.index import jobs
from nephele.domain.jobs import Document, Job, JobState
from nephele.domain.provenance import Provenance
from nephele.errors import ParameterOutOfRange, UnknownResource
from nephele.services.archive import Archive
from nephele.services.archive_members import is_zip
from nephele.services.attachments import attach, require_attachable
from nephele.services.jobs import control
from nephele.services.jobs.submit import error_of, run_or_wait, submit
from nephele.services.revisions import Revision
from nephele.services.store import REFUSALS, Stored, adopt_upload
from nephele.services.upload_steps import ETAGS, KEY, PROVENANCE, TARGET, UPLOAD_ID, complete_once
from nephele.services.uploads import STORE_ZIP, StagedZip
from nephele.settings.limits import UPLOAD_EXPIRES_SECONDS

MAXIMUM_OBJECT_BYTES = 5 << 40
"""Largest object of S3 (Amazon S3 quotas: 5 TB)."""
PARTS_IN_CALL = 8
LARGEST_IN_CALL_BYTES = 64 << 20
"""What is finished within a call: so much is read whole, and comes in so many parts."""
STORE_UPLOAD = "StoreUpload"
ATTACH_UPLOAD = "AttachUpload"
"""The kinds of jobs that finish what is larger."""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload the client does by itself: part `n` is PUT to `part_urls[n]`."""

    identifier: str
    upload_id: str
    part_size_bytes: int
    part_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinishedUpload:
    """What a client tells of an upload it has done: its parts' ETags, in order."""

    identifier: str
    upload_id: str
    etags: Sequence[str]

    @property
    def key(self) -> str:
        """The object's key."""
        return keys.upload_key(self.identifier)


@dataclass(frozen=True, slots=True)
class Target:
    """The attachment an upload becomes, and the revision a client expects to replace."""

    identifier: str
    content_type: int
    expected: Revision | None


def open_upload(archive: Archive, size_bytes: int) -> OpenUpload:
    """Begin an upload that goes from the client to the bucket directly.

    Raises
    ------
    ParameterOutOfRange
        The size is not one an object can have.
    """
    if not 0 < size_bytes <= MAXIMUM_OBJECT_BYTES:
        raise ParameterOutOfRange("Size: an object has 1 byte to 5 TB")
    identifier = clock.new_uuid()
    upload = archive.bucket.begin_upload(keys.upload_key(identifier))
    presigned = upload.presign(size_bytes, UPLOAD_EXPIRES_SECONDS)
    return OpenUpload(
        identifier, presigned.upload_id, presigned.part_size_bytes, presigned.part_urls
    )


def finished_upload(identifier: str, upload_id: str, etags: Sequence[str]) -> FinishedUpload:
    """Return what a client tells; UnknownResource where the identifier is none."""
    return FinishedUpload(_require_uuid(identifier), upload_id, etags)


def complete_upload(
    archive: Archive, upload: FinishedUpload, provenance: Provenance
) -> Stored | StagedZip | Job:
    """Finish an upload and store what it brought; nothing of it stays when it is refused.

    ZIP archives and what is large are left to a job, which is waited for as long as a call may.
    """
    job = jobs.job(archive.index.table, upload.identifier)
    if job is not None and job.job_type == STORE_ZIP:
        return StagedZip(upload.identifier)
    if job is None and not _is_large(archive, upload):
        with archive.bucket.object(upload.key) as file:
            if is_zip(file):
                return StagedZip(upload.identifier)
        return adopt_upload(archive, upload.key, provenance)
    asked = {PROVENANCE: object_metadata.encode(provenance, "", None)}
    return _by_job(archive, STORE_UPLOAD, upload, upload.identifier, asked)


def complete_attachment(archive: Archive, upload: FinishedUpload, target: Target) -> Revision | Job:
    """Finish an upload and attach what it brought to a resource, whatever its size.

    Where it may not be attached the upload stays unfinished, for another target.

    Raises
    ------
    ReadOnlyItem, UnknownResource, BadRevision, StorageFull
        As `nephele.services.attachments.attach`.
    """
    tag = None if target.expected is None else target.expected.etag
    asked = [target.identifier, target.content_type, tag]
    identifier = str(uuid5(UUID(upload.identifier), repr(asked)))
    job = jobs.job(archive.index.table, identifier)
    if job is None or job.state is JobState.FAILURE:
        require_attachable(archive, target.identifier, target.content_type, target.expected)
    if job is None and not _is_large(archive, upload):
        return _attach(archive, upload, target)
    return _by_job(archive, ATTACH_UPLOAD, upload, identifier, {TARGET: asked})


def _is_large(archive: Archive, upload: FinishedUpload) -> bool:
    """Tell whether an upload is left to a job; what is not is finished then.

    Few parts may be large ones: a client need not cut them as it was told.
    """
    if len(upload.etags) > PARTS_IN_CALL:
        return True
    complete_once(archive, upload.key, upload.upload_id, upload.etags)
    return archive.bucket.head(upload.key).size_bytes > LARGEST_IN_CALL_BYTES


def _attach(archive: Archive, upload: FinishedUpload, target: Target) -> Revision:
    file = io.BytesIO(archive.bucket.read(upload.key))
    revision = attach(archive, target.identifier, target.content_type, file, target.expected)
    archive.bucket.delete(upload.key)
    return revision


def _by_job(
    archive: Archive, job_type: str, upload: FinishedUpload, identifier: str, asked: Document
) -> Job:
    """Let a job finish an upload, and wait for it as long as a call may.

    One that failed begins anew, with the parts that are told now, unless the file itself was
    refused. Parts are told by an object: a job's row is written every few seconds.
    """
    job = jobs.job(archive.index.table, identifier)
    if job is not None and job.job_type != job_type:
        raise UnknownResource("There is no such upload")
    is_anew = job is not None and _may_begin_anew(job)
    etags_key = keys.job_key(f"{identifier}.etags")
    if job is None or is_anew:
        archive.bucket.put_json(etags_key, list(upload.etags))
    if is_anew:
        control.resubmit(archive, identifier)
    if job is None or not job.state.is_final:
        request = {KEY: upload.key, UPLOAD_ID: upload.upload_id, ETAGS: etags_key, **asked}
        submit(archive, job_type, request, identifier=identifier)
    return run_or_wait(archive, control.get_job(archive, identifier))


def _may_begin_anew(job: Job) -> bool:
    return job.state is JobState.FAILURE and not isinstance(error_of(job), REFUSALS)


def abort_upload(archive: Archive, identifier: str, upload_id: str) -> None:
    """Give an upload up; its parts are removed."""
    archive.bucket.upload(keys.upload_key(_require_uuid(identifier)), upload_id).abort()


def _require_uuid(identifier: str) -> str:
    try:
        return str(UUID(identifier))
    except ValueError:
        raise UnknownResource("There is no such upload") from None
