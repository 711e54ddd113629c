"""Storing a ZIP archive as a job: some members at a time, so that another worker can go on."""

from __future__ import annotations

from typing import Any

import orjson

from nephele.aws import object_metadata
from nephele.aws.keys import answer_key
from nephele.domain.jobs import Job
from nephele.domain.levels import Level
from nephele.domain.provenance import Provenance
from nephele.errors import BadFileFormat, FileTooLarge
from nephele.services.archive import Archive
from nephele.services.archive_members import open_zip
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import run_or_wait, submit
from nephele.services.store import Stored
from nephele.services.uploads import STORE_ZIP, StagedZip, bounds_of, next_group, store_group

_KEY = "Key"
_PROVENANCE = "Provenance"
_DONE = "done"
_PARTS = "parts"


def store_by_job(archive: Archive, staged: StagedZip, provenance: Provenance) -> Job:
    """Store a ZIP archive by a job, and wait for it as long as a call may."""
    request = {_KEY: staged.key, _PROVENANCE: object_metadata.encode(provenance, "", None)}
    job = submit(archive, STORE_ZIP, request, identifier=staged.identifier)
    return run_or_wait(archive, job)


def run(archive: Archive, piece: Slice) -> bool:
    """Store members; what they are answered with is kept beside until all are done."""
    key = piece.request[_KEY]
    if not is_answered(piece):
        try:
            if not _store(archive, piece, key):
                return False
        except (BadFileFormat, FileTooLarge):
            archive.bucket.delete(key)
            raise
        _answer(archive, piece)
        piece.checkpoint(1.0)
    archive.bucket.delete(key)
    return True


def is_answered(piece: Slice) -> bool:
    """Tell whether the answer is written: the archive may be gone by then."""
    return bool(piece.output[0])


def _store(archive: Archive, piece: Slice, key: str) -> bool:
    """Store what is left as far as there is time; tell whether nothing is left."""
    provenance = object_metadata.decode_provenance(piece.request[_PROVENANCE])
    with (
        archive.bucket.object(key) as file,
        open_zip(file, bounds_of(archive)) as archived,
    ):
        members = archived.members
        while group := next_group(members, piece.position.get(_DONE, 0)):
            if not piece.has_time():
                return False
            stored = store_group(archive, archived, group, provenance)
            part, done = piece.position.get(_PARTS, 0), piece.position.get(_DONE, 0) + len(group)
            _keep(archive, _part_key(piece, part), [describe(one) for one in stored])
            piece.position |= {_DONE: done, _PARTS: part + 1}
            piece.checkpoint(done / len(members))
    return True


def _answer(archive: Archive, piece: Slice) -> None:
    """Put the answers together: they may be more than a job's row can hold."""
    answers: list[Any] = []
    for part in range(piece.position.get(_PARTS, 0)):
        answers += archive.bucket.read_json(_part_key(piece, part))
    key = answer_key(piece.job.identifier)
    _keep(archive, key, answers)
    piece.set_output(key, "answer.json")


def _keep(archive: Archive, key: str, document: object) -> None:
    archive.bucket.put_whole(key, orjson.dumps(document), {})


def _part_key(piece: Slice, part: int) -> str:
    return answer_key(f"{piece.job.identifier}/{part}")


def describe(stored: Stored) -> dict[str, str]:
    """Return Orthanc's answer for one instance."""
    ids = stored.orthanc_ids
    return {
        "ID": ids[Level.INSTANCE],
        "ParentPatient": ids[Level.PATIENT],
        "ParentSeries": ids[Level.SERIES],
        "ParentStudy": ids[Level.STUDY],
        "Path": f"/instances/{ids[Level.INSTANCE]}",
        "Status": stored.status.value,
    }
