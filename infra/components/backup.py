"""Daily backups of the table, and replicas of the bucket in another region."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_backup as backup
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.components.acknowledge import acknowledge
from infra.components.function import acknowledge_inline, grant
from infra.options import Keeping
from nephele.aws.keys import ATTACHMENTS, FINAL, JOURNAL

_REPLICATED = (FINAL, ATTACHMENTS, JOURNAL)
"""What the index can be built from; the rest is computed again when it is asked for."""
_BACKUPS = "A backup has no name before it is made; those of this one table are meant."
_OBJECTS = "Objects are not known beforehand; the areas of the bucket that are replicated are."


class TableBackup(Construct):
    """A vault, and a plan that puts a backup of the table into it each night."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: dynamodb.Table,
        key: kms.IKey,
        days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        vault = backup.BackupVault(
            self,
            "Vault",
            encryption_key=key,
            block_recovery_point_deletion=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        plan = backup.BackupPlan(self, "Plan", backup_vault=vault)
        plan.add_rule(
            backup.BackupPlanRule(
                rule_name="Nightly",
                schedule_expression=events.Schedule.cron(hour="2", minute="0"),
                start_window=Duration.hours(1),
                completion_window=Duration.hours(8),
                delete_after=Duration.days(days),
            )
        )
        plan.add_selection(
            "Table",
            role=self._create_role(table, vault, key),
            disable_default_backup_policy=True,
            resources=[backup.BackupResource.from_dynamo_db_table(table)],
        )

    def _create_role(
        self, table: dynamodb.Table, vault: backup.BackupVault, key: kms.IKey
    ) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("backup.amazonaws.com"))
        grant(
            role,
            [
                "dynamodb:CreateBackup",
                "dynamodb:DescribeTable",
                "dynamodb:ListTagsOfResource",
                "dynamodb:StartAwsBackupJob",
            ],
            [table.table_arn],
        )
        backups = f"{table.table_arn}/backup/*"
        grant(role, ["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"], [backups])
        grant(
            role,
            ["backup:CopyIntoBackupVault", "backup:DescribeBackupVault"],
            [vault.backup_vault_arn],
        )
        grant(role, ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], [key.key_arn])
        name = table.stack.get_logical_id(table.node.default_child)  # type: ignore[arg-type]
        acknowledge(role, {f"IAM5[Resource::<{name}.Arn>/backup/*]": _BACKUPS})
        acknowledge_inline(role)
        return role


def replicate(scope: Construct, bucket: s3.Bucket, key: kms.IKey, keeping: Keeping) -> None:
    """Have S3 copy new objects to a bucket in another region, under that region's key."""
    role = iam.Role(scope, "Replication", assumed_by=iam.ServicePrincipal("s3.amazonaws.com"))
    grant(role, ["s3:GetReplicationConfiguration", "s3:ListBucket"], [bucket.bucket_arn])
    read = ["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication"]
    grant(
        role,
        [*read, "s3:GetObjectVersionTagging"],
        [bucket.arn_for_objects(f"{area}/*") for area in _REPLICATED],
    )
    copies = [f"{keeping.replica_bucket_arn}/{area}/*" for area in _REPLICATED]
    grant(role, ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"], copies)
    grant(role, ["kms:Decrypt"], [key.key_arn])
    grant(role, ["kms:Encrypt", "kms:GenerateDataKey"], [keeping.replica_key_arn])
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket):
        raise TypeError("a bucket's resource is a CfnBucket")
    name = bucket.stack.get_logical_id(resource)
    acknowledge(
        role,
        {f"IAM5[Resource::<{name}.Arn>/{area}/*]": _OBJECTS for area in _REPLICATED}
        | {f"IAM5[Resource::{copy}]": _OBJECTS for copy in copies},
    )
    acknowledge_inline(role)
    resource.replication_configuration = s3.CfnBucket.ReplicationConfigurationProperty(
        role=role.role_arn,
        rules=[
            s3.CfnBucket.ReplicationRuleProperty(
                id=area,
                priority=number,
                status="Enabled",
                filter=s3.CfnBucket.ReplicationRuleFilterProperty(prefix=f"{area}/"),
                delete_marker_replication=s3.CfnBucket.DeleteMarkerReplicationProperty(
                    status="Enabled"
                ),
                source_selection_criteria=s3.CfnBucket.SourceSelectionCriteriaProperty(
                    sse_kms_encrypted_objects=s3.CfnBucket.SseKmsEncryptedObjectsProperty(
                        status="Enabled"
                    )
                ),
                destination=s3.CfnBucket.ReplicationDestinationProperty(
                    bucket=keeping.replica_bucket_arn,
                    encryption_configuration=s3.CfnBucket.EncryptionConfigurationProperty(
                        replica_kms_key_id=keeping.replica_key_arn
                    ),
                ),
            )
            for number, area in enumerate(_REPLICATED)
        ],
    )
