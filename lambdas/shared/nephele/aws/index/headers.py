"""Reading the encoded headers of many instances: a hundred in one request, not from the bucket."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from nephele.aws.bucket import Bucket
from nephele.aws.index import Index, keys
from nephele.domain.resources import Resource

_ROWS_AT_ONCE = 50
"""DynamoDB answers with 16 MB at most, and a row holds up to 100 KB of a header."""


def iter_headers(
    index: Index, bucket: Bucket, instances: Sequence[Resource]
) -> Iterator[tuple[Resource, bytes]]:
    """Yield instances with their encoded headers, in their order.

    A header that is too long for its row is read from its object.
    """
    for start in range(0, len(instances), _ROWS_AT_ONCE):
        some = instances[start : start + _ROWS_AT_ONCE]
        rows = index.table.get_all(
            keys.header(one.orthanc_id, one.file.uuid) for one in some if one.file is not None
        )
        packed = {row["pk"]["S"]: row["b"]["B"] for row in rows}
        for one in some:
            if one.orthanc_id in packed:
                yield one, zlib.decompress(packed[one.orthanc_id])
            else:
                yield one, index.header(one, bucket)
