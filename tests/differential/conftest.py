"""Both servers, asked everything once; the tests look at what was found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.differential.differences import INTENDED
from tests.differential.orthanc import EXECUTABLE, scratch_orthanc
from tests.differential.report import Report, report
from tests.differential.scenario import play
from tests.differential.server import Server

STABLE_AGE_SECONDS = 6
_RUNNING = "NEPHELE_DIFFERENTIAL"
"""Variable: `<http url> <DICOM port>` of an empty Nephele that runs already."""


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a scratch Orthanc; a machine without one skips, CI fails."""
    if shutil.which(EXECUTABLE) is None:
        if "CI" in os.environ:
            pytest.fail("Orthanc is not installed (make system-packages)")
        pytest.skip("Orthanc is not installed (make system-packages)")
    with scratch_orthanc(tmp_path_factory.mktemp("orthanc"), STABLE_AGE_SECONDS) as server:
        yield server


@pytest.fixture(scope="session")
def nephele() -> Iterator[Server]:
    """Return the local stack."""
    http, dicom_port = os.environ[_RUNNING].split()
    yield Server("nephele", http, int(dicom_port))


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
