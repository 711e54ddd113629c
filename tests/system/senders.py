"""Studies made by script, and DCMTK's storescu to send them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity
from tests.stack import Stack

_LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Study:
    """A CT study in a folder, one file per slice; `identities` are in the files' order."""

    folder: Path
    files: tuple[Path, ...]
    identities: tuple[Identity, ...]

    def orthanc_id(self, level: Level) -> str:
        """Return the id of the first slice's resource at a level."""
        return self.identities[0].orthanc_id(level)

    @property
    def instance_ids(self) -> set[str]:
        """Return the ids of all slices."""
        return {identity.orthanc_id(Level.INSTANCE) for identity in self.identities}


def make_study(
    folder: Path,
    slices: int,
    *,
    edge: int = 32,
    patient_id: str = "",
    series: int = 1,
    study_instance_uid: str = "",
) -> Study:
    """Write a study of CT slices of `edge` x `edge` pixels, spread over some series."""
    folder.mkdir(parents=True)
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.pop("DataSetTrailingPadding", None)  # storescu does not send it
    dataset.PatientID = patient_id or generate_uid()[-16:]
    dataset.StudyInstanceUID = study_instance_uid or generate_uid()
    series_uids = [generate_uid() for _ in range(series)]
    dataset.Rows = dataset.Columns = edge
    pixels = np.arange(edge * edge, dtype=np.int16).reshape(edge, edge)
    files, identities = [], []
    for n in range(slices):
        dataset.SeriesInstanceUID = series_uids[n % series]
        dataset.SOPInstanceUID = generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.InstanceNumber = n // series + 1
        dataset.PixelData = (pixels + n).tobytes()
        path = folder / f"{n:05}.dcm"
        dataset.save_as(path)
        files.append(path)
        identities.append(
            Identity(
                dataset.PatientID,
                dataset.StudyInstanceUID,
                dataset.SeriesInstanceUID,
                dataset.SOPInstanceUID,
            )
        )
    return Study(folder, tuple(files), tuple(identities))


def storescu(stack: Stack, files: Sequence[Path], *options: str) -> subprocess.Popen[str]:
    """Start DCMTK's storescu on some files, over one association."""
    program = shutil.which("storescu")
    if program is None:
        pytest.fail("storescu is missing: apt-get install dcmtk")
    host, port = stack.dicom_address
    return subprocess.Popen(
        [program, *options, host, str(port), *(str(file) for file in files)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={"TCP_NODELAY": "1"},
    )


def finish(sender: subprocess.Popen[str], seconds: float = 300) -> str:
    """Wait for a sender, and fail unless everything it sent was accepted; return its output."""
    try:
        output, _ = sender.communicate(timeout=seconds)
    finally:
        sender.kill()
    assert sender.returncode == 0, output
    return output


def send(stack: Stack, files: Sequence[Path], *options: str, seconds: float = 300) -> str:
    """Send files over one association and wait for the end."""
    return finish(storescu(stack, files, *options), seconds)


def wait_for_edge(stack: Stack, seconds: float = 60) -> None:
    """Return when C-ECHO is answered."""
    host, port = stack.dicom_address
    deadline = time.monotonic() + seconds
    while subprocess.run(["echoscu", host, str(port)], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            pytest.fail("the edge does not answer C-ECHO")
        time.sleep(_LOOK_AGAIN_SECONDS)
