"""Steps of the jobs that finish large presigned uploads: any of them may be done again.

A worker may die in each of them, and one that was thought dead may go on beside its successor. So
a step looks at what S3 has, and writes what the other would have written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from nephele.aws import multipart
from nephele.aws.bucket import CONTENT_TYPE
from nephele.aws.clients import was_repeated
from nephele.aws.multipart import COPIES_AT_ONCE, MultipartUpload, copy_ranges
from nephele.aws.read_ahead import ReadAhead
from nephele.batches import batched
from nephele.errors import Unavailable, UnknownResource
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice

KEY = "Key"
UPLOAD_ID = "UploadId"
ETAGS = "ETags"
PROVENANCE = "Provenance"
TARGET = "Target"
"""Names in the requests of such jobs."""

_BEGUN = "Begun"
_COMPLETE = "Complete"
_COPY = "Copy"
_COPIED = "Copied"
_AT_IT = "upload: S3 may still be completing it"
_READING_SECONDS = 600.0
"""How long an object is read for its digests: a function has 15 minutes."""


def complete_once(archive: Archive, key: str, upload_id: str, etags: Sequence[str]) -> None:
    """Let S3 make an object of the parts a client wrote, unless it has.

    Raises
    ------
    UnknownResource
        There is neither such an upload nor its object.
    ParameterOutOfRange
        These are not its parts.
    Unavailable
        S3 has neither: it may be at it since an attempt whose answer was lost.
    """
    try:
        archive.bucket.upload(key, upload_id).complete_as_told(etags)
    except UnknownResource as exc:
        if archive.bucket.exists(key):
            return  # a try before this one finished it, and did not come further
        if was_repeated(exc):
            raise Unavailable(_AT_IT) from exc
        raise


def complete_upload(archive: Archive, piece: Slice) -> None:
    """Let S3 make an object of the parts, which may take minutes; once.

    Raises
    ------
    UnknownResource, ParameterOutOfRange, Unavailable
        As `complete_once`, whose attempts before count as well.
    """
    if _COMPLETE in piece.position:
        return
    request, is_first = piece.request, _BEGUN not in piece.position
    piece.position[_BEGUN] = True
    piece.checkpoint()
    try:
        etags = archive.bucket.read_json(request[ETAGS])
        complete_once(archive, request[KEY], request[UPLOAD_ID], etags)
    except UnknownResource as exc:
        if is_first:
            raise
        raise Unavailable(_AT_IT) from exc
    piece.position[_COMPLETE] = True
    piece.checkpoint()


@contextmanager
def reading(archive: Archive, key: str, size_bytes: int) -> Iterator[BinaryIO]:
    """Open an object that is read from one end to the other."""
    with ReadAhead(archive.bucket, key, size_bytes) as file:
        yield cast("BinaryIO", file)


def reading_time() -> Callable[[], bool]:
    """Return what tells whether there is time left to read an object."""
    end = time.monotonic() + _READING_SECONDS
    return lambda: time.monotonic() < end


def is_copied(piece: Slice) -> bool:
    """Tell whether the object stands where it belongs; it may have been moved on from there."""
    return _COPIED in piece.position


def note_copied(piece: Slice) -> None:
    """Keep that the object stands where it belongs."""
    piece.position[_COPIED] = True
    piece.checkpoint()


def copy_upload(
    archive: Archive, piece: Slice, target: str, metadata: Mapping[str, str], size_bytes: int
) -> bool:
    """Copy the object to where it belongs, as far as there is time; tell whether it is there."""
    if is_copied(piece):
        return True
    if size_bytes > multipart.COPY_PART_BYTES:
        is_done = _copy_in_parts(archive, piece, target, metadata, size_bytes)
    else:
        is_done = piece.has_time()
        if is_done and not archive.bucket.exists(target):
            archive.bucket.copy(piece.request[KEY], target, metadata, size_bytes)
    if is_done:
        note_copied(piece)
    return is_done


def _copy_in_parts(
    archive: Archive, piece: Slice, target: str, metadata: Mapping[str, str], size_bytes: int
) -> bool:
    """Copy the parts that S3 does not list yet; tell whether the object is whole."""
    if _COPY not in piece.position:
        begun = archive.bucket.begin_upload(target, CONTENT_TYPE, metadata)
        piece.position[_COPY] = begun.upload_id
        piece.checkpoint()
    upload = archive.bucket.upload(target, piece.position[_COPY])
    try:
        if not _copy_missing(upload, piece, copy_ranges(size_bytes)):
            return False
        etags = upload.etags()  # those of the parts that count, whoever wrote them last
        upload.complete([etags[number] for number in sorted(etags)])
    except UnknownResource:
        archive.bucket.head(piece.request[KEY])
        if not archive.bucket.exists(target):  # it was given up: after a week the bucket does that
            del piece.position[_COPY]
            return False
    return True


def _copy_missing(upload: MultipartUpload, piece: Slice, ranges: Mapping[int, str]) -> bool:
    done = upload.etags()
    missing = [number for number in ranges if number not in done]
    count = len(ranges) - len(missing)
    for batch in batched(missing, COPIES_AT_ONCE):
        if not piece.has_time():
            return False
        upload.copy_parts(piece.request[KEY], {number: ranges[number] for number in batch})
        count += len(batch)
        piece.checkpoint(count / len(ranges))
    return True


def remove_upload(archive: Archive, piece: Slice) -> None:
    """Remove what was uploaded, and what the job worked from."""
    archive.bucket.delete(piece.request[KEY])
    archive.bucket.delete(piece.request[ETAGS])
