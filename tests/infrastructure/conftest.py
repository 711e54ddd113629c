"""Syntheses shared by the tests: of Orthanc's defaults, and of a hospital's own choices."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.components.bundle import BUILD
from infra.synth import synthesize

from .assembly import Assembly

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
    configuration.write_text(json.dumps(OPTIONS))
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


@pytest.fixture(scope="session", params=["default", "hospital"])
def assembly(request: pytest.FixtureRequest) -> Assembly:
    """Return each assembly in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Assembly)
    return found
