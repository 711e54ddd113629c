"""C-STORE: a received data set becomes a durable instance, or an error says why not."""

from __future__ import annotations

from typing import BinaryIO

from dimse_edge.command import Command
from dimse_edge.reception import Reception
from nephele.domain import attributes
from nephele.domain.orthanc_id import Identity
from nephele.domain.part10 import InspectedFile, received_identity, uid_of
from nephele.domain.provenance import Provenance
from nephele.domain.walk import Walk, walk_data_set
from nephele.errors import BadFileFormat, IdentifierMismatch, MissingIdentifier
from nephele.services.archive import Archive
from nephele.services.overrides import followed
from nephele.services.receive import Receipt, receive

_LONGEST_UID = 64


def store(archive: Archive, reception: Reception, provenance: Provenance) -> Receipt:
    """Check a data set to its end and write it to the bucket.

    Raises
    ------
    BadFileFormat
        It is truncated, cannot be parsed, or does not say which instance it is.
    IdentifierMismatch
        It is another instance than the command says.
    MissingIdentifier
        It belongs to no study or series.
    StorageFull, Unavailable
        There is no room, or S3 did not take it; nothing is stored.
    """
    file = reception.open()
    inspected = inspect(file, reception, followed(archive).default_encoding)
    return receive(archive, file, inspected, provenance, reception.digests)


def inspect(file: BinaryIO, reception: Reception, default_encoding: str) -> InspectedFile:
    """Walk over a received data set and say which instance it is."""
    file.seek(reception.data_set_offset)
    walk = walk_data_set(file, reception.transfer_syntax_uid)
    _check_command(walk, reception.request)
    return InspectedFile(
        identity=_identity_of(walk, default_encoding),
        sop_class_uid=uid_of(walk, attributes.SOP_CLASS_UID),
        transfer_syntax_uid=reception.transfer_syntax_uid,
        pixel_data_offset=walk.pixel_data_offset,
        pixel_data_vr=walk.pixel_data_vr,
        data_set_offset=reception.data_set_offset,
        size_bytes=reception.size_bytes,
    )


def _check_command(walk: Walk, request: Command) -> None:
    sop_class_uid = uid_of(walk, attributes.SOP_CLASS_UID)
    sop_instance_uid = uid_of(walk, attributes.SOP_INSTANCE_UID)
    if not sop_class_uid or not sop_instance_uid:
        raise BadFileFormat("SOP Class UID or SOP Instance UID is missing")
    if sop_class_uid != request.sop_class_uid or not _names(
        request.sop_instance_uid, sop_instance_uid
    ):
        raise IdentifierMismatch("command and data set name different instances")


def _names(affected_uid: str, sop_instance_uid: str) -> bool:
    """Tell whether a command names an instance.

    A command holds 64 characters of a UID (PS3.5 9.1): clients cut there what is longer.
    """
    if len(sop_instance_uid) > _LONGEST_UID:
        sop_instance_uid = sop_instance_uid[: max(len(affected_uid), _LONGEST_UID)]
    return affected_uid == sop_instance_uid


def _identity_of(walk: Walk, default_encoding: str) -> Identity:
    try:
        return received_identity(walk, default_encoding)
    except BadFileFormat as exc:  # an empty UID is as good as none
        raise MissingIdentifier(str(exc)) from exc
