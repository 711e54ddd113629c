"""Transcoding on ingest: raw objects become final ones, whatever happens."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, cast

from nephele.aws import object_metadata
from nephele.aws.index import records
from nephele.aws.keys import FINAL, RAW, InstanceKey, parse_instance_key, staging_key
from nephele.aws.part_upload import HELD_BYTES, PartUpload, Staging
from nephele.aws.ranged_object import ObjectHead
from nephele.aws.read_ahead import ReadAhead
from nephele.aws.tracing import log_step, traces_of
from nephele.domain.compression import compress
from nephele.domain.digests import digests_in_time, digests_of
from nephele.domain.header import read_file_header
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId
from nephele.domain.part10 import inspect_part10
from nephele.domain.provenance import Provenance
from nephele.domain.transcoding import Transcoding, ingest_target
from nephele.errors import (
    BadFileFormat,
    Conflict,
    NothingToTranscode,
    NotTranscodable,
    StorageFull,
    UnknownResource,
)
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.capacity import release
from nephele.services.index_objects import LARGEST_HEADER_BYTES
from nephele.services.ingest_transcoding import (
    count_failure,
    known_instance,
    with_original,
)
from nephele.services.overrides import followed
from nephele.services.transcoding import TimedSink, begin_transcoding

_GIVEN_UP = "transcoding failed again and again, and was given up: the file is as it came"


def _always() -> bool:
    return True


def transcode_object(
    archive: Archive,
    raw_key: str,
    *,
    is_last_try: bool = False,
    has_time: Callable[[], bool] = _always,
) -> OrthancId | None:
    """Write the final object of a raw one, then remove the raw one.

    The object is read and written in parts, so it may have any size. The final key has the raw
    one's uuid, and what stands there is never written again: the index may know its size and
    offsets already.

    Parameters
    ----------
    is_last_try : bool
        Keep it as it came: what was tried before may have killed the function.
    has_time : callable
        Tells whether there is time left to transcode; what takes longer stays as it came.

    Returns
    -------
    OrthancId or None
        The instance's final id; None where there is nothing (more) to do.
    """
    key = parse_instance_key(raw_key)
    if key is None or key.area != RAW:
        return None
    try:
        head = archive.bucket.head(raw_key)
        if is_last_try:
            orthanc_id = _keep_failed(archive, key, head, _GIVEN_UP)
        else:
            orthanc_id = _write_final(archive, key, head, has_time)
    except UnknownResource:
        if archive.bucket.exists(raw_key):
            raise  # of something else: the message comes again
        return None
    records.put_receipt(archive.index.table, key.uuid, orthanc_id)
    archive.bucket.delete(raw_key)
    for trace in traces_of([key.uuid]):
        log_step("transcoded", trace)
    return orthanc_id


def _write_final(
    archive: Archive, key: InstanceKey, head: ObjectHead, has_time: Callable[[], bool]
) -> OrthancId:
    """Transcode an object if that is asked, else, or if it cannot be done, copy it."""
    configuration = followed(archive)
    with ReadAhead(archive.bucket, head.key, head.size_bytes) as opened:
        file = cast("BinaryIO", opened)
        header = read_file_header(file, configuration.default_encoding, LARGEST_HEADER_BYTES)
        target = ingest_target(header.transfer_syntax_uid, configuration)
        if target is None:
            return _copy(archive, key, head)
        try:
            with begin_transcoding(archive, file, target) as transcoding:
                return _transcode(archive, key, header.identity, head, transcoding, has_time)
        except NothingToTranscode:
            return _copy(archive, key, head)
        except (NotTranscodable, BadFileFormat, StorageFull) as exc:
            return _keep_failed(archive, key, head, str(exc), target)


def _transcode(
    archive: Archive,
    key: InstanceKey,
    identity: Identity,
    head: ObjectHead,
    transcoding: Transcoding,
    has_time: Callable[[], bool],
) -> OrthancId:
    if (known := known_instance(archive, transcoding)) is not None:
        release(archive, [key.uuid])
        return known
    orthanc_id = key.orthanc_id
    if transcoding.is_lossy:
        derived = replace(identity, sop_instance_uid=transcoding.sop_instance_uid)
        orthanc_id = derived.orthanc_id(Level.INSTANCE)
    final = InstanceKey(FINAL, orthanc_id, key.uuid)
    if archive.bucket.exists(str(final)):
        return orthanc_id
    provenance = object_metadata.decode_provenance(head.metadata)
    provenance = with_original(provenance, transcoding, head.metadata.get(object_metadata.MD5, ""))
    with _written_once(final):
        write_transcoded(archive, final, transcoding, provenance, has_time)
    return orthanc_id


def write_transcoded(
    archive: Archive,
    key: InstanceKey,
    transcoding: Transcoding,
    provenance: Provenance,
    has_time: Callable[[], bool],
) -> None:
    """Write the result of transcoding to a final key, compressed if `StorageCompression` is set.

    Raises
    ------
    NotTranscodable
        It cannot be done, or not within the time there is; nothing is written then.
    Conflict
        Another worker has written the object meanwhile.
    """
    with PartUpload(
        archive.bucket,
        str(key),
        lambda encoded: _describe(encoded, provenance),
        pack=_pack if archive.configuration.storage_compression else None,
        staging=Staging(
            staging_key(key.uuid), lambda file: _describe_large(file, provenance, has_time)
        ),
        is_new=True,
    ) as upload:
        transcoding.write(TimedSink(upload, has_time))


def _describe(encoded: bytes | None, provenance: Provenance) -> dict[str, str]:
    """Return the user metadata of a file that is held in memory."""
    if encoded is None:
        raise ValueError("what is not held is staged")
    inspected = inspect_part10(io.BytesIO(encoded))
    digests = digests_of(io.BytesIO(encoded), inspected)
    return object_metadata.encode(
        provenance, digests.md5.hex(), inspected.pixel_data_offset, digests.data_set
    )


def _describe_large(
    file: BinaryIO, provenance: Provenance, has_time: Callable[[], bool]
) -> dict[str, str]:
    """Return the user metadata of a file that is read for it, without digests if time runs out.

    Where its pixels begin the index finds out.
    """
    digests = digests_in_time(file, has_time)
    if digests is None:
        return object_metadata.encode(provenance, "", None)
    return object_metadata.encode(provenance, digests.md5.hex(), None, digests.data_set)


def _copy(
    archive: Archive, key: InstanceKey, head: ObjectHead, metadata: dict[str, str] | None = None
) -> OrthancId:
    """Let an object be final as it came."""
    bucket, final = archive.bucket, InstanceKey(FINAL, key.orthanc_id, key.uuid)
    if bucket.exists(str(final)):
        return key.orthanc_id
    described = dict(head.metadata) if metadata is None else metadata
    is_packed = archive.configuration.storage_compression and head.size_bytes <= HELD_BYTES
    with _written_once(final):
        if is_packed:
            encoded, told = _pack(bucket.read(head.key), described)
            bucket.put_whole(str(final), encoded, told, is_new=True)
        else:
            bucket.copy(head.key, str(final), described, head.size_bytes, is_new=True)
    return key.orthanc_id


@contextmanager
def _written_once(final: InstanceKey) -> Iterator[None]:
    """Leave an object that another worker has written meanwhile as it is: it may be indexed."""
    try:
        yield
    except Conflict:
        logger.info("another worker was first", extra={"key": str(final)})


def _pack(encoded: bytes, metadata: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """Compress a file for `StorageCompression`."""
    packed = compress(encoded)
    digest = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    return packed, object_metadata.with_compression(metadata, len(encoded), digest)


def _keep_failed(
    archive: Archive, key: InstanceKey, head: ObjectHead, reason: str, target: str = ""
) -> OrthancId:
    count_failure(target, reason)
    return _copy(archive, key, head, object_metadata.with_failure(head.metadata, reason))
