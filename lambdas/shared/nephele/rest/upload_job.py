"""Storing a large presigned upload as a job: an instance, or a ZIP archive of them."""

from __future__ import annotations

from nephele.rest import zip_job
from nephele.rest.zip_job import describe
from nephele.services.adopt_upload import adopt_large
from nephele.services.archive import Archive
from nephele.services.archive_members import is_zip
from nephele.services.jobs.slices import Slice
from nephele.services.upload_steps import KEY, complete_upload, remove_upload


def run(archive: Archive, piece: Slice) -> bool:
    """Finish the upload, and store what it brought; the job's content is Orthanc's answer."""
    if not piece.content and not _store(archive, piece):
        return False
    remove_upload(archive, piece)
    return True


def _store(archive: Archive, piece: Slice) -> bool:
    """Store the upload as far as there is time; tell whether it is stored, and the answer kept."""
    complete_upload(archive, piece)
    if zip_job.is_answered(piece) or _is_zip(archive, piece):
        return zip_job.run(archive, piece)
    stored = adopt_large(archive, piece)
    if stored is None:
        return False
    piece.content |= describe(stored)
    piece.checkpoint(1.0)
    return True


def _is_zip(archive: Archive, piece: Slice) -> bool:
    with archive.bucket.object(piece.request[KEY]) as file:
        return is_zip(file)
