"""Syntheses shared by the tests: of Orthanc's defaults, and of a hospital's own choices."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.components.bundle import BUILD
from infra.local.certificate import ensure_certificate
from infra.synth import synthesize
from nephele.cli.blob_key_command import new_blob_key

from .assembly import Assembly

TOKEN_VERSION = "7d1c2a34-5b6e-4f70-8a9b-0c1d2e3f4a5b"  # noqa: S105
POOL = "eu-central-1_AbCdEf123"
PASSWORD = "a-password-that-must-not-travel"  # noqa: S105
OPTIONS = {
    "RemoteAccessAllowed": True,
    "RegisteredUsers": {"alice": PASSWORD},
    "DicomPort": 104,
    "DicomAet": "HOSPITAL",
}


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """Folder on the file system of the bundles, which are linked into an assembly."""
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-", dir=BUILD))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def default(scratch: Path) -> Assembly:
    """Return the assembly without a configuration file."""
    return Assembly(synthesize({}, scratch / "default"))


@pytest.fixture(scope="session")
def hospital(scratch: Path) -> Assembly:
    """Return the assembly of a configured archive in a VPC that is there already."""
    configuration = scratch / "orthanc.json"
    made = ensure_certificate(scratch)
    (scratch / "own.pem").write_bytes(made.key.read_bytes() + made.chain.read_bytes())
    configuration.write_text(
        json.dumps(OPTIONS | {"SslEnabled": True, "SslCertificate": "own.pem"})
    )
    context = {
        "config": str(configuration),
        "stage": "ward",
        "vpc_id": "vpc-0123456789abcdef0",
        "vpc_cidr": "10.1.0.0/16",
        "availability_zones": "eu-central-1a,eu-central-1b",
        "subnet_ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
        "route_table_ids": "rtb-0123456789abcdef0,rtb-0123456789abcdef1",
        "dicom_clients": "10.0.0.0/8,192.168.7.0/24",
    }
    return Assembly(synthesize(context, scratch / "hospital"))


@pytest.fixture(scope="session")
def complete(scratch: Path) -> Assembly:
    """Return the assembly of a deployment that asks for all there is, on ARM's processors."""
    keys = scratch / "blobs"
    new_blob_key(keys)
    key = "12345678-1234-1234-1234-123456789012"
    context = {
        "stage": "all",
        "architecture": "arm64",
        "region": "eu-central-1",
        "permissions_boundary": "arn:aws:iam::123456789012:policy/Boundary",
        "transit_gateway_id": "tgw-0123456789abcdef0",
        "transit_gateway_routes": "10.9.0.0/16,10.10.0.0/16",
        "domain": "dicom.example.org",
        "certificate_arn": f"arn:aws:acm:us-east-1:123456789012:certificate/{key}",
        "blob_public_keys": f"{keys}.pub",
        "web_log_distribution": "E2ABCDEFGHIJKL",
        "web_log_bucket": "nephele-all-web-logs",
        "front_token_version": TOKEN_VERSION,
        "login": "cognito",
        "user_pool_arn": f"arn:aws:cognito-idp:eu-central-1:123456789012:userpool/{POOL}",
        "api_start": "provisioned",
        "provisioned_concurrency": "2",
        "replica_bucket_arn": "arn:aws:s3:::replicas",
        "replica_key_arn": f"arn:aws:kms:eu-west-1:123456789012:key/{key}",
        "alarm_email": "operator@example.org",
        "monthly_budget_usd": "500",
    }
    return Assembly(synthesize(context, scratch / "complete"))


@pytest.fixture(scope="session")
def private(scratch: Path) -> Assembly:
    """Return the assembly of an archive without DICOM that only endpoints lead to."""
    key = "12345678-1234-1234-1234-123456789012"
    configuration = scratch / "private.json"
    configuration.write_text('{"RemoteAccessAllowed": true, "AuthenticationEnabled": false}')
    context = {
        "config": str(configuration),
        "stage": "inside",
        "edge": "false",
        "api": "private",
        "api_vpc_endpoint_ids": "vpce-0123456789abcdef0",
        "key_arn": f"arn:aws:kms:eu-central-1:123456789012:key/{key}",
        "reserved_concurrency": "false",
        "log_retention_days": "2192",
    }
    return Assembly(synthesize(context, scratch / "private"))


@pytest.fixture(scope="session", params=["default", "hospital", "complete", "private"])
def every(request: pytest.FixtureRequest) -> Assembly:
    """Return each assembly in turn, those as well that only policy is asked of."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Assembly)
    return found


@pytest.fixture(scope="session", params=["default", "hospital"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    """Return each assembly in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Assembly)
    return found
