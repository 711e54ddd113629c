"""Reading the files behind objects, whether `StorageCompression` has compressed them or not.

Whoever reads an instance's object asks here; the object itself is for those alone who want what is
stored. A large one that is compressed is inflated once, into a copy under `derived/`: ranges and
signed paths are for that.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO

from nephele.aws.bucket import Bucket
from nephele.aws.keys import AttachmentKey, DerivedKey, InstanceKey, parse_attachment_key
from nephele.aws.keys import parse_instance_key as parse_key
from nephele.aws.part_upload import PartUpload
from nephele.domain.compression import inflate, iter_inflated
from nephele.domain.resources import StoredFile
from nephele.errors import UnknownResource
from nephele.services.archive_members import new_spool

_INFLATED = "inflated"
_INFLATED_AT_ONCE_BYTES = 32 << 20
"""Files up to this size are inflated in memory."""
_CHUNK_BYTES = 1 << 20


def read_file(bucket: Bucket, file: StoredFile) -> bytes:
    """Return a whole file; only for what is known to be small."""
    content = bucket.read(file.key)
    return inflate(content) if file.is_compressed else content


def open_file(bucket: Bucket, file: StoredFile) -> BinaryIO:
    """Open a file, seekable: in memory where it is compressed and small, else by ranges."""
    if file.is_compressed and file.size_bytes <= _INFLATED_AT_ONCE_BYTES:
        return io.BytesIO(read_file(bucket, file))
    return bucket.object(plain_key(bucket, file))


def spool_file(bucket: Bucket, file: StoredFile) -> BinaryIO:
    """Open a file, seekable, for a process that may not write objects."""
    if not file.is_compressed:
        return bucket.object(file.key)
    spool = new_spool()
    for part in _iter_file(bucket, file.key):
        spool.write(part)
    spool.seek(0)
    return spool


def iter_file(bucket: Bucket, file: StoredFile) -> Iterator[bytes]:
    """Yield a file in pieces, from its beginning to its end."""
    return _iter_file(bucket, file.key) if file.is_compressed else iter_object(bucket, file.key)


def plain_key(bucket: Bucket, file: StoredFile) -> str:
    """Return the key of an object that holds the file as it is: its own, or an inflated copy."""
    return inflated_key(bucket, file.key) if file.is_compressed else file.key


def inflated_key(bucket: Bucket, key: str) -> str:
    """Return the key of the inflated copy of a compressed object, which is made if need be."""
    source: InstanceKey | AttachmentKey | None = parse_key(key) or parse_attachment_key(key)
    if source is None:
        raise UnknownResource("")
    derived = str(DerivedKey(source.orthanc_id, source.uuid, _INFLATED))
    if not bucket.exists(derived):
        with PartUpload(bucket, derived, lambda _: {}) as upload:
            for part in _iter_file(bucket, key):
                upload.write(part)
            upload.finish(b"")
    return derived


def _iter_file(bucket: Bucket, key: str) -> Iterator[bytes]:
    return iter_inflated(iter_object(bucket, key))


def iter_object(bucket: Bucket, key: str) -> Iterator[bytes]:
    """Yield the bytes of an object in pieces."""
    with closing(bucket.open_stream(key)) as stream:
        yield from stream.iter_chunks(_CHUNK_BYTES)
