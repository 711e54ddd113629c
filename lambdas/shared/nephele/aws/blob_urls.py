"""Signatures of `/blobs/…` as CloudFront checks them: RSA, by a key of the trusted group."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from nephele.aws import clock
from nephele.aws.secrets import read_secret
from nephele.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_NAME_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class BlobSigner:
    """The key that signs, known by its public half; the private one is in a secret.

    Attributes
    ----------
    key_id : str
        CloudFront's name of the public key.
    key_name : str
        Ours (`key_name`), under which the secret holds the private key.
    """

    key_id: str
    key_name: str
    secret_id: str

    def sign(self, path: str, expires_seconds: int) -> str:
        """Return a path with query, made good for a while.

        The policy names everything but what is in front: the host, which this process does not
        know, and `/blobs`, which CloudFront takes away before it asks the bucket.

        Raises
        ------
        Unavailable
            The private key has not been pushed.
        """
        from botocore.signers import CloudFrontSigner

        signer = CloudFrontSigner(self.key_id, self._sign)
        key = path.partition("/blobs/")[2]
        policy = _policy(f"https://*/*{key}", expires_seconds)
        return str(signer.generate_presigned_url(path, policy=policy))

    def _sign(self, message: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA1

        key = _private_key(self.secret_id, self.key_name)
        return key.sign(message, PKCS1v15(), SHA1())  # noqa: S303  CloudFront's own choice


def query_of(content_type: str, content_disposition: str) -> str:
    """Return the query by which S3 is told the headers of an answer, if not empty."""
    shown = {
        "response-content-disposition": content_disposition,
        "response-content-type": content_type,
    }
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in shown.items() if value)


def key_name(public_pem: str) -> str:
    """Return our name of a public key: the beginning of its hash."""
    return hashlib.sha256(public_pem.strip().encode()).hexdigest()[:_NAME_CHARACTERS]


def _policy(resource: str, expires_seconds: int) -> str:
    condition = {"DateLessThan": {"AWS:EpochTime": clock.expiry(expires_seconds)}}
    statement = [{"Resource": resource, "Condition": condition}]
    return json.dumps({"Statement": statement}, separators=(",", ":"))


@lru_cache(maxsize=4)
def _private_key(secret_id: str, name: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = json.loads(read_secret(secret_id)).get(name)
    if not isinstance(pem, str):
        raise Unavailable("The key that signs large answers has not been pushed")
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise Unavailable("The key that signs large answers is no RSA key")
    return key
