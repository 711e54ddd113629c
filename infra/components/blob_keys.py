"""The keys that sign `/blobs/…`: CloudFront trusts them all, the first one signs."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.function import grant
from nephele.aws.blob_urls import key_name


class BlobKeys(Construct):
    """A trusted key group, and the secret of its private keys.

    Parameters
    ----------
    public_keys : sequence of str
        In PEM, the signing one first.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, public_keys: Sequence[str], key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = key
        names = [key_name(pem) for pem in public_keys]
        keys = [
            cloudfront.PublicKey(self, f"Key{name}", encoded_key=pem)
            for name, pem in zip(names, public_keys, strict=True)
        ]
        self.group = cloudfront.KeyGroup(self, "Group", items=keys)
        self.secret = self._create_secret()
        self.values = {
            "blob_key_id": keys[0].public_key_id,
            "blob_key_name": names[0],
            "blob_keys_secret": self.secret.secret_arn,
        }

    def grant_sign(self, grantee: iam.IGrantable) -> None:
        """Allow reading the private keys."""
        grant(grantee, ["secretsmanager:GetSecretValue"], [self.secret.secret_arn])
        grant(grantee, ["kms:Decrypt"], [self._key.key_arn])

    def _create_secret(self) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Secret",
            description="Nephele: private keys that sign large answers, by name",
            encryption_key=self._key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106  an empty object
                generate_string_key="placeholder",
            ),
            removal_policy=RemovalPolicy.RETAIN,
        )
        reason = (
            "CloudFront has to trust the new key before it signs, so that both change in a"
            " deployment; `nephele secrets new-blob-key` makes one (docs/operations.md)."
        )
        acknowledge(secret, {"SMG4": reason})
        acknowledge(secret, {"SecretsManagerRotationEnabled": reason}, REGULATIONS)
        return secret
