"""The key that encrypts everything: one of our own, or one that the hospital keeps."""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

_USE = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
_REENCRYPT = ("kms:ReEncryptFrom", "kms:ReEncryptTo")
_HERE = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}


def create_key(scope: Construct, key_arn: str) -> kms.IKey:
    """Return the key of an ARN, whose policy is its owner's, or a new one that is rotated yearly.

    `docs/operations.md` says what the policy of a given key has to allow.
    """
    if key_arn:
        return kms.Key.from_key_arn(scope, "Key", key_arn)
    key = kms.Key(
        scope,
        "Key",
        description="Nephele: objects, index, queues, secrets and logs",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    for statement in _statements():
        key.add_to_resource_policy(statement)
    return key


def _statements() -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(
            sid="NotificationsToEncryptedQueues",
            principals=[iam.ServicePrincipal("s3.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions=_HERE,
        ),
        iam.PolicyStatement(
            sid="EncryptedLogs",
            principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
            actions=[*_USE, *_REENCRYPT],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": _log_groups()}},
        ),
        iam.PolicyStatement(
            sid="AlarmsToEncryptedTopics",
            principals=[
                iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                iam.ServicePrincipal("budgets.amazonaws.com"),
            ],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions=_HERE,
        ),
        iam.PolicyStatement(
            sid="BlobsOfOurDistributions",
            principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
            actions=["kms:Decrypt"],
            resources=["*"],
            conditions={"ArnLike": {"aws:SourceArn": distributions()}},
        ),
    ]


def distributions() -> str:
    """Return the pattern of the account's distributions.

    The bucket's policy and the key's come before the distribution, which names the bucket: its own
    ARN does not exist yet.
    """
    return f"arn:{Aws.PARTITION}:cloudfront::{Aws.ACCOUNT_ID}:distribution/*"


def _log_groups() -> str:
    return f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
