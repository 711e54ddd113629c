"""Taking an instance in: its bytes are in the bucket before anybody is told so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from nephele.aws import clock, object_metadata
from nephele.aws.bucket import Bucket
from nephele.aws.index import codec, ended, records
from nephele.aws.index.table import Row
from nephele.aws.keys import FINAL, RAW, InstanceKey
from nephele.aws.multipart import PART_BYTES
from nephele.aws.tracing import log_step, traces_of
from nephele.domain.compression import compress_file
from nephele.domain.digests import Digests, digests_of
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import InspectedFile
from nephele.domain.provenance import Provenance
from nephele.domain.resources import StoredFile
from nephele.domain.transcoding.ingest import ingest_target
from nephele.domain.versions import beats
from nephele.services.archive import Archive
from nephele.services.archive_members import new_spool
from nephele.services.capacity import release, reserve


@dataclass(frozen=True, slots=True)
class Receipt:
    """An instance whose bytes are durable; `transcoding` says that its id may still change."""

    orthanc_id: OrthancId
    uuid: str
    received: str
    key: str
    transcoding: bool


def receive(
    archive: Archive,
    part10: BinaryIO,
    inspected: InspectedFile,
    provenance: Provenance,
    digests: Digests | None = None,
) -> Receipt:
    """Write a DICOM file to the bucket as it is; return when S3 has acknowledged it.

    Parameters
    ----------
    part10 : file
        The whole file, seekable; it is read from its beginning.
    digests : Digests, optional
        Its digests, where they are known already.

    Raises
    ------
    Unavailable
        S3 did not take it; nothing is stored, trying again will work.
    """
    target = ingest_target(inspected.transfer_syntax_uid, archive.configuration)
    file = write(archive, part10, inspected, provenance, RAW if target else FINAL, digests)
    orthanc_id = inspected.identity.orthanc_id(Level.INSTANCE)
    for trace in traces_of([file.uuid]):
        log_step("received", trace, bytes=file.size_bytes)
    return Receipt(orthanc_id, file.uuid, provenance.received, file.key, target is not None)


def write(
    archive: Archive,
    part10: BinaryIO,
    inspected: InspectedFile,
    provenance: Provenance,
    area: str,
    digests: Digests | None = None,
) -> StoredFile:
    """Write a file into an area of the bucket under a new uuid; up to 8 MiB in one request.

    Raises
    ------
    StorageFull
        There is no room for it under `MaximumStorageSize` or `MaximumPatientCount`.
    """
    orthanc_id = inspected.identity.orthanc_id(Level.INSTANCE)
    key = InstanceKey(area, orthanc_id, clock.new_uuid())
    patient = inspected.identity.orthanc_id(Level.PATIENT)
    reserve(archive, patient, key.uuid, inspected.size_bytes)
    try:
        return _write(archive, part10, inspected, provenance, key, digests)
    except BaseException:
        release(archive, [key.uuid])
        raise


def _write(
    archive: Archive,
    part10: BinaryIO,
    inspected: InspectedFile,
    provenance: Provenance,
    key: InstanceKey,
    digests: Digests | None,
) -> StoredFile:
    known = digests or digests_of(part10, inspected)
    part10.seek(0)
    file = StoredFile(
        str(key),
        key.uuid,
        inspected.size_bytes,
        known.md5.hex(),
        provenance,
        data_set_digest=known.data_set,
    )
    metadata = object_metadata.encode(
        provenance, file.md5, inspected.pixel_data_offset, file.data_set_digest
    )
    if key.area == FINAL and archive.configuration.storage_compression:
        return write_compressed(archive.bucket, part10, file, metadata)
    if inspected.size_bytes <= PART_BYTES:
        archive.bucket.put(str(key), part10.read(), metadata, known.md5)
    else:
        archive.bucket.put_large(str(key), part10, metadata)
    return file


def write_compressed(
    bucket: Bucket, plain: BinaryIO, file: StoredFile, metadata: Mapping[str, str]
) -> StoredFile:
    """Write a file's object compressed, and describe it so."""
    with new_spool() as spool:
        size_bytes, digest = compress_file(plain, spool)
        told = object_metadata.with_compression(metadata, file.size_bytes, digest.hex())
        if size_bytes <= PART_BYTES:
            bucket.put(file.key, spool.read(), told, digest)
        else:
            bucket.put_large(file.key, spool, told)
    return replace(file, compressed_bytes=size_bytes, compressed_md5=digest.hex())


def md5_of(file: BinaryIO) -> bytes:
    """Return the MD5 of a file, and set it back to its beginning."""
    file.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    file.seek(0)
    return digest.digest()


def unindexed(archive: Archive, receipts: Sequence[Receipt]) -> list[Receipt]:
    """Return those that a reader could not yet find.

    An instance that was sent before is found already, so its repetition does not count.
    """
    transcoded = records.receipts(
        archive.index.table, [receipt.uuid for receipt in receipts if receipt.transcoding]
    )
    ids = {receipt.uuid: transcoded.get(receipt.uuid, receipt.orthanc_id) for receipt in receipts}
    rows = archive.index.rows(set(ids.values()))
    overwrite = archive.configuration.overwrite_instances
    keys = [InstanceKey(FINAL, ids[receipt.uuid], receipt.uuid) for receipt in receipts]
    gone = ended.ended_among(archive.index.table, rows, keys)
    return [
        receipt
        for receipt in receipts
        if receipt.uuid not in gone
        and not _is_visible(rows.get(ids[receipt.uuid]), receipt, overwrite=overwrite)
    ]


def _is_visible(row: Row | None, receipt: Receipt, *, overwrite: bool) -> bool:
    if row is None or codec.is_deleted(row):
        return False
    holder = row["r"]["S"], row["v"]["S"]
    challenger = receipt.received, receipt.uuid
    return not beats(challenger, holder, overwrite_instances=overwrite)
