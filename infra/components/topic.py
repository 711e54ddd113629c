"""The topic that alarms go to, and the person who reads them."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.components.acknowledge import SERVERLESS, acknowledge

_PUBLISHERS = ("budgets.amazonaws.com", "cloudwatch.amazonaws.com")


def create_topic(scope: Construct, key: kms.IKey, email: str) -> sns.Topic:
    """Create an encrypted topic that takes messages over TLS from alarms and budgets."""
    topic = sns.Topic(scope, "Alarms", master_key=key, enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(name) for name in _PUBLISHERS],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    if email:
        topic.add_subscription(subscriptions.EmailSubscription(email))
        reason = "A mail that is not taken is tried again by SNS; the alarm itself stays on."
        acknowledge(topic, {"SNSRedrivePolicy": reason}, SERVERLESS)
    return topic
