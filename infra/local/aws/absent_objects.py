"""Reading an object that is absent: S3 says 404 to whoever may list the bucket, and 403 to others.

So nobody learns by asking what a bucket holds. ministack says 404 to whoever may read the key.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions
from ministack.services import s3

_LIST, _READ = "s3:ListBucket", "s3:GetObject"
_Check = tuple[str, str]
"""An action, and the ARN of what it is about."""


def additional_checks(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> list[_Check]:
    """Return what a request to S3 needs besides its own action, to list the bucket included.

    A HEAD reads as well, and so does a copy of its source.
    """
    checks: list[_Check] = list(_ministacks(method, path, headers, body, query))
    read = [arn for action, arn in checks if action == _READ]
    if iam_actions._s3_action(method, path, query) == _READ.partition(":")[2]:
        read.append(f"arn:aws:s3:::{path.strip('/')}")
    return checks + [(_LIST, arn.partition("/")[0]) for arn in read if _is_absent(arn)]


def _is_absent(arn: str) -> bool:
    bucket, _, key = arn.rpartition(":")[2].partition("/")
    found = s3._buckets.get(bucket)
    return found is not None and key not in found["objects"]


_ministacks = iam_actions.s3_additional_checks
