"""What the stacks share: the key, the bucket and the table, and exact grants on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from infra.components.acknowledge import acknowledge
from infra.components.function import grant
from nephele.aws.keys import ATTACHMENTS, DERIVED, FINAL, JOURNAL

READ_KEY = ("kms:Decrypt", "kms:DescribeKey")
USE_KEY = (*READ_KEY, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
USE_TABLE = (
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "UpdateItem",
)
"""What reads and writes rows; a transaction needs what each of its items does."""

_OBJECTS = "Objects are not known beforehand; the areas of the bucket this process works on are."


@dataclass(frozen=True, slots=True)
class Archive:
    """Where everything is kept.

    Attributes
    ----------
    bucket_export : str
        Name the data stack exports the bucket's ARN under; the security checks know it by that.
    transcode_inbox, index_inbox : aws_sqs.IQueue
        Hear of new objects.
    """

    key: kms.IKey
    bucket: s3.IBucket
    bucket_export: str
    table: dynamodb.ITable
    transcode_inbox: sqs.IQueue
    index_inbox: sqs.IQueue

    def values(self) -> dict[str, str]:
        """Return the environment values that are known with the archive."""
        return {
            "bucket": self.bucket.bucket_name,
            "table": self.table.table_name,
            "index_queue": self.index_inbox.queue_url,
            "transcode_queue": self.transcode_inbox.queue_url,
        }

    def grant_read_objects(self, grantee: iam.IGrantable, areas: Sequence[str]) -> None:
        """Allow reading objects, and a plain 404 for one that is absent (ListBucket)."""
        self._grant_objects(grantee, ["s3:GetObject"], areas)
        self.grant_list_objects(grantee)
        grant(grantee, READ_KEY, [self.key.key_arn])

    def grant_restore_objects(self, grantee: iam.IGrantable) -> None:
        """Allow bringing instances back that `StorageTiers` has moved to a Glacier class."""
        self._grant_objects(grantee, ["s3:RestoreObject"], [FINAL])

    def grant_list_objects(self, grantee: iam.IGrantable) -> None:
        """Allow listing keys."""
        grant(grantee, ["s3:ListBucket"], [self.bucket.bucket_arn])

    def grant_write_objects(self, grantee: iam.IGrantable, areas: Iterable[str]) -> None:
        """Allow writing objects, in one request or in parts."""
        self._grant_objects(grantee, ["s3:AbortMultipartUpload", "s3:PutObject"], areas)
        grant(grantee, ["kms:Decrypt", "kms:GenerateDataKey"], [self.key.key_arn])

    def grant_list_parts(self, grantee: iam.IGrantable, areas: Sequence[str] = (DERIVED,)) -> None:
        """Allow listing the parts of an object that several workers write: archives by default."""
        self._grant_objects(grantee, ["s3:ListMultipartUploadParts"], areas)

    def grant_keep_journal(self, grantee: iam.IGrantable) -> None:
        """Allow writing the journal, whose objects are small."""
        self._grant_objects(grantee, ["s3:PutObject"], [JOURNAL])
        grant(grantee, ["kms:Decrypt", "kms:GenerateDataKey"], [self.key.key_arn])

    def grant_delete_objects(self, grantee: iam.IGrantable, areas: Iterable[str]) -> None:
        """Allow removing objects; their versions stay for the bucket's lifecycle."""
        self._grant_objects(grantee, ["s3:DeleteObject"], areas)

    def grant_undelete(self, grantee: iam.IGrantable) -> None:
        """Allow removing what hides the last version of a removed object."""
        areas = [FINAL, ATTACHMENTS]
        self._grant_objects(grantee, ["s3:DeleteObjectVersion", "s3:GetObject"], areas)
        self.grant_list_objects(grantee)
        grant(grantee, ["s3:ListBucketVersions"], [self.bucket.bucket_arn])
        grant(grantee, READ_KEY, [self.key.key_arn])

    def grant_table(self, grantee: iam.IGrantable, actions: Iterable[str] = USE_TABLE) -> None:
        """Allow actions on rows, by default all that read and write them; never a scan."""
        grant(grantee, [f"dynamodb:{action}" for action in actions], [self.table.table_arn])
        grant(grantee, USE_KEY, [self.key.key_arn])

    def grant_send(self, grantee: iam.IGrantable, *queues: sqs.IQueue) -> None:
        """Allow sending messages."""
        grant(grantee, ["sqs:SendMessage"], [queue.queue_arn for queue in queues])
        grant(grantee, ["kms:Decrypt", "kms:GenerateDataKey"], [self.key.key_arn])

    def _grant_objects(
        self, grantee: iam.IGrantable, actions: Sequence[str], areas: Iterable[str]
    ) -> None:
        patterns = [f"{area}/*" for area in areas]
        grant(grantee, actions, [self.bucket.arn_for_objects(pattern) for pattern in patterns])
        role = grantee.grant_principal
        if isinstance(role, iam.Role):
            acknowledge(
                role,
                {
                    f"IAM5[Resource::{self.bucket_export}/{pattern}]": _OBJECTS
                    for pattern in patterns
                },
            )
