"""The IAM actions a call needs, told from its HTTP request: what a role must be granted for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from yarl import URL

from infra.local.aws.operations import Operation

_IN_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_OF_S3 = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjects": "ListBucket",
    "UploadPart": "PutObject",
}
_BY_QUERY = {
    "restore": "RestoreObject",
    "uploadId": "ListMultipartUploadParts",
    "versionId": "GetObjectVersion",
    "versions": "ListBucketVersions",
}


def iam_actions(
    operation: Operation, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> frozenset[str]:
    """Return the actions of a call, `service:Action`."""
    if operation.service == "dynamodb":
        return frozenset(f"dynamodb:{action}" for action in _table_actions(operation, body))
    if operation.service == "s3":
        return frozenset(f"s3:{action}" for action in _s3_actions(operation, method, url, headers))
    return frozenset({f"{operation.service}:{operation.action.removesuffix('Batch')}"})


def _table_actions(operation: Operation, body: bytes) -> set[str]:
    if not operation.is_transaction:
        return {operation.action}
    items: list[dict[str, Any]] = orjson.loads(body).get("TransactItems", [])
    return {_IN_TRANSACTION[kind] for item in items for kind in item}


def _s3_actions(
    operation: Operation, method: str, url: str, headers: Mapping[str, str]
) -> set[str]:
    query = URL(url, encoded=True).query
    if method in ("GET", "HEAD", "POST"):
        for name, action in _BY_QUERY.items():
            if name in query and not (name == "uploadId" and method == "POST"):
                return {action}
    needed = {_OF_S3.get(operation.action, operation.action)}
    source = headers.get("x-amz-copy-source", "")
    if source:
        needed.add("GetObjectVersion" if "versionId=" in source else "GetObject")
    return needed
