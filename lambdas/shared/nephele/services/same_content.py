"""Telling whether two receptions hold the same data set."""

from __future__ import annotations

from nephele.aws.bucket import Bucket
from nephele.domain.digests import digest_of_data_set, is_same_data_set
from nephele.domain.resources import StoredFile
from nephele.services.plain_files import spool_file

LARGEST_COMPARED_BYTES = 256 << 20
"""Larger ones without digests are not read: that would outlast the function and its neighbours."""


def is_same_content(bucket: Bucket, one: StoredFile, other: StoredFile) -> bool:
    """Compare two receptions: by their MD5, else their data sets without the file meta.

    The meta information names the sender, so the same instance sent twice may differ there. Large
    data sets have digests, those alone that came without one are read: presigned uploads that were
    too large to be read in time. What is too large here too counts as different: it is kept aside
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
        if known:
            return digest_of_data_set(second if one.data_set_digest else first) == known
        return is_same_data_set(first, second)
