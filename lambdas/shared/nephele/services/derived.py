"""Instances in another transfer syntax, made when first asked for and kept beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO, cast

from nephele.aws import object_metadata
from nephele.aws.index import records
from nephele.aws.keys import AttachmentKey, DerivedKey, InstanceKey, parse_derived_key
from nephele.aws.part_upload import PartUpload
from nephele.aws.read_ahead import ReadAhead
from nephele.domain.resources import Resource
from nephele.domain.transcoding import makes_new_instance
from nephele.errors import BadFileFormat, NotTranscodable, StorageFull, UnknownResource
from nephele.services import events
from nephele.services.archive import Archive
from nephele.services.plain_files import plain_key
from nephele.services.retrieve import file_of
from nephele.services.transcoding import TimedSink, begin_transcoding

LARGEST_AT_ONCE_BYTES = 128 << 20
"""Pixels, decoded, that a caller who has little time waits for; more is left to the function."""
_WAIT_SECONDS = 18
_POLL_SECONDS = 0.5
_CLAIM_SECONDS = 900
_FULL_SECONDS = 3600
"""How long a disk that was full is a verdict: another worker may have room."""


class NotReady(Exception):
    """The transcode function is at it: asking again will work."""


def transcoded_object(
    archive: Archive,
    instance: Resource,
    target: str,
    lossy_quality: int | None = None,
    *,
    is_patient: bool = True,
) -> tuple[str, int]:
    """Return key and size of an object that holds an instance in a transfer syntax.

    It is the instance's own object where that has the syntax already.

    Parameters
    ----------
    target : str
        UID of the transfer syntax.
    lossy_quality : int, optional
        1 to 100, by default `DicomLossyTranscodingQuality`.
    is_patient : bool
        The caller can wait however long it takes.

    Raises
    ------
    NotTranscodable
        The instance cannot be transcoded, or nothing writes that syntax.
    NotReady
        It takes longer than an impatient caller can wait.
    """
    file = file_of(instance)
    if instance.metadata.get("TransferSyntax") == target:
        return plain_key(archive.bucket, file), file.size_bytes
    quality = lossy_quality or archive.configuration.dicom_lossy_transcoding_quality
    key = DerivedKey(instance.orthanc_id, file.uuid, _name(target, quality))
    try:
        return str(key), archive.bucket.head(str(key)).size_bytes
    except UnknownResource:
        pass
    try:
        source = plain_key(archive.bucket, file)
        size_bytes = _derive(archive, key, source, file.size_bytes, is_patient=is_patient)
    except BadFileFormat as exc:
        raise NotTranscodable(str(exc)) from exc
    return str(key), _wait_for(archive, key) if size_bytes is None else size_bytes


def derive_object(archive: Archive, derived_key: str, has_time: Callable[[], bool]) -> bool:
    """Make an object that was left to the transcode function; tell whether it was one.

    Why it cannot be made is kept for whoever asks for it.
    """
    key = parse_derived_key(derived_key)
    if key is None:
        return False
    try:
        head = archive.bucket.head(str(key.source))
    except UnknownResource:
        return True  # it was deleted meanwhile
    if not archive.bucket.exists(derived_key):
        try:
            file = object_metadata.stored_file(key.source, head)
            source = plain_key(archive.bucket, file)
            _derive(archive, key, source, file.size_bytes, is_patient=True, has_time=has_time)
        except StorageFull as exc:
            records.put_verdict(archive.index.table, derived_key, str(exc), _FULL_SECONDS)
        except (NotTranscodable, BadFileFormat) as exc:
            records.put_verdict(archive.index.table, derived_key, str(exc))
        else:
            records.forget_verdict(archive.index.table, derived_key)
    return True


def delete_derived(archive: Archive, key: InstanceKey | AttachmentKey) -> None:
    """Remove all that was made of one reception of an instance, or of an attachment."""
    for name, _ in archive.bucket.iter_objects(str(DerivedKey(key.orthanc_id, key.uuid))):
        archive.bucket.delete(name)


def _name(target: str, quality: int) -> str:
    return f"{target}-{quality}" if makes_new_instance(target) else target


def _derive(
    archive: Archive,
    key: DerivedKey,
    source: str,
    size_bytes: int,
    *,
    is_patient: bool,
    has_time: Callable[[], bool] = lambda: True,
) -> int | None:
    """Write a derived object and return its size, None where it is too much for now."""
    target, _, quality = key.name.partition("-")
    with (
        ReadAhead(archive.bucket, source, size_bytes) as opened,
        begin_transcoding(
            archive, cast("BinaryIO", opened), target, int(quality or 0) or None
        ) as transcoding,
    ):
        if not is_patient and transcoding.pixel_bytes > LARGEST_AT_ONCE_BYTES:
            return None
        with PartUpload(archive.bucket, str(key), lambda _: {}) as upload:
            transcoding.write(TimedSink(upload, has_time))
    return upload.size_bytes


def _wait_for(archive: Archive, key: DerivedKey) -> int:
    """Let the transcode function make an object; return its size, or raise why there is none."""
    table, end = archive.index.table, time.monotonic() + _WAIT_SECONDS
    if reason := records.verdict(table, str(key)):
        raise NotTranscodable(reason)
    if records.claim(table, str(key), _CLAIM_SECONDS):
        archive.queue("transcode").send(events.object_event(str(key)))
    while time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
        if archive.bucket.exists(str(key)):
            return archive.bucket.head(str(key)).size_bytes
        if reason := records.verdict(table, str(key)):
            raise NotTranscodable(reason)
    raise NotReady
