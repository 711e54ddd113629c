"""Indexing objects of the bucket: what the index function does for each batch of events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nephele.aws import object_metadata
from nephele.aws.index import ended
from nephele.aws.index.commit import Committer, Entry
from nephele.aws.keys import FINAL, InstanceKey, parse_instance_key
from nephele.aws.ranged_object import ObjectHead
from nephele.aws.tracing import log_step, traces_of
from nephele.domain.character_set import ENCODINGS
from nephele.domain.compression import inflate_beginning
from nephele.domain.header import InstanceHeader, read_file_header, read_header
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import Conflict, IdentifierMismatch, NepheleError, Unavailable, UnknownResource
from nephele.services.archive import Archive
from nephele.services.capacity import release
from nephele.services.overrides import followed
from nephele.services.plain_files import spool_file
from nephele.services.same_content import is_same_content

FIRST_READ_BYTES = 65_536
"""Most headers end below; a longer one costs a second request."""
LARGEST_HEADER_BYTES = 4 << 20
"""Longer headers are walked over with ranged reads: a batch's must fit into memory together."""
_READERS = 8


def index_objects(archive: Archive, keys: Sequence[str]) -> dict[str, NepheleError]:
    """Index objects by their keys, in any order, any number of times.

    Returns
    -------
    dict
        The keys that failed, with the reason; all others are indexed, or their objects are gone.
    """
    parsed = {key: parse_instance_key(key) for key in dict.fromkeys(keys)}
    wanted = [key for key in parsed.values() if key is not None and key.area == FINAL]
    missing = not_yet_indexed(archive, wanted)
    failures: dict[str, NepheleError] = {}
    by_series: dict[OrthancId, list[Entry]] = defaultdict(list)
    with ThreadPoolExecutor(_READERS) as pool:
        for key, result in zip(
            missing,
            pool.map(lambda key: read_entry(archive, key), missing),
            strict=True,
        ):
            if isinstance(result, Entry):
                series = result.header.identity.orthanc_id(Level.SERIES)
                by_series[series].append(result)
            elif result is not None:
                failures[str(key)] = result
    for received in by_series.values():
        entries = sorted(received, key=lambda entry: entry.file.reception)
        failures |= commit_entries(archive, entries)
    settled = set(wanted).difference(missing)  # a commit may have died before it released its room
    release(archive, [key.uuid for key in settled])
    return failures


def commit_entries(
    archive: Archive, entries: Sequence[Entry], *, is_rebuilding: bool = False
) -> dict[str, NepheleError]:
    """Index entries of one series; none fails for what is wrong with another."""
    try:
        committer(archive, is_rebuilding=is_rebuilding).commit(entries)
        release(archive, [entry.file.uuid for entry in entries])
        for trace in [] if is_rebuilding else traces_of(entry.file.uuid for entry in entries):
            log_step("indexed", trace)
    except NepheleError as error:
        if len(entries) == 1 or isinstance(error, Conflict | Unavailable):
            return {entry.file.key: error for entry in entries}
        alone = (commit_entries(archive, [entry], is_rebuilding=is_rebuilding) for entry in entries)
        return {key: error for failures in alone for key, error in failures.items()}
    return {}


def committer(archive: Archive, *, is_rebuilding: bool = False) -> Committer:
    """Return what commits entries under this archive's configuration."""
    return Committer(
        index=archive.index,
        overwrite_instances=archive.configuration.overwrite_instances,
        is_same_content=lambda one, other: is_same_content(archive.bucket, one, other),
        has_object=lambda file: archive.bucket.exists(file.key),
        is_rebuilding=is_rebuilding,
    )


def not_yet_indexed(archive: Archive, keys: Sequence[InstanceKey]) -> list[InstanceKey]:
    """Return those receptions of which the index does not know all it has to."""
    rows = archive.index.rows({key.orthanc_id for key in keys})
    settled = ended.settled_among(archive.index.table, rows, keys)
    return [key for key in keys if key.uuid not in settled]


def read_entry(archive: Archive, key: InstanceKey) -> Entry | NepheleError | None:
    """Read an object's header; None where the object is gone, so that nothing is to be done."""
    try:
        found = _read_as_received(archive, key)
        if found is None:
            return IdentifierMismatch("the object's key and its data set disagree")
        header, head = found
    except UnknownResource:
        return None
    except NepheleError as error:
        return error
    return Entry(header, object_metadata.stored_file(key, head))


def _read_as_received(
    archive: Archive, key: InstanceKey
) -> tuple[InstanceHeader, ObjectHead] | None:
    """Read an object's header under the default encoding it was received under.

    That may have been changed since, and the PatientID, on which the ids depend, may be text that
    declares no character set. None where no encoding gives the id in the key.
    """
    now = followed(archive).default_encoding
    for encoding in dict.fromkeys((now, archive.configuration.default_encoding, *ENCODINGS)):
        header, head = read_object_header(archive, str(key), encoding)
        if header.identity.orthanc_id(Level.INSTANCE) == key.orthanc_id:
            return header, head
    return None


def read_object_header(
    archive: Archive, key: str, default_encoding: str | None = None
) -> tuple[InstanceHeader, ObjectHead]:
    """Read the header of an object with ranged requests, up to its pixel data."""
    default_encoding = default_encoding or followed(archive).default_encoding
    encoded, head = archive.bucket.read_range(key, 0, FIRST_READ_BYTES)
    offset = object_metadata.pixel_data_offset(head.metadata)
    size_bytes = object_metadata.file_bytes(head)
    needed = size_bytes if offset is None else min(offset + 64, size_bytes)
    if object_metadata.is_compressed(head):
        return _read_compressed_header(archive, head, encoded, needed, default_encoding), head
    if needed > LARGEST_HEADER_BYTES:
        with archive.bucket.object(key) as file:
            return read_file_header(file, default_encoding, LARGEST_HEADER_BYTES), head
    if needed > len(encoded):
        encoded += archive.bucket.open_range(key, len(encoded), needed)
    return read_header(encoded, default_encoding), head


def _read_compressed_header(
    archive: Archive, head: ObjectHead, encoded: bytes, needed: int, default_encoding: str
) -> InstanceHeader:
    """Read the header of a compressed object: as much of it as it takes."""
    if needed <= LARGEST_HEADER_BYTES:
        inflated = inflate_beginning(encoded, needed)
        while len(inflated) < needed and len(encoded) < head.size_bytes:
            stop = min(4 * len(encoded), head.size_bytes)
            encoded += archive.bucket.open_range(head.key, len(encoded), stop)
            inflated = inflate_beginning(encoded, needed)
        return read_header(inflated, default_encoding)
    key = parse_instance_key(head.key)
    if key is None:
        raise UnknownResource("")
    with spool_file(archive.bucket, object_metadata.stored_file(key, head)) as file:
        return read_file_header(file, default_encoding, LARGEST_HEADER_BYTES)
