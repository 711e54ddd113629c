"""Objects in a Glacier class: they can be read when they were restored, hours later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from nephele.aws import clients
from nephele.errors import BeingRestored, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import RestoreRequestTypeDef

_ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True)
class Glacier:
    """Those of one bucket; what is restored can be read for `restore_days`."""

    bucket: str
    restore_days: int

    @contextmanager
    def reading(self, key: str) -> Iterator[None]:
        """Translate the errors of S3, and begin the restore of an object that needs one."""
        try:
            with clients.translated("object"):
                yield
        except BeingRestored:
            self._restore(key)
            raise

    def require_readable(self, key: str) -> None:
        """Raise BeingRestored, and begin that, where an object is in a Glacier class."""
        with clients.translated("object"):
            head = clients.s3().head_object(Bucket=self.bucket, Key=key)
        is_restored = 'ongoing-request="false"' in head.get("Restore", "")
        if head.get("StorageClass") in _ARCHIVE_CLASSES and not is_restored:
            self._restore(key)
            raise BeingRestored("object is in an archive class, and being restored")

    def _restore(self, key: str) -> None:
        request: RestoreRequestTypeDef = {
            "Days": self.restore_days,
            "GlacierJobParameters": {"Tier": "Standard"},
        }
        try:
            clients.s3().restore_object(Bucket=self.bucket, Key=key, RestoreRequest=request)
        except ClientError as exc:
            if clients.error_code(exc) != "RestoreAlreadyInProgress":
                raise Unavailable(f"object: {clients.error_code(exc)}") from exc
