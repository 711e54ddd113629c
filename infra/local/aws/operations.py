"""What an AWS call is, told from its HTTP request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from yarl import URL

_S3_WRITES = frozenset({"PutObject", "UploadPart", "CompleteMultipartUpload", "CopyObject"})
_S3_READS = frozenset({"GetObject", "HeadObject", "ListObjects", "ListParts"})
_TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems"})
_TABLE_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
_CONDITIONAL = frozenset({"PutItem", "UpdateItem", "DeleteItem"})


@dataclass(frozen=True, slots=True)
class Operation:
    """A service's name and the action called."""

    service: str
    action: str

    def __str__(self) -> str:
        return f"{self.service}.{self.action}"

    @property
    def is_s3_write(self) -> bool:
        """Tell whether an object's bytes are written."""
        return self.service == "s3" and self.action in _S3_WRITES

    @property
    def is_s3_read(self) -> bool:
        """Tell whether the bucket is read."""
        return self.service == "s3" and self.action in _S3_READS

    @property
    def is_table_call(self) -> bool:
        """Tell whether DynamoDB is called."""
        return self.service == "dynamodb"

    @property
    def is_table_read(self) -> bool:
        """Tell whether it spends read units."""
        return self.is_table_call and self.action in _TABLE_READS

    @property
    def is_transaction(self) -> bool:
        """Tell whether it is a DynamoDB transaction."""
        return self.is_table_call and self.action in _TRANSACTIONS

    @property
    def can_conflict(self) -> bool:
        """Tell whether an ongoing transaction can make it fail."""
        return self.is_transaction or (self.is_table_call and self.action in _CONDITIONAL)


def identify(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Operation:
    """Name the operation of a request."""
    target = headers.get("X-Amz-Target", "")
    if target:
        prefix, _, action = target.rpartition(".")
        return Operation(_SERVICES.get(prefix.partition("_")[0], prefix.lower()), action)
    if headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode("ascii", "replace"))
        return Operation("query", form.get("Action", ["unknown"])[0])
    return Operation("s3", _s3_action(method, URL(url, encoded=True), headers))


_SERVICES = {
    "DynamoDB": "dynamodb",
    "AmazonSQS": "sqs",
    "secretsmanager": "secretsmanager",
    "TrentService": "kms",
}


def _s3_action(method: str, url: URL, headers: Mapping[str, str]) -> str:
    query = url.query
    has_key = len([part for part in url.raw_path.split("/") if part]) > 1
    match method:
        case "GET" if "uploadId" in query:
            return "ListParts"
        case "GET":
            return "GetObject" if has_key else "ListObjects"
        case "HEAD":
            return "HeadObject" if has_key else "HeadBucket"
        case "DELETE":
            return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
        case "PUT" if "uploadId" in query:
            return "UploadPart"
        case "PUT":
            return "CopyObject" if "x-amz-copy-source" in headers else "PutObject"
        case "POST" if "uploads" in query:
            return "CreateMultipartUpload"
        case "POST" if "uploadId" in query:
            return "CompleteMultipartUpload"
        case "POST" if "delete" in query:
            return "DeleteObjects"
    return method
