"""Storing instances anew as the options now have it: Orthanc's `ReconstructFiles`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO, cast

from nephele.aws import clock, object_metadata
from nephele.aws.index.recompression import announce_object, discarded_at_failure
from nephele.aws.keys import FINAL, InstanceKey
from nephele.aws.read_ahead import ReadAhead
from nephele.domain.content_type import DICOM
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.domain.transcoding import ingest_target
from nephele.errors import (
    BadFileFormat,
    NothingToTranscode,
    NotTranscodable,
    StorageFull,
    UnknownResource,
)
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.hierarchy import descendants
from nephele.services.index_objects import read_object_header
from nephele.services.ingest_transcoding import count_failure
from nephele.services.plain_files import plain_key
from nephele.services.retrieve import file_of
from nephele.services.storage_compression import change_compression, serve
from nephele.services.transcode_objects import write_transcoded
from nephele.services.transcoding import begin_transcoding

_MOST_SECONDS = 600
"""What takes longer to transcode stays as it is: a function has 15 minutes."""


def iter_rewriting(
    archive: Archive, resource: Resource, after: str = ""
) -> Iterator[tuple[OrthancId, bool]]:
    """Store the files of a resource as `IngestTranscoding` and `StorageCompression` have it.

    Those that are so already stay; what is deleted meanwhile is left out. Each instance behind
    an id is yielded when it is done, in ascending order, and whether it is as it should be: one
    whose object is lost is not.
    """
    is_instance = resource.level is Level.INSTANCE
    ids = [resource.orthanc_id] if is_instance else descendants(archive, resource, Level.INSTANCE)
    for orthanc_id in sorted(one for one in ids if one > after):
        yield orthanc_id, _rewrite_if_there(archive, orthanc_id)


def _rewrite_if_there(archive: Archive, orthanc_id: OrthancId) -> bool:
    """Store an instance anew; True as well where the index has it no more."""
    try:
        return rewrite(archive, orthanc_id)
    except UnknownResource:
        if archive.index.resource(orthanc_id) is None:
            return True
    logger.error("object not found", extra={"instance": orthanc_id})
    return False


def rewrite(archive: Archive, orthanc_id: OrthancId) -> bool:
    """Store an instance as the options have it.

    The former object goes when the new one is written and serves the instance. What cannot be
    transcoded stays as it is: that is logged and counted, as on reception.

    Returns
    -------
    bool
        It is as the options have it.

    Raises
    ------
    UnknownResource
        There is no such instance any more, or its object is lost.
    """
    instance = archive.index.resource(orthanc_id)
    if instance is None:
        raise UnknownResource("")
    is_done = True
    target = ingest_target(instance.metadata.get("TransferSyntax", ""), archive.configuration)
    if target is not None:
        is_done = _try_to_transcode(archive, instance, target)
    is_compressed = archive.configuration.storage_compression
    change_compression(archive, orthanc_id, DICOM, is_compressed=is_compressed)
    return is_done


def _try_to_transcode(archive: Archive, instance: Resource, target: str) -> bool:
    end = time.monotonic() + _MOST_SECONDS
    try:
        _transcode(archive, instance, target, lambda: time.monotonic() < end)
    except NothingToTranscode:
        return True
    except (NotTranscodable, BadFileFormat, StorageFull) as exc:
        count_failure(target, str(exc))
        return False
    return True


def _transcode(
    archive: Archive, instance: Resource, target: str, has_time: Callable[[], bool]
) -> None:
    old = file_of(instance)
    provenance = object_metadata.decode_provenance(archive.bucket.head(old.key).metadata)
    key = InstanceKey(FINAL, instance.orthanc_id, clock.new_uuid())
    source = plain_key(archive.bucket, old)
    with (
        ReadAhead(archive.bucket, source, old.size_bytes) as opened,
        begin_transcoding(archive, cast("BinaryIO", opened), target) as transcoding,
    ):
        if transcoding.is_lossy:
            raise NotTranscodable("it would be another instance")
        if not announce_object(archive.index, instance, key.uuid):
            raise UnknownResource("")
        original_md5 = provenance.original_md5 or old.md5
        told = replace(provenance, transcoding_failure="", original_md5=original_md5)
        with discarded_at_failure(archive.index, str(key)):
            write_transcoded(archive, key, transcoding, told, has_time)
            header, head = read_object_header(archive, str(key))
    serve(archive, instance, object_metadata.stored_file(key, head), header)
