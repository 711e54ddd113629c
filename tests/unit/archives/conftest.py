"""A study of large instances on moto, and what works on the messages of jobs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pydicom
import pytest

from nephele.domain.jobs import Job, JobState
from nephele.domain.zip_file import plan
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.archives import answer, contents
from nephele.services.archives.answer import submit_archive
from nephele.services.archives.request import ArchiveRequest, Root
from nephele.services.jobs import control, engine
from nephele.services.jobs.kinds import load_kind
from nephele.services.jobs.submit import JobOptions
from tests.unit.conftest import empty_archive, messages
from tests.unit.rest.conftest import Client, changed_sample

MEGABYTE = 1 << 20
SIZES = (6, 1, 13, 6, 1)
"""Megabytes: one is split, some are packed together; all of them make four segments."""


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut archives into segments that are hardly larger than a part has to be."""
    monkeypatch.setattr(plan, "SEGMENT_BYTES", 8 * MEGABYTE)
    monkeypatch.setattr(plan, "_ALONE_BYTES", 5 * MEGABYTE)
    monkeypatch.setattr(answer, "SEGMENT_BYTES", 8 * MEGABYTE)
    monkeypatch.setattr(contents, "_ON_THE_WAY_BYTES", MEGABYTE)


@dataclass(frozen=True, slots=True)
class Study:
    """A stored study; `files` by their numbers."""

    orthanc_id: str
    instance_ids: tuple[str, ...]
    files: tuple[bytes, ...]


@lru_cache
def large_file(number: int, size_bytes: int, *, noise: float = 0.5) -> bytes:
    """Return an instance of about a size, of which a part cannot be compressed."""
    ids = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1", "Modality": "CT"}
    file = changed_sample(**ids, SOPInstanceUID=f"1.9.1.{number}", InstanceNumber=str(number))
    dataset = pydicom.dcmread(io.BytesIO(file))
    dataset.Rows, dataset.Columns = size_bytes // 2048, 1024
    pixels = dataset.Rows * dataset.Columns * 2
    random_bytes = int(pixels * noise)
    noisy = np.random.default_rng(number).bytes(random_bytes)
    dataset.PixelData = noisy + bytes(pixels - random_bytes)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def client_of(archive: Archive) -> Client:
    """Return a client of an application without limits."""
    return Client(create_app(lambda: archive))


def store(archive: Archive, files: tuple[bytes, ...]) -> Study:
    """Store instances of one study."""
    client = client_of(archive)
    answers = [client.post("/instances", content=file).json() for file in files]
    return Study(answers[0]["ParentStudy"], tuple(one["ID"] for one in answers), files)


def store_study(archive: Archive) -> Study:
    """Store the study of large instances."""
    return store(archive, tuple(large_file(n, size * MEGABYTE) for n, size in enumerate(SIZES)))


@pytest.fixture(scope="module")
def stored() -> Iterator[tuple[Archive, Study]]:
    """Store the study once, for tests that change neither it nor what is made for calls."""
    with empty_archive() as opened:
        yield opened, store_study(opened)


def work(archive: Archive, has_time: Callable[[], bool] = lambda: True) -> int:
    """Work on messages of jobs until there are none; return how many slices that took."""
    slices = 0
    while found := messages(archive, "jobs"):
        for message in found:
            engine.run_message(archive, message, load_kind, has_time)
            slices += 1
    return slices


class Steps:
    """Has time for so many steps in each slice."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._left = steps

    def __call__(self) -> bool:
        """Tell whether another step may begin; the next slice has its own."""
        self._left -= 1
        if self._left < 0:
            self._left = self._steps
            return False
        return True


def submitted(archive: Archive, study: Study, **wanted: object) -> Job:
    """Submit a job for an archive of a study."""
    request = ArchiveRequest((study.orthanc_id,), Root.STUDY, **wanted)  # type: ignore[arg-type]
    return submit_archive(archive, request, "a.zip", JobOptions(synchronous=False))


def made(archive: Archive, job: Job) -> zipfile.ZipFile:
    """Return what a job has made; every member is whole."""
    ended = control.get_job(archive, job.identifier)
    assert ended.state is JobState.SUCCESS, (ended.error, ended.error_details)
    assert ended.content["ArchiveSize"] == str(archive.bucket.head(ended.output).size_bytes)
    opened = zipfile.ZipFile(io.BytesIO(archive.bucket.read(ended.output)))
    assert opened.testzip() is None
    return opened


def again(archive: Archive, job: Job) -> None:
    """Let the message of a job come again."""
    engine.enqueue(archive, control.get_job(archive, job.identifier))
    work(archive)
