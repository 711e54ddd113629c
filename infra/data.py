"""The data stack: what must never be lost, and the queues that hear of new objects."""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.archive import Archive
from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.backup import TableBackup, replicate
from infra.components.key import create_key, distributions
from infra.components.queues import WorkQueue
from infra.components.topic import create_topic
from infra.functions import INDEX, TRANSCODE
from infra.options import Options
from nephele.aws.keys import (
    ARCHIVES,
    ATTACHMENTS,
    DERIVED,
    FINAL,
    RAW,
    STAGING,
    UPLOADS,
    answer_key,
)
from nephele.settings.configuration import Configuration
from nephele.settings.storage_tiers import StorageTiers

BLOB_AREAS = (FINAL, DERIVED, ATTACHMENTS)
"""Areas of the bucket that hold what is too large for an answer."""
EXPIRY_ATTRIBUTE = "expires"
_FORGOTTEN_UPLOADS = Duration.days(7)
_OLD_ANSWERS = Duration.days(1)
_OLD_ARCHIVES = Duration.days(1)
_OLD_DERIVED = Duration.days(30)
_OLD_STAGING = Duration.days(1)
_ACCESS_LOGS = Duration.days(400)
_OLD_ACCESS_LOGS = Duration.days(30)
_ONE_REGION = (
    "S3 keeps objects in three zones, and versions of what was removed; a copy in another region"
    " doubles what is paid for storage, so a hospital asks for it (replica_bucket_arn)."
)
_ACCESS_LOG_REASONS = {
    "S3BucketReplicationEnabled": "Logs of access to a bucket of this region are kept beside it.",
    "S3DefaultEncryptionKMS": (
        "S3 cannot deliver access logs under a key of our own; they are encrypted with S3's."
    ),
}


class DataStack(Stack):
    """Key, bucket, table and inbox queues; all but the queues outlive the stack."""

    def __init__(self, scope: Construct, construct_id: str, *, options: Options) -> None:
        super().__init__(
            scope, construct_id, description="Nephele: objects and index", env=options.environment
        )
        self.key = create_key(self, options.key_arn)
        access_logs = _create_access_logs(self)
        transcode = self._create_inbox("TranscodeInbox", TRANSCODE.visibility_seconds)
        index = self._create_inbox("IndexInbox", INDEX.visibility_seconds)
        self.dead_letters = (transcode.dead_letters, index.dead_letters)
        bucket = _create_bucket(self, self.key, access_logs, options.configuration)
        keeping = options.keeping
        if keeping.replica_bucket_arn:
            replicate(self, bucket, self.key, keeping)
        else:
            acknowledge(bucket, {"S3BucketReplicationEnabled": _ONE_REGION}, REGULATIONS)
        if options.front.blob_public_keys:
            _let_cloudfront_read(bucket)
        table = _create_table(self, self.key)
        TableBackup(self, "Backup", table=table, key=self.key, days=keeping.backup_days)
        _notify(bucket, {RAW: transcode.queue, FINAL: index.queue})
        CfnOutput(self, "BucketName", value=bucket.bucket_name, description="Instances, journal")
        CfnOutput(self, "TableName", value=table.table_name, description="The index")
        self.alarms = create_topic(self, self.key, options.alarm_email)
        self.archive = Archive(
            key=self.key,
            bucket=bucket,
            bucket_export=self._export_name(bucket.bucket_arn),
            table=table,
            transcode_inbox=transcode.queue,
            index_inbox=index.queue,
        )

    def _export_name(self, value: str) -> str:
        imported = self.resolve(self.export_value(value))
        return str(imported["Fn::ImportValue"])

    def _create_inbox(self, construct_id: str, visibility_seconds: int) -> WorkQueue:
        inbox = WorkQueue(self, construct_id, key=self.key, visibility_seconds=visibility_seconds)
        inbox.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[inbox.queue.queue_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        return inbox


def _create_access_logs(scope: Construct) -> s3.Bucket:
    """Create the bucket of access logs; log delivery cannot write under a key of our own."""
    bucket = s3.Bucket(
        scope,
        "AccessLogs",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        lifecycle_rules=[
            s3.LifecycleRule(
                expiration=_ACCESS_LOGS, noncurrent_version_expiration=_OLD_ACCESS_LOGS
            )
        ],
        removal_policy=RemovalPolicy.RETAIN,
    )
    acknowledge(bucket, {"S1": "It holds the access logs; logging itself would never end."})
    acknowledge(bucket, _ACCESS_LOG_REASONS, REGULATIONS)
    return bucket


def _create_bucket(
    scope: Construct, key: kms.IKey, access_logs: s3.IBucket, configuration: Configuration
) -> s3.Bucket:
    return s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        versioned=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix="bucket/",
        lifecycle_rules=[
            s3.LifecycleRule(
                abort_incomplete_multipart_upload_after=_FORGOTTEN_UPLOADS,
                noncurrent_version_expiration=Duration.days(configuration.undelete_days + 1),
                expired_object_delete_marker=True,
            ),
            s3.LifecycleRule(prefix=f"{UPLOADS}/", expiration=_FORGOTTEN_UPLOADS),
            s3.LifecycleRule(prefix=answer_key(""), expiration=_OLD_ANSWERS),
            s3.LifecycleRule(
                prefix=ARCHIVES,
                expiration=_OLD_ARCHIVES,
                noncurrent_version_expiration=_OLD_ARCHIVES,
            ),
            s3.LifecycleRule(
                prefix=STAGING,
                expiration=_OLD_STAGING,
                noncurrent_version_expiration=_OLD_STAGING,
            ),
            s3.LifecycleRule(prefix=f"{DERIVED}/", expiration=_OLD_DERIVED),
            *_tiers(configuration.storage_tiers),
        ],
        removal_policy=RemovalPolicy.RETAIN,
    )


def _let_cloudfront_read(bucket: s3.Bucket) -> None:
    """Allow this account's distributions to read what `/blobs/…` serves, signed by CloudFront."""
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="BlobsOfOurDistributions",
            principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
            actions=["s3:GetObject"],
            resources=[bucket.arn_for_objects(f"{area}/*") for area in BLOB_AREAS],
            conditions={"ArnLike": {"aws:SourceArn": distributions()}},
        )
    )


def _tiers(tiers: StorageTiers) -> list[s3.LifecycleRule]:
    """Return the rule by which instances move to other storage classes, if there are any."""
    days = {
        s3.StorageClass.INTELLIGENT_TIERING: 0 if tiers.intelligent_tiering else None,
        s3.StorageClass.GLACIER_INSTANT_RETRIEVAL: tiers.glacier_instant_retrieval_days,
        s3.StorageClass.GLACIER: tiers.glacier_flexible_retrieval_days,
        s3.StorageClass.DEEP_ARCHIVE: tiers.glacier_deep_archive_days,
    }
    transitions = [
        s3.Transition(storage_class=kind, transition_after=Duration.days(age))
        for kind, age in days.items()
        if age is not None
    ]
    return [s3.LifecycleRule(prefix=f"{FINAL}/", transitions=transitions)] if transitions else []


def _notify(bucket: s3.Bucket, inboxes: dict[str, sqs.Queue]) -> None:
    """Let the bucket itself announce objects to queues, by the first part of their keys."""
    resource = bucket.node.default_child
    if not isinstance(resource, s3.CfnBucket):
        raise TypeError("a bucket's resource is a CfnBucket")
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        queue_configurations=[
            s3.CfnBucket.QueueConfigurationProperty(
                event="s3:ObjectCreated:*",
                queue=queue.queue_arn,
                filter=s3.CfnBucket.NotificationFilterProperty(
                    s3_key=s3.CfnBucket.S3KeyFilterProperty(
                        rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=f"{area}/")]
                    )
                ),
            )
            for area, queue in inboxes.items()
        ]
    )
    for queue in inboxes.values():  # S3 asks the queue's policy while the bucket is made
        resource.node.add_dependency(queue.node.find_child("Policy"))


def _create_table(scope: Construct, key: kms.IKey) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        "Table",
        partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        stream=dynamodb.StreamViewType.NEW_IMAGE,
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        time_to_live_attribute=EXPIRY_ATTRIBUTE,
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
