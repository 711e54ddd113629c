"""boto3 clients of the account's root: for deploying and reading back, never for functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from infra.local.aws.server import REGION, RootCredentials
from infra.local.certificate import Certificate

if TYPE_CHECKING:
    from mypy_boto3_apigateway.client import APIGatewayClient
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ecs.client import ECSClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sts.client import STSClient


@dataclass(frozen=True)
class RootClients:
    """One typed client per service."""

    endpoint: str
    certificate: Certificate

    def close(self) -> None:
        """Close every connection; the server waits for them when it stops."""
        for value in self.__dict__.values():
            if isinstance(value, BaseClient):
                value.close()

    @cached_property
    def _session(self) -> boto3.Session:
        root = RootCredentials()
        return boto3.Session(
            aws_access_key_id=root.access_key,
            aws_secret_access_key=root.secret_key,
            region_name=REGION,
        )

    @property
    def _trusted(self) -> str:
        return str(self.certificate.bundle)

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation."""
        return self._session.client(
            "cloudformation", endpoint_url=self.endpoint, verify=self._trusted
        )

    @cached_property
    def functions(self) -> LambdaClient:
        """Lambda."""
        return self._session.client("lambda", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def gateway(self) -> APIGatewayClient:
        """API Gateway."""
        return self._session.client("apigateway", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def events(self) -> EventBridgeClient:
        """EventBridge."""
        return self._session.client("events", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def tasks(self) -> ECSClient:
        """ECS."""
        return self._session.client("ecs", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        """Secrets Manager."""
        return self._session.client(
            "secretsmanager", endpoint_url=self.endpoint, verify=self._trusted
        )

    @cached_property
    def queues(self) -> SQSClient:
        """SQS."""
        return self._session.client("sqs", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def identities(self) -> IAMClient:
        """IAM."""
        return self._session.client("iam", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def objects(self) -> S3Client:
        """S3."""
        return self._session.client("s3", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def tables(self) -> DynamoDBClient:
        """DynamoDB."""
        return self._session.client("dynamodb", endpoint_url=self.endpoint, verify=self._trusted)

    @cached_property
    def tokens(self) -> STSClient:
        """STS."""
        config = Config(retries={"mode": "standard"})
        return self._session.client(
            "sts", config=config, endpoint_url=self.endpoint, verify=self._trusted
        )
