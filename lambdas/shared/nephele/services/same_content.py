"""Telling whether two receptions hold the same data set."""

from __future__ import annotations

from nephele.aws.bucket import Bucket
from nephele.domain.part10 import read_file_meta
from nephele.domain.resources import StoredFile

_CHUNK_BYTES = 1 << 20


def is_same_content(bucket: Bucket, one: StoredFile, other: StoredFile) -> bool:
    """Compare two receptions: their MD5 first, then their data sets without the file meta.

    The meta information names the sender, so the same instance sent twice may differ there.
    """
    if one.md5 and one.md5 == other.md5:
        return True
    with bucket.object(one.key) as first, bucket.object(other.key) as second:
        meta, other_meta = read_file_meta(first), read_file_meta(second)
        if meta.transfer_syntax_uid != other_meta.transfer_syntax_uid:
            return False
        first.seek(meta.data_set_offset)
        second.seek(other_meta.data_set_offset)
        while chunk := first.read(_CHUNK_BYTES):
            if chunk != second.read(_CHUNK_BYTES):
                return False
        return not second.read(1)
