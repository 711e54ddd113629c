"""Transcoding on ingest: raw objects become final ones, whatever happens."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from nephele.aws import object_metadata
from nephele.aws.bucket import PART_BYTES, ObjectHead
from nephele.aws.index import records
from nephele.aws.keys import FINAL, RAW, InstanceKey, parse_instance_key
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import inspect_part10
from nephele.domain.transcoding import transcode
from nephele.domain.transcoding.ingest import ingest_target
from nephele.errors import BadFileFormat, NotTranscodable, UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.settings.configuration import Configuration

LARGEST_TRANSCODED_BYTES = 512 << 20
"""Source and result have to fit into the function's memory together."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """A file to be stored; `failure` says why it is still the original."""

    encoded: bytes
    failure: str = ""


def transcode_file(configuration: Configuration, encoded: bytes, target: str) -> Ingested:
    """Transcode a file on its way in; one that cannot be transcoded is kept as it came."""
    try:
        result = transcode(encoded, target, configuration.dicom_lossy_transcoding_quality)
    except (NotTranscodable, BadFileFormat) as exc:
        logger.warning("ingest transcoding failed", extra={"target": target, "reason": str(exc)})
        return Ingested(encoded, str(exc))
    return Ingested(result.encoded)


def transcode_object(
    archive: Archive, raw_key: str, *, is_last_try: bool = False
) -> OrthancId | None:
    """Write the final object of a raw one, then remove the raw one.

    The final key has the raw one's uuid, and what stands there is never written again: the index
    may know its size and offsets already. What is too large for the function's memory stays as it
    came.

    Parameters
    ----------
    is_last_try : bool
        Keep it as it came: what was tried before may have killed the function.

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
        if is_last_try or head.size_bytes > LARGEST_TRANSCODED_BYTES:
            orthanc_id = _copy_unchanged(archive, key, head)
        else:
            encoded = archive.bucket.read(raw_key)
            orthanc_id = _write_final(archive, key, encoded, dict(head.metadata))
    except UnknownResource:
        return None
    records.put_receipt(archive.index.table, key.uuid, orthanc_id)
    archive.bucket.delete(raw_key)
    return orthanc_id


def _copy_unchanged(archive: Archive, key: InstanceKey, head: ObjectHead) -> OrthancId:
    reason = "it is too large to be transcoded, or transcoding it was given up"
    logger.warning("ingest transcoding failed", extra={"key": head.key, "reason": reason})
    final_key = str(InstanceKey(FINAL, key.orthanc_id, key.uuid))
    described = object_metadata.with_failure(head.metadata, reason)
    if not archive.bucket.exists(final_key):
        archive.bucket.copy(head.key, final_key, described, head.size_bytes)
    return key.orthanc_id


def _write_final(
    archive: Archive, key: InstanceKey, encoded: bytes, metadata: dict[str, str]
) -> OrthancId:
    encoding = archive.configuration.default_encoding
    source = inspect_part10(io.BytesIO(encoded), encoding)
    target = ingest_target(source.transfer_syntax_uid, archive.configuration)
    result = Ingested(encoded)
    if target is not None:
        result = transcode_file(archive.configuration, encoded, target)
    final = inspect_part10(io.BytesIO(result.encoded), encoding)
    orthanc_id = final.identity.orthanc_id(Level.INSTANCE)
    digest = hashlib.md5(result.encoded, usedforsecurity=False).digest()
    described = object_metadata.encode(
        object_metadata.decode_provenance(metadata), digest.hex(), final.pixel_data_offset
    )
    if result.failure:
        described = object_metadata.with_failure(described, result.failure)
    final_key = str(InstanceKey(FINAL, orthanc_id, key.uuid))
    if archive.bucket.exists(final_key):
        return orthanc_id
    if len(result.encoded) <= PART_BYTES:
        archive.bucket.put(final_key, result.encoded, described, digest)
    else:
        archive.bucket.put_large(final_key, io.BytesIO(result.encoded), described)
    return orthanc_id
