"""Making a large presigned upload an instance: it is read once, then copied inside the bucket."""

from __future__ import annotations

from dataclasses import replace

from nephele.aws import object_metadata
from nephele.aws.index import records
from nephele.aws.index.commit import Entry
from nephele.aws.keys import FINAL, RAW, InstanceKey
from nephele.domain.digests import digests_in_time
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.part10 import inspect_part10
from nephele.domain.resources import StoredFile, StoreStatus
from nephele.domain.transcoding.ingest import ingest_target
from nephele.errors import NepheleError
from nephele.services.archive import Archive
from nephele.services.capacity import release, reserve
from nephele.services.index_objects import not_yet_indexed, read_object_header
from nephele.services.jobs.slices import Slice
from nephele.services.overrides import followed
from nephele.services.store import REFUSALS, Stored, commit_all
from nephele.services.upload_steps import (
    KEY,
    PROVENANCE,
    copy_upload,
    is_copied,
    note_copied,
    reading,
    reading_time,
)

_INSTANCE = "Instance"
_DIGESTS = "Digests"


def adopt_large(archive: Archive, piece: Slice) -> Stored | None:
    """Make a finished upload an instance, as far as there is time; None where that is over.

    The object keeps the upload's uuid, so that whatever is done twice is the same. With ingest
    transcoding its event has it transcoded, and the id it came with is answered.

    Raises
    ------
    BadFileFormat, BadParameterType, MissingIdentifier
        It is no instance; the upload is removed. At any other error it stays, for another try.
    StorageFull
        There is no room for it.
    """
    for step in (_inspect, _digest, _copy):
        if not step(archive, piece):
            return None
    return _commit(archive, piece)


def _inspect(archive: Archive, piece: Slice) -> bool:
    """Walk over the file, to say which instance it is."""
    if _INSTANCE in piece.position:
        return True
    encoding = followed(archive).default_encoding
    try:
        with archive.bucket.object(piece.request[KEY]) as file:
            inspected = inspect_part10(file, encoding)
    except REFUSALS:
        archive.bucket.delete(piece.request[KEY])
        raise
    target = ingest_target(inspected.transfer_syntax_uid, archive.configuration)
    piece.position[_INSTANCE] = {
        "Ids": {level.value: inspected.identity.orthanc_id(level) for level in ORDER},
        "Area": RAW if target else FINAL,
        "Size": inspected.size_bytes,
        "PixelData": inspected.pixel_data_offset,
        "Encoding": encoding,
    }
    piece.checkpoint()
    return True


def _digest(archive: Archive, piece: Slice) -> bool:
    """Read the file once for its digests; those of what takes too long are left out.

    A digest cannot be gone on with by another worker, so one slice reads all of it.
    """
    if _DIGESTS in piece.position:
        return True
    if not piece.has_time():
        return False
    with reading(archive, piece.request[KEY], piece.position[_INSTANCE]["Size"]) as file:
        digests = digests_in_time(file, reading_time())
    known = ["", ""] if digests is None else [digests.md5.hex(), digests.data_set]
    piece.position[_DIGESTS] = known
    piece.checkpoint()
    return True


def _copy(archive: Archive, piece: Slice) -> bool:
    """Copy the object to where received ones stand, into room that is reserved.

    Where a worker before has come that far the room is reserved, or what it was for is counted.
    """
    if is_copied(piece):
        return True
    found, (md5, data_set) = piece.position[_INSTANCE], piece.position[_DIGESTS]
    provenance = object_metadata.decode_provenance(piece.request[PROVENANCE])
    metadata = object_metadata.encode(provenance, md5, found["PixelData"], data_set)
    key = _key(piece)
    if not archive.bucket.exists(str(key)):
        if _is_settled(archive, key):
            note_copied(piece)
            return True
        reserve(archive, OrthancId(found["Ids"][Level.PATIENT.value]), key.uuid, found["Size"])
    try:
        return copy_upload(archive, piece, str(key), metadata, found["Size"])
    except NepheleError:
        release(archive, [key.uuid])
        raise


def _is_settled(archive: Archive, key: InstanceKey) -> bool:
    """Tell whether an object that is not there was: it was transcoded, or its reception ended."""
    if key.area == RAW and records.receipts(archive.index.table, [key.uuid]):
        return True
    return not not_yet_indexed(archive, [key])


def _key(piece: Slice) -> InstanceKey:
    found = piece.position[_INSTANCE]
    orthanc_id = OrthancId(found["Ids"][Level.INSTANCE.value])
    return InstanceKey(found["Area"], orthanc_id, piece.request[KEY].rpartition("/")[2])


def _commit(archive: Archive, piece: Slice) -> Stored:
    """Index the instance; its header is read from the upload, which nobody else removes."""
    found, (md5, data_set) = piece.position[_INSTANCE], piece.position[_DIGESTS]
    if found["Area"] == RAW:
        ids = {level: OrthancId(found["Ids"][level.value]) for level in ORDER}
        return Stored(StoreStatus.SUCCESS, ids)
    key, provenance = _key(piece), object_metadata.decode_provenance(piece.request[PROVENANCE])
    header, _ = read_object_header(archive, piece.request[KEY], found["Encoding"])
    file = StoredFile(str(key), key.uuid, found["Size"], md5, provenance, data_set_digest=data_set)
    stored = commit_all(archive, [Entry(header, file)])[0]
    if _is_anothers(archive, key):
        return replace(stored, status=StoreStatus.ALREADY_STORED)
    return stored


def _is_anothers(archive: Archive, key: InstanceKey) -> bool:
    """Tell whether another reception serves the instance, and stays.

    The object's event may have found that out before, and let this reception end: a commit has
    nothing to say to that.
    """
    instance = archive.index.resource(key.orthanc_id)
    serves = None if instance is None or instance.file is None else instance.file.uuid
    return serves not in (None, key.uuid) and not archive.configuration.overwrite_instances
