"""The data stack: what must never be lost, and the queues that hear of new objects."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.archive import Archive
from infra.components.acknowledge import acknowledge
from infra.components.queues import WorkQueue
from infra.functions import INDEX, TRANSCODE
from nephele.aws.keys import DERIVED, FINAL, RAW, UPLOADS, answer_key

EXPIRY_ATTRIBUTE = "expires"
_FORGOTTEN_UPLOADS = Duration.days(7)
_OLD_ANSWERS = Duration.days(1)
_OLD_DERIVED = Duration.days(30)
_OLD_VERSIONS = Duration.days(30)
_ACCESS_LOGS = Duration.days(400)


class DataStack(Stack):
    """Key, bucket, table and inbox queues; all but the queues outlive the stack."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, description="Nephele: objects and index")
        self.key = _create_key(self)
        access_logs = _create_access_logs(self)
        transcode = self._create_inbox("TranscodeInbox", TRANSCODE.visibility_seconds)
        index = self._create_inbox("IndexInbox", INDEX.visibility_seconds)
        self.dead_letters = (transcode.dead_letters, index.dead_letters)
        bucket = _create_bucket(self, self.key, access_logs)
        _notify(bucket, {RAW: transcode.queue, FINAL: index.queue})
        self.archive = Archive(
            key=self.key,
            bucket=bucket,
            bucket_export=self._export_name(bucket.bucket_arn),
            table=_create_table(self, self.key),
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


def _create_key(scope: Construct) -> kms.Key:
    key = kms.Key(
        scope,
        "Key",
        description="Nephele: objects, index, queues, secrets and logs",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="NotificationsToEncryptedQueues",
            principals=[iam.ServicePrincipal("s3.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    log_groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="EncryptedLogs",
            principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
            actions=[
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        )
    )
    return key


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
        lifecycle_rules=[s3.LifecycleRule(expiration=_ACCESS_LOGS)],
        removal_policy=RemovalPolicy.RETAIN,
    )
    acknowledge(bucket, {"S1": "It holds the access logs; logging itself would never end."})
    return bucket


def _create_bucket(scope: Construct, key: kms.IKey, access_logs: s3.IBucket) -> s3.Bucket:
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
                noncurrent_version_expiration=_OLD_VERSIONS,
                expired_object_delete_marker=True,
            ),
            s3.LifecycleRule(prefix=f"{UPLOADS}/", expiration=_FORGOTTEN_UPLOADS),
            s3.LifecycleRule(prefix=answer_key(""), expiration=_OLD_ANSWERS),
            s3.LifecycleRule(prefix=f"{DERIVED}/", expiration=_OLD_DERIVED),
        ],
        removal_policy=RemovalPolicy.RETAIN,
    )


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
