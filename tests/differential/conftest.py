"""Both servers, asked everything once; the tests look at what was found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.differential.differences import INTENDED
from tests.differential.orthanc import EXECUTABLE, scratch_orthanc
from tests.differential.report import Report, report
from tests.differential.scenario import play
from tests.differential.server import Server, configuration
from tests.stack import running_stack

STABLE_AGE_SECONDS = 6


def require_orthanc() -> None:
    """Skip on a machine without Orthanc; in CI, fail."""
    if shutil.which(EXECUTABLE) is None:
        if "CI" in os.environ:
            pytest.fail("Orthanc is not installed (make system-packages)")
        pytest.skip("Orthanc is not installed (make system-packages)")


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a scratch Orthanc."""
    require_orthanc()
    with scratch_orthanc(tmp_path_factory.mktemp("orthanc"), STABLE_AGE_SECONDS) as server:
        yield server


@pytest.fixture(scope="session")
def nephele(tmp_path_factory: pytest.TempPathFactory, assemblies: Path) -> Iterator[Server]:
    """Run a local stack of the same configuration."""
    options = configuration(STABLE_AGE_SECONDS)
    options["PeersAllowedAddresses"] = ["127.0.0.0/8"]  # the other server is on this machine
    folder = tmp_path_factory.mktemp("nephele")
    with running_stack(folder, assemblies, configuration=options) as stack:
        yield Server("nephele", stack.http, stack.dicom_address[1])


@pytest.fixture(scope="session")
def found(orthanc: Server, nephele: Server, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Ask both servers everything, side by side."""
    servers = (orthanc, nephele)
    with ThreadPoolExecutor(len(servers)) as pool:
        played = [
            pool.submit(play, server, tmp_path_factory.mktemp(server.name)) for server in servers
        ]
        theirs, ours = (one.result() for one in played)
    return report(theirs, ours, INTENDED)
