"""Filling the index up to a size with instances that have no object in the bucket."""

from __future__ import annotations

import hashlib

from bench.corpus import Study
from bench.run import BenchRun, as_root
from nephele.aws import clock
from nephele.aws.index import Index
from nephele.aws.index.commit import Committer, Entry
from nephele.aws.index.table import Table
from nephele.domain.header import read_header
from nephele.domain.levels import Level
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import StoredFile
from tests.stack import Stack

_PATIENCE_SECONDS = 600.0
_SLICES_PER_STUDY = 5
"""Few, so that even a small archive has more studies than a page of a list."""


def fill(run: BenchRun, stack: Stack, instances: int) -> None:
    """Commit instances of whole studies until so many are indexed, and wait for what follows."""
    with as_root(stack), stack.rest() as client:
        (table,) = stack.client("dynamodb").list_tables()["TableNames"]
        committer = Committer(Index(Table(table)), True, lambda _one, _other: True, lambda _: True)
        count = int(client.get("/statistics").json()["CountInstances"])
        while count < instances:
            study = run.corpus.study(min(_SLICES_PER_STUDY, instances - count))
            committer.commit(_entries(study))
            study.remove()
            count += len(study.files)
    stack.wait_idle(_PATIENCE_SECONDS)


def _entries(study: Study) -> list[Entry]:
    return [_entry(file.read_bytes()) for file in study.files]


def _entry(part10: bytes) -> Entry:
    header = read_header(part10)
    instance_id = header.identity.orthanc_id(Level.INSTANCE)
    uuid = clock.new_uuid()
    file = StoredFile(
        key=f"dicom/{instance_id[:2]}/{instance_id}/{uuid}",
        uuid=uuid,
        size_bytes=len(part10),
        md5=hashlib.md5(part10, usedforsecurity=False).hexdigest(),
        provenance=Provenance(Origin.DICOM_PROTOCOL, clock.now(), "BENCH", "ORTHANC", "127.0.0.1"),
    )
    return Entry(header, file)
