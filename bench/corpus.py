"""CT studies of 512x512x16 slices: made once, then written with new identifiers for each run."""

from __future__ import annotations

import itertools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pydicom

from bench.edge import write_slices
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId

_PATIENT_ID = "BENCH"
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Study:
    """A study on disk; `identities` are in the files' order."""

    files: tuple[Path, ...]
    identities: tuple[Identity, ...]

    @property
    def instance_ids(self) -> list[OrthancId]:
        """Return the ids of all slices."""
        return [identity.orthanc_id(Level.INSTANCE) for identity in self.identities]

    def orthanc_id(self, level: Level) -> OrthancId:
        """Return the id of the first slice's resource at a level."""
        return self.identities[0].orthanc_id(level)

    def remove(self) -> None:
        """Remove its files."""
        for file in self.files:
            file.unlink()


@dataclass(frozen=True, slots=True)
class _Slice:
    content: bytes
    sop_instance_uid: str


class Corpus:
    """Slices in memory, and studies made of them."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        with tempfile.TemporaryDirectory(dir=folder) as made:
            write_slices(Path(made), count)
            paths = sorted(Path(made).iterdir())
            first = pydicom.dcmread(paths[0], stop_before_pixels=True)
            self._study_uid = str(first.StudyInstanceUID)
            self._series_uid = str(first.SeriesInstanceUID)
            self._slices = [_read(path) for path in paths]

    def __len__(self) -> int:
        return len(self._slices)

    def studies(self, count: int, slices: int | None = None) -> list[Study]:
        """Write several studies that hold so many slices together, of one patient each."""
        each = max(1, (slices or len(self)) // count)
        return [self.study(min(each, len(self))) for _ in range(count)]

    def study(self, slices: int) -> Study:
        """Write a study of the first slices under identifiers nobody has seen."""
        run = f"{os.getpid()}.{next(_runs)}"
        folder = self._folder / run
        folder.mkdir()
        files, identities = [], []
        patient_id = f"{_PATIENT_ID[0]}{next(_runs):05}"
        study_uid, series_uid = (
            _renamed(self._study_uid, run, 1),
            _renamed(self._series_uid, run, 2),
        )
        for number, item in enumerate(self._slices[:slices]):
            uid = _renamed(item.sop_instance_uid, run, number + 3)
            content = item.content
            for old, new in (
                (f"{_PATIENT_ID} ", patient_id),
                (self._study_uid, study_uid),
                (self._series_uid, series_uid),
                (item.sop_instance_uid, uid),
            ):
                content = content.replace(old.encode(), new.encode())
            path = folder / f"{number:05}.dcm"
            path.write_bytes(content)
            files.append(path)
            identities.append(Identity(patient_id, study_uid, series_uid, uid))
        return Study(tuple(files), tuple(identities))


def _read(path: Path) -> _Slice:
    found = pydicom.dcmread(path, stop_before_pixels=True)
    return _Slice(path.read_bytes(), str(found.SOPInstanceUID))


def _renamed(uid: str, run: str, number: int) -> str:
    """Return a new UID of the same length, so that it can take the old one's place in a file."""
    name = f"{run}.{number}"
    return f"2.25.{name}.".ljust(len(uid), "1")[: len(uid)]
