"""Telling whether two receptions hold the same data set."""

from __future__ import annotations

from typing import BinaryIO

from nephele.aws.bucket import Bucket
from nephele.domain.digests import begin_data_set
from nephele.domain.part10 import read_file_meta
from nephele.domain.resources import StoredFile
from nephele.services.plain_files import spool_file

_CHUNK_BYTES = 8 << 20
LARGEST_COMPARED_BYTES = 256 << 20
"""Larger ones without digests are not read: that would outlast the function and its neighbours."""


def is_same_content(bucket: Bucket, one: StoredFile, other: StoredFile) -> bool:
    """Compare two receptions: by their MD5, else their data sets without the file meta.

    The meta information names the sender, so the same instance sent twice may differ there. Large
    data sets have digests, those alone that came without one are read: presigned uploads, which
    nobody reads whole before. What is too large for that counts as different: it is kept aside
    then, and nothing is lost.
    """
    if one.md5 and one.md5 == other.md5:
        return True
    known = one.data_set_digest or other.data_set_digest
    if one.data_set_digest and other.data_set_digest:
        return one.data_set_digest == other.data_set_digest
    if max(one.size_bytes, other.size_bytes) > LARGEST_COMPARED_BYTES:
        return False
    with spool_file(bucket, one) as first, spool_file(bucket, other) as second:
        meta, other_meta = read_file_meta(first), read_file_meta(second)
        if meta.transfer_syntax_uid != other_meta.transfer_syntax_uid:
            return False
        if one.size_bytes - meta.data_set_offset != other.size_bytes - other_meta.data_set_offset:
            return False
        first.seek(meta.data_set_offset)
        second.seek(other_meta.data_set_offset)
        if known:
            unknown = second if one.data_set_digest else first
            return _digest(unknown, meta.transfer_syntax_uid) == known
        return _is_same(first, second)


def _digest(data_set: BinaryIO, transfer_syntax_uid: str) -> str:
    """Return the digest of the one that came without: the other need not be read then."""
    digest = begin_data_set(transfer_syntax_uid)
    while chunk := data_set.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _is_same(first: BinaryIO, second: BinaryIO) -> bool:
    """Compare what follows byte by byte, up to where it differs."""
    while chunk := first.read(_CHUNK_BYTES):
        if chunk != second.read(_CHUNK_BYTES):
            return False
    return not second.read(1)
