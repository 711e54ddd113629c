"""What travels with an object as S3 user metadata: where it came from, and its digests.

S3 allows 2 KB of ASCII, so values are percent-encoded and cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

from nephele.aws.keys import InstanceKey
from nephele.aws.ranged_object import ObjectHead
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import StoredFile

_LONGEST_VALUE = 64
_FIELDS = {
    "received": "received",
    "origin": "origin",
    "remote-aet": "remote_aet",
    "called-aet": "called_aet",
    "remote-ip": "remote_ip",
    "http-username": "http_username",
    "original-uid": "original_sop_instance_uid",
    "original-sha256": "original_digest",
    "original-md5": "original_md5",
    "transcoding-failure": "transcoding_failure",
}
MD5 = "md5"
FILE_BYTES = "file-bytes"
COMPRESSED_MD5 = "compressed-md5"
"""Kept of compressed objects alone: the size of the file, and the MD5 of the object."""
DATA_SET_DIGEST = "data-set-sha256"
"""Kept of large files alone: see `nephele.domain.digests`."""
PIXEL_DATA_OFFSET = "pixel-data-offset"
_LONGEST_VALUES = {"transcoding-failure": 256}


def encode(
    provenance: Provenance, md5: str, pixel_data_offset: int | None, data_set_digest: str = ""
) -> dict[str, str]:
    """Return the user metadata of a reception."""
    values = {name: str(getattr(provenance, field)) for name, field in _FIELDS.items()}
    values[MD5] = md5
    values[DATA_SET_DIGEST] = data_set_digest
    if pixel_data_offset is not None:
        values[PIXEL_DATA_OFFSET] = str(pixel_data_offset)
    return {name: _encoded(name, value) for name, value in values.items() if value}


def with_compression(
    metadata: Mapping[str, str], size_bytes: int, compressed_md5: str
) -> dict[str, str]:
    """Return metadata that also tell that an object holds its file compressed."""
    return {**metadata, FILE_BYTES: str(size_bytes), COMPRESSED_MD5: compressed_md5}


def without_compression(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata of an object that holds its file as it is."""
    told = (FILE_BYTES, COMPRESSED_MD5)
    return {name: value for name, value in metadata.items() if name not in told}


def file_bytes(head: ObjectHead) -> int:
    """Return the size of the file an object holds."""
    return int(head.metadata.get(FILE_BYTES, head.size_bytes))


def is_compressed(head: ObjectHead) -> bool:
    """Tell whether an object holds its file compressed."""
    return FILE_BYTES in head.metadata


def with_failure(metadata: Mapping[str, str], reason: str) -> dict[str, str]:
    """Return metadata that also tells why an object was not transcoded."""
    name = "transcoding-failure"
    return {**metadata, name: _encoded(name, reason)}


def _encoded(name: str, value: str) -> str:
    return quote(value[: _LONGEST_VALUES.get(name, _LONGEST_VALUE)])


def decode_provenance(metadata: Mapping[str, str]) -> Provenance:
    """Read where an object came from."""
    values = {field: unquote(metadata.get(name, "")) for name, field in _FIELDS.items()}
    origin = Origin(values.pop("origin") or Origin.UNKNOWN)
    return Provenance(origin=origin, **values)


def pixel_data_offset(metadata: Mapping[str, str]) -> int | None:
    """Return the offset the receiver found, None where there is no pixel data."""
    return int(metadata[PIXEL_DATA_OFFSET]) if PIXEL_DATA_OFFSET in metadata else None


def stored_file(key: InstanceKey, head: ObjectHead) -> StoredFile:
    """Describe an object as the index keeps it."""
    return StoredFile(
        key=str(key),
        uuid=key.uuid,
        size_bytes=file_bytes(head),
        md5=unquote(head.metadata.get(MD5, "")),
        provenance=decode_provenance(head.metadata),
        compressed_bytes=head.size_bytes if is_compressed(head) else None,
        compressed_md5=head.metadata.get(COMPRESSED_MD5, ""),
        data_set_digest=head.metadata.get(DATA_SET_DIGEST, ""),
    )
