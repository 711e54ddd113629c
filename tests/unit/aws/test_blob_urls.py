"""Signed paths of large bodies: what CloudFront is asked to check."""

from __future__ import annotations

import base64
import fnmatch
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from typer.testing import CliRunner

from nephele.aws import clients
from nephele.aws.blob_urls import BlobSigner, key_name
from nephele.cli.app import build_app
from nephele.errors import Unavailable
from nephele.services.archive import Archive
from nephele.services.handover import blob_path

KEY = "dicom/ab/0123/a b+ü"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    out = tmp_path / "blobs"
    made = CliRunner().invoke(build_app(), ["secrets", "new-blob-key", "--out", str(out)])
    assert made.exit_code == 0
    return out


@pytest.fixture
def signer(archive: Archive, key: Path) -> BlobSigner:
    """Return a signer whose private key has been pushed."""
    clients.secrets_manager.cache_clear()
    secret = boto3.client("secretsmanager").create_secret(
        Name="blobs", SecretString='{"placeholder": "x"}'
    )
    pushed = CliRunner().invoke(
        build_app(),
        ["secrets", "push-blob-key", "--key", f"{key}.pem", "--secret-id", secret["ARN"]],
    )
    assert pushed.exit_code == 0, pushed.output
    return BlobSigner("K1", key_name(Path(f"{key}.pub").read_text()), secret["ARN"])


def decoded(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"))


def test_a_path_is_signed_with_its_headers_and_expires(
    archive: Archive, signer: BlobSigner, key: Path
) -> None:
    path = signer.sign("/blobs/dicom/ab/x?response-content-type=image%2Fpng", 60)
    parts = parse_qs(urlsplit(path).query)
    policy = decoded(parts["Policy"][0])
    public = load_pem_public_key(Path(f"{key}.pub").read_bytes())
    assert isinstance(public, RSAPublicKey)
    public.verify(decoded(parts["Signature"][0]), policy, PKCS1v15(), SHA1())  # noqa: S303  CloudFront's
    assert parts["Key-Pair-Id"] == ["K1"]
    (statement,) = json.loads(policy)["Statement"]
    assert set(statement["Condition"]) == {"DateLessThan"}
    good = "dicom/ab/x?response-content-type=image%2Fpng"
    for front in ("https://d1.cloudfront.net/blobs/", "https://pacs.example.org/"):
        assert fnmatch.fnmatchcase(front + good, statement["Resource"])
        assert not fnmatch.fnmatchcase(front + good + "x", statement["Resource"])
        assert not fnmatch.fnmatchcase(f"{front}dicom/ab/y", statement["Resource"])


def test_the_archive_hands_over_by_cloudfront_where_there_is_a_key(
    archive: Archive, signer: BlobSigner
) -> None:
    import dataclasses

    served = dataclasses.replace(archive, blob_signer=signer)
    path = blob_path(served, KEY, content_type="", content_disposition="")
    assert path.startswith("/blobs/dicom/ab/0123/a%20b%2B%C3%BC?Policy=")
    assert "X-Amz-Signature" in blob_path(archive, KEY, content_type="", content_disposition="")


def test_a_key_that_was_not_pushed_is_told_of(archive: Archive, signer: BlobSigner) -> None:
    other = BlobSigner("K2", "another", signer.secret_id)
    with pytest.raises(Unavailable, match="has not been pushed"):
        other.sign("/blobs/x", 60)


def test_a_key_is_never_overwritten(key: Path) -> None:
    again = CliRunner().invoke(build_app(), ["secrets", "new-blob-key", "--out", str(key)])
    assert again.exit_code != 0
    assert Path(f"{key}.pem").stat().st_mode & 0o777 == 0o600
