"""Storing an instance for a caller who waits for Orthanc's answer: REST and uploads."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from nephele.aws.index.commit import Entry, Outcome
from nephele.aws.keys import FINAL
from nephele.domain.header import read_file_header
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import Identity, OrthancId
from nephele.domain.part10 import inspect_part10
from nephele.domain.provenance import Provenance
from nephele.domain.resources import StoreStatus
from nephele.domain.transcoding.ingest import ingest_target
from nephele.errors import BadFileFormat, BadParameterType, MissingIdentifier
from nephele.services.archive import Archive
from nephele.services.capacity import release
from nephele.services.index_objects import LARGEST_HEADER_BYTES, committer
from nephele.services.ingest_transcoding import transcode_received
from nephele.services.overrides import followed
from nephele.services.receive import write

REFUSALS = (BadFileFormat, BadParameterType, MissingIdentifier)
"""What is raised of a file that no other try would store."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Orthanc's answer to an upload: the status, and the ids at all levels."""

    status: StoreStatus
    orthanc_ids: dict[Level, OrthancId]


def store(archive: Archive, part10: BinaryIO, provenance: Provenance) -> Stored:
    """Store a DICOM file and index it before answering.

    Parameters
    ----------
    part10 : file
        The whole file, seekable.

    Raises
    ------
    BadFileFormat
        These bytes are not a whole DICOM file; nothing is stored.
    MissingIdentifier
        Study, Series or SOP Instance UID is missing; nothing is stored.
    """
    return commit_all(archive, [stage(archive, part10, provenance)])[0]


Staged = Entry | Stored
"""What is left to be indexed, or the answer for what needs no more."""


def stage(archive: Archive, part10: BinaryIO, provenance: Provenance) -> Staged:
    """Check a file, transcode it if that is asked, and write it to the bucket.

    It is durable then, and its event would index it; `commit_all` does so at once. Nothing is
    written of what lossy transcoding made an instance of before. Raises as `store`.
    """
    encoding = followed(archive).default_encoding
    part10.seek(0)
    inspected = inspect_part10(part10, encoding)
    target = ingest_target(inspected.transfer_syntax_uid, archive.configuration)
    with ExitStack() as stack:
        if target is not None:
            ingested = transcode_received(archive, part10, target, provenance, stack)
            if ingested.known is not None:
                return _already(inspected.identity, ingested.known)
            part10, provenance = ingested.file, ingested.provenance
            inspected = inspect_part10(part10, encoding)
        file = write(archive, part10, inspected, provenance, FINAL)
        return Entry(read_file_header(part10, encoding, LARGEST_HEADER_BYTES), file)


def _already(identity: Identity, known: OrthancId) -> Stored:
    ids = {level: identity.orthanc_id(level) for level in ORDER}
    return Stored(StoreStatus.ALREADY_STORED, ids | {Level.INSTANCE: known})


def commit_all(archive: Archive, staged: Sequence[Staged]) -> list[Stored]:
    """Index staged instances, series by series; return the answers in their order."""
    entries = {n: one for n, one in enumerate(staged) if isinstance(one, Entry)}
    answers = {n: one for n, one in enumerate(staged) if isinstance(one, Stored)}
    positions: dict[OrthancId, list[int]] = defaultdict(list)
    for position, entry in entries.items():
        positions[entry.header.identity.orthanc_id(Level.SERIES)].append(position)
    overwrite = archive.configuration.overwrite_instances
    for group in positions.values():
        some = [entries[position] for position in group]
        outcomes = committer(archive).commit(some)
        release(archive, [entry.file.uuid for entry in some])
        for position, outcome in zip(group, outcomes, strict=True):
            answers[position] = _answer(entries[position], outcome, overwrite=overwrite)
    return [answers[position] for position in range(len(staged))]


def _answer(entry: Entry, outcome: Outcome, *, overwrite: bool) -> Stored:
    """Tell what a caller is told: without overwriting, what stood there before stays the instance.

    That an earlier reception took its place late (REPLACED) does not make it a new one.
    """
    already = outcome is Outcome.LOST or (outcome is Outcome.REPLACED and not overwrite)
    status = StoreStatus.ALREADY_STORED if already else StoreStatus.SUCCESS
    identity = entry.header.identity
    return Stored(status, {level: identity.orthanc_id(level) for level in ORDER})


def adopt_upload(archive: Archive, upload_key: str, provenance: Provenance) -> Stored:
    """Make a finished presigned upload, small enough to be read whole, an instance of the archive.

    Raises
    ------
    BadFileFormat, MissingIdentifier
        As `store`; the upload is removed. At any other error it stays, for another try.
    """
    try:
        stored = store(archive, io.BytesIO(archive.bucket.read(upload_key)), provenance)
    except REFUSALS:
        archive.bucket.delete(upload_key)
        raise
    archive.bucket.delete(upload_key)
    return stored
