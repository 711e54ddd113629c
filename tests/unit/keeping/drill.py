"""An archive of any size where everything has happened that a rebuilt index has to know of."""

from __future__ import annotations

import hashlib
import io
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from nephele.aws import clients, clock, object_metadata
from nephele.aws.index import codec, definitions, keys
from nephele.aws.keys import FINAL, InstanceKey
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId, orthanc_id
from nephele.domain.provenance import Origin, Provenance
from nephele.services import stability
from nephele.services.archive import Archive
from nephele.services.attachments import attach
from nephele.services.delete import begin_deletion, continue_deletion, delete
from nephele.services.deletion_parts import part_names
from nephele.services.exports import log_export
from nephele.services.index_objects import index_objects
from nephele.services.labels import add_label, remove_label
from nephele.services.metadata import set_metadata
from nephele.services.modalities import define_modality, forget_modality
from nephele.services.overrides import set_metrics_enabled
from nephele.services.peers.known import define_peer, forget_peer
from nephele.services.protection import protect
from nephele.services.purge import purge
from nephele.services.storage_compression import change_compression
from nephele.services.undelete import finish_restore, list_deletions, restore_part
from nephele.services.worklists import delete_worklist, put_worklist
from nephele.settings.peer import without_secrets
from tests.unit.conftest import messages
from tests.unit.keeping.conftest import follow_commits
from tests.unit.keeping.files import CT

STUDIES, INSTANCES = 5, 10
"""Of each patient, and of each study's only series."""
_DICOM = 1


@dataclass(frozen=True)
class Place:
    """Where an instance stands."""

    patient: int
    study: int
    number: int

    @property
    def uids(self) -> tuple[str, str, str, str]:
        study = f"1.2.{self.patient}.{self.study}"
        return f"P{self.patient}", study, f"{study}.1", f"{study}.1.{self.number}"

    def id_at(self, level: Level) -> OrthancId:
        return orthanc_id(*self.uids[: list(Level).index(level) + 1])


def file_of(place: Place, comment: str = "") -> bytes:
    """Return a file; the first of a study alone has the study's description."""
    patient, study, series, sop = place.uids
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT
    meta.MediaStorageSOPInstanceUID = sop
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, sop
    dataset.StudyDate = f"2026{place.patient % 12 + 1:02}{place.study:02}"
    dataset.Modality = ("CT", "MR")[place.study % 2]
    if place.number == 1:
        dataset.StudyDescription = f"came first {comment}"
    dataset.PatientID, dataset.PatientName = patient, f"Doe^{place.patient}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.ImagesInAcquisition = dataset.NumberOfSlices = INSTANCES
    dataset.NumberOfTimeSlices = 1
    dataset.InstanceNumber = place.number
    dataset.ImageComments = comment
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def put_object(archive: Archive, place: Place, comment: str = "") -> str:
    """Write an object as the edge does; return its key."""
    file = file_of(place, comment)
    digest = hashlib.md5(file, usedforsecurity=False)
    key = str(InstanceKey(FINAL, place.id_at(Level.INSTANCE), clock.new_uuid()))
    provenance = Provenance(Origin.DICOM_PROTOCOL, clock.now(), f"CT{place.number}", "NEPHELE")
    metadata = object_metadata.encode(provenance, digest.hexdigest(), None)
    archive.bucket.put(key, file, metadata, digest.digest())
    return key


def receive(archive: Archive, *places: Place, comment: str = "") -> None:
    assert index_objects(archive, [put_object(archive, one, comment) for one in places]) == {}


def settle(archive: Archive) -> None:
    """Do what all functions do, but for what is to be removed; `remove` does that."""
    follow_commits(archive)
    for reminder in messages(archive, "stable"):
        stability.settle(archive, reminder)  # type: ignore[arg-type]
    follow_commits(archive)


def remove(archive: Archive) -> None:
    """Remove the objects of what is served no more."""
    settle(archive)
    for message in messages(archive, "purge"):
        purge(archive, message["purge"])


def fill(archive: Archive, patients: int) -> None:
    """Receive everything, one patient after the other."""
    for patient in range(1, patients + 1):
        for study in range(1, STUDIES + 1):
            receive(archive, *(Place(patient, study, n + 1) for n in range(INSTANCES)))


def furnish(archive: Archive, patients: int) -> None:
    """Let happen what can happen: to the first ten patients alone, but for their labels."""
    _receive_again(archive)
    for patient in range(1, patients + 1):
        add_label(archive, Level.PATIENT, Place(patient, 1, 1).id_at(Level.PATIENT), "all")
    _keep(archive)
    _define(archive)
    settle(archive)
    _delete(archive)
    settle(archive)


def _receive_again(archive: Archive) -> None:
    receive(archive, Place(1, 1, 1))  # the same content, which goes
    receive(archive, Place(1, 1, 2), comment="other")  # other content, which is kept aside
    receive(archive, Place(3, 1, 2), comment="goes with its instance")
    remove(archive)
    receive(archive, Place(3, 1, 3))  # the same content: its object still waits for its removal
    receive(archive, Place(2, 6, 1))  # an old patient becomes recent, with a new study


def _keep(archive: Archive) -> None:
    study = Place(4, 1, 1).id_at(Level.STUDY)
    for n in range(60):
        add_label(archive, Level.STUDY, study, f"label-{n}")
    for verb in (add_label, remove_label):
        verb(archive, Level.SERIES, Place(4, 1, 1).id_at(Level.SERIES), "gone")
    instance = Place(4, 1, 1).id_at(Level.INSTANCE)
    set_metadata(archive, study, 1024, b"short", None)
    set_metadata(archive, study, 1024, b"shorter", None)
    set_metadata(archive, instance, 2000, b"\xff" * 5000, None)
    attach(archive, study, 1024, io.BytesIO(b"report"), None)
    attach(archive, instance, 1025, io.BytesIO(b"x" * 9000), None)
    change_compression(archive, instance, 1025, is_compressed=True)
    change_compression(archive, instance, _DICOM, is_compressed=True)
    remove(archive)
    for patient in (5, 6):
        protect(archive, Place(patient, 1, 1).id_at(Level.PATIENT), is_wanted=True)
    protect(archive, Place(6, 1, 1).id_at(Level.PATIENT), is_wanted=False)


def _define(archive: Archive) -> None:
    for name in ("PACS", "OLD"):
        define_modality(archive, name, [name, "127.0.0.1", 104])
        define_peer(archive, name, ["http://127.0.0.1:8042/", "user", "password"])
    define_modality(archive, "PACS", ["PACS", "127.0.0.1", 11112])
    forget_modality(archive, "OLD")
    forget_peer(archive, "OLD")
    kept = put_worklist(archive, {"0010,0020": "W1"})
    put_worklist(archive, {"0010,0020": "W2"}, kept)
    delete_worklist(archive, put_worklist(archive, {"0010,0020": "W3"}))
    set_metrics_enabled(archive, is_enabled=False)
    sent = archive.index.resource(Place(1, 1, 1).id_at(Level.STUDY))
    assert sent is not None
    log_export(archive, sent, "PACS")


def _delete(archive: Archive) -> None:
    add_label(archive, Level.STUDY, Place(7, 1, 1).id_at(Level.STUDY), "comes-back")
    deleted = [
        (Level.PATIENT, Place(3, 1, 1)),
        (Level.STUDY, Place(7, 1, 1)),
        (Level.INSTANCE, Place(8, 1, 4)),
        (Level.SERIES, Place(8, 2, 1)),
    ]
    for level, place in deleted:
        delete(archive, level, place.id_at(level))
    remove(archive)
    _restore(archive, Place(7, 1, 1).id_at(Level.STUDY))
    receive(archive, Place(8, 1, 4), comment="anew")
    remove(archive)
    receive(archive, Place(8, 2, 5))
    patient = archive.index.resource(Place(9, 1, 1).id_at(Level.PATIENT))
    assert patient is not None
    deletion = begin_deletion(archive, patient, is_recycled=True)
    assert continue_deletion(archive, patient, deletion)  # its objects still wait for their removal


def _restore(archive: Archive, restored: OrthancId) -> None:
    (deletion,) = (one for one in list_deletions(archive) if one.orthanc_id == restored)
    for name in part_names(archive.bucket, deletion.identifier):
        restore_part(archive, name)
    finish_restore(archive, deletion.identifier)


Rows = dict[tuple[str, str], dict[str, Any]]


def all_rows(archive: Archive) -> Rows:
    """Return every item of the table."""
    pages = clients.dynamodb().get_paginator("scan")
    return {
        (row["pk"]["S"], row["sk"]["S"]): row
        for page in pages.paginate(TableName=archive.index.table.name)
        for row in map(_without_order, page["Items"])
    }


def _without_order(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose sets, which have no order, are sorted."""
    return {
        name: {"SS": sorted(value["SS"])} if "SS" in value else value for name, value in row.items()
    }


NOT_REBUILT = {
    keys.CHANGES: "the log of changes begins anew; its numbers go on",
    f"CURSOR#{'changes'}": "how far a function has come with what it does over and over",
}
"""Partitions a rebuilt index does not have, each with its reason."""


@dataclass
class Told:
    """What is to be equal of a table, and what is equal in another way."""

    items: Rows
    counters: dict[str, int]
    order: list[str]
    """Patients in the order of recycling, which is kept lazily: see `oldest_patient`."""
    times: dict[str, str]
    """When something was received last beneath a parent that is there."""


def told(rows: Rows) -> Told:
    """Take out of a table what a rebuilt one has in another form."""
    counters: dict[str, int] = defaultdict(int)
    items: Rows = {}
    places, times = [], {}
    for key, row in rows.items():
        pk, sk = key
        if pk in NOT_REBUILT or pk.startswith(keys.PENDING):
            continue
        if pk == keys.COUNTERS:
            for name in row.keys() - {"pk", "sk"}:
                counters[name] += int(row[name]["N"])
            continue
        if pk == keys.RECYCLING:
            order, _, patient = sk.partition(keys.END)
            row_of = rows[patient, keys.RESOURCE]
            if row_of["ro"]["S"] == order:  # others are left from before
                places.append((max(order, row_of["c"]["S"]), patient))
            continue
        if sk.startswith(keys.HEADER) and _waits_for_removal(rows[pk, keys.RESOURCE], sk):
            continue
        row = _comparable(pk, row)
        if "c" in row and sk == keys.RESOURCE:
            times[pk] = row["c"]["S"]
            row = {name: value for name, value in row.items() if name not in ("u", "c", "ro")}
        items[key] = row
    return Told(items, dict(counters), [patient for _, patient in sorted(places)], times)


def _comparable(pk: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without secrets, which no journal has, and how often it forgot something."""
    if pk == keys.definitions(definitions.PEERS):
        peer = codec.read_document(row, "c")["value"]
        row = {**row, "c": codec.document({"value": peer and without_secrets(peer)})}
    return {name: value for name, value in row.items() if name != "eg"}


def _waits_for_removal(row: dict[str, Any], header: str) -> bool:
    """Tell whether a header goes with an object that is going to be removed."""
    uuid = header.removeprefix(keys.HEADER)
    return uuid in set(codec.ended_uuids(row)).difference(codec.aside_uuids(row))


def last_receptions(rows: Rows) -> dict[str, str]:
    """Return when the instances beneath each parent were received last, from their rows."""
    last: dict[str, str] = defaultdict(str)
    for (_, sk), row in rows.items():
        if sk == keys.RESOURCE and "r" in row and "a" in row:
            packed = row["a"]["B"]
            ids = [packed[n : n + 20].hex() for n in range(0, len(packed), 20)]
            for digest in ids:
                above = "-".join(digest[n : n + 8] for n in range(0, 40, 8))
                last[above] = max(last[above], row["r"]["S"])
    return dict(last)


@dataclass
class Drill:
    """How long a rebuild took."""

    instances: int
    seconds: float
    processor_seconds: float

    def __str__(self) -> str:
        rate = self.instances / self.seconds
        return (
            f"nephele reindex: {self.instances} instances in {self.seconds:.1f} s"
            f" ({rate:.0f} a second; {self.processor_seconds:.1f} s of processor,"
            " emulated AWS included)"
        )


class Timer:
    """Measures a rebuild; a context manager."""

    def __enter__(self) -> Timer:
        self._began, self._processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self.processor_seconds = time.process_time() - self._processor
