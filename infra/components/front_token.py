"""The token by which the API's firewall knows what came through CloudFront."""

from __future__ import annotations

from aws_cdk import SecretValue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.acknowledge import REGULATIONS, acknowledge

_CHARACTERS = 40


def create_token(scope: Construct, key: kms.IKey, version: str) -> str:
    """Create a random token; templates carry a reference to it that CloudFormation resolves.

    Parameters
    ----------
    version : str
        Version of the secret; empty is the newest. CloudFormation does not see that a secret has
        changed, only that another version is named.
    """
    token = secretsmanager.Secret(
        scope,
        "FrontToken",
        description="Nephele: tells the API's firewall that a call came through CloudFront",
        encryption_key=key,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            password_length=_CHARACTERS, exclude_punctuation=True
        ),
    )
    reason = (
        "It lets nobody in: a login is asked for all the same. CloudFront and the firewall have to"
        " change it together, in a deployment (docs/operations.md)."
    )
    acknowledge(token, {"SMG4": reason})
    acknowledge(token, {"SecretsManagerRotationEnabled": reason}, REGULATIONS)
    value = SecretValue.secrets_manager(token.secret_arn, version_id=version or None)
    return value.unsafe_unwrap()
