"""Storage commitment, both ways: asked of others (`/storage-commitment`), and given to others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from nephele.aws.index import commitments as rows
from nephele.aws.keys import job_key
from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.commitment import (
    CLASS_INSTANCE_CONFLICT,
    FAILURE_REASONS,
    NO_SUCH_OBJECT_INSTANCE,
    Commitment,
    Reference,
)
from nephele.domain.levels import Level
from nephele.domain.resources import Resource
from nephele.errors import InexistentItem, UnknownResource
from nephele.services.archive import Archive

_PIECE_BYTES = 1 << 20
_MOST_IN_ROW = 4000
"""References of a report that are kept in a row, more in an object."""
_OBJECT = "Object"


def await_commitment(archive: Archive, transaction_uid: str, remote_aet: str) -> None:
    """Remember that a modality is asked; do so before it is."""
    table = archive.index.table
    rows.put_commitment(table, transaction_uid, {"RemoteAET": remote_aet, "Status": "Pending"})
    rows.list_commitment(table, transaction_uid)
    rows.trim_commitments(table, archive.configuration.storage_commitment_reports_size)


def keep_report(archive: Archive, report: Commitment) -> None:
    """Keep what a modality reports.

    Raises
    ------
    InexistentItem
        Nobody has asked for that.
    """
    known = require_commitment(archive, report.transaction_uid)
    document: dict[str, Any] = {
        "RemoteAET": known["RemoteAET"],
        "Status": "Failure" if report.failures else "Success",
        "Success": [_shown(reference) for reference in report.references],
        "Failures": [
            {
                **_shown(reference),
                "FailureReason": reference.reason,
                "Description": FAILURE_REASONS.get(reference.reason, "Unknown failure reason"),
            }
            for reference in report.failures
        ],
    }
    if len(report.references) + len(report.failures) > _MOST_IN_ROW:
        name = hashlib.sha256(report.transaction_uid.encode()).hexdigest()
        key = job_key(f"{name}.report")
        archive.bucket.put_json(key, document)
        document = {"RemoteAET": known["RemoteAET"], _OBJECT: key}
    rows.put_commitment(archive.index.table, report.transaction_uid, document)


def _shown(reference: Reference) -> dict[str, Any]:
    return {
        "SOPClassUID": reference.sop_class_uid,
        "SOPInstanceUID": reference.sop_instance_uid,
    }


def require_commitment(archive: Archive, transaction_uid: str) -> dict[str, Any]:
    """Return what is known of a transaction, as Orthanc shows it.

    Raises
    ------
    InexistentItem
        Nothing is known, or not any more.
    """
    known = rows.commitment(archive.index.table, transaction_uid)
    if known is None:
        raise InexistentItem("")
    if _OBJECT in known:
        report: dict[str, Any] = archive.bucket.read_json(known[_OBJECT])
        return report
    return known


def instances_named(archive: Archive, sop_instance_uids: Iterable[str]) -> list[Resource]:
    """Return the instances of some SOP Instance UIDs; there may be none of one, or several."""
    tag = IDENTIFIERS[Level.INSTANCE].tag
    ids = [one for uid in sop_instance_uids for one in archive.index.lookup(tag, uid)]
    found = archive.index.resources(ids)
    return [found[one] for one in ids if one in found]


def is_indexed(archive: Archive, reference: Reference) -> bool:
    """Tell whether there is an instance of a SOP Instance UID."""
    return bool(archive.index.lookup(IDENTIFIERS[Level.INSTANCE].tag, reference.sop_instance_uid))


def judge(archive: Archive, reference: Reference) -> Reference:
    """Return a reference with the reason why the archive does not commit to it, if there is one.

    An instance is committed when its object is there, and its bytes are those that were received.
    """
    instances = instances_named(archive, [reference.sop_instance_uid])
    if not instances:
        return _failed(reference, NO_SUCH_OBJECT_INSTANCE)
    of_class = [
        one for one in instances if one.metadata.get("SopClassUid") == reference.sop_class_uid
    ]
    if not of_class:
        return _failed(reference, CLASS_INSTANCE_CONFLICT)
    if not all(_is_intact(archive, one) for one in of_class):
        return _failed(reference, NO_SUCH_OBJECT_INSTANCE)
    return reference


def _failed(reference: Reference, reason: int) -> Reference:
    return Reference(reference.sop_class_uid, reference.sop_instance_uid, reason)


def _is_intact(archive: Archive, instance: Resource) -> bool:
    """Read an object to its end and compare its checksum with that of its reception."""
    file = instance.file
    if file is None:
        return False
    expected = file.compressed_md5 if file.is_compressed else file.md5
    digest, size_bytes = hashlib.md5(usedforsecurity=False), 0
    try:
        with archive.bucket.open_stream(file.key) as stream:
            while data := stream.read(_PIECE_BYTES):
                digest.update(data)
                size_bytes += len(data)
    except UnknownResource:
        return False
    return size_bytes == file.stored_bytes and expected in ("", digest.hexdigest())
