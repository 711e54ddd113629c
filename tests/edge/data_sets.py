"""Encoded data sets to send, and senders that can send them wrong."""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.association import Association

CT = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"


def ct(sop: str = "1.2.3.4", *, pixels: int = 512, **attributes: Any) -> Dataset:
    """Make a CT slice; attributes given as None are left out."""
    data_set = Dataset()
    data_set.SOPClassUID = CT
    data_set.SOPInstanceUID = sop
    data_set.PatientID = "PAT"
    data_set.PatientName = "Secret^Patient"
    data_set.StudyInstanceUID = "1.2"
    data_set.SeriesInstanceUID = "1.2.3"
    data_set.Modality = "CT"
    data_set.InstanceNumber = 1
    data_set.add_new(0x7FE00010, "OW", bytes(range(256)) * (pixels // 256))
    for keyword, value in attributes.items():
        if value is None:
            delattr(data_set, keyword)
        else:
            setattr(data_set, keyword, value)
    return data_set


def encode(data_set: Dataset, transfer_syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Encode a data set without file meta information."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax.is_implicit_VR
    buffer.is_little_endian = True
    write_dataset(buffer, data_set)
    return buffer.getvalue()


def as_file(data_set: Dataset, transfer_syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Encode a DICOM file."""
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = transfer_syntax
    buffer = io.BytesIO()
    data_set.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def data_set_of(part10: bytes) -> bytes:
    """Return what follows the file meta information."""
    (size,) = struct.unpack_from("<I", part10, 140)
    return part10[144 + size :]


def associate(
    port: int,
    classes: Mapping[str, Sequence[UID]] | None = None,
    *,
    calling: str = "SCU",
    called: str = "ORTHANC",
    **arguments: Any,
) -> Association:
    """Open an association from pynetdicom."""
    entity = AE(calling)
    for sop_class, syntaxes in (classes or {CT: [ExplicitVRLittleEndian]}).items():
        entity.add_requested_context(sop_class, list(syntaxes))
    handlers: list[evt.EventHandlerType] = [(evt.EVT_CONN_OPEN, _remember)]
    return entity.associate("127.0.0.1", port, ae_title=called, evt_handlers=handlers, **arguments)


_opened: list[socket.socket] = []


def _remember(event: evt.Event) -> None:
    """Keep the client's socket: pynetdicom does not close it when the server was faster."""
    wrapper = event.assoc.dul.socket
    if wrapper is not None and wrapper.socket is not None:
        _opened.append(wrapper.socket)


def close_connections() -> None:
    """Close the sockets of all associations."""
    while _opened:
        _opened.pop().close()


@dataclass(frozen=True, slots=True)
class Answer:
    """A C-STORE response; no status where the association was aborted."""

    status: int | None
    comment: str = ""


def store_encoded(
    association: Association,
    encoded: bytes,
    *,
    sop_class: str = CT,
    sop_instance: str = "1.2.3.4",
    message_id: int = 1,
) -> Answer:
    """Send any bytes as the data set of a C-STORE."""
    from pynetdicom.dimse_primitives import C_STORE

    request = C_STORE()
    request.MessageID = message_id
    request.AffectedSOPClassUID = sop_class
    request.AffectedSOPInstanceUID = sop_instance
    request.Priority = 2
    request.DataSet = io.BytesIO(encoded)
    context_id = association.accepted_contexts[0].context_id
    assert context_id is not None
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    if response is None:
        return Answer(None)
    return Answer(response.Status, str(response.ErrorComment or ""))


def permit_odd_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pydicom write what no device should send."""
    for name in ("_reading_validation_mode", "_writing_validation_mode"):
        monkeypatch.setattr(config.settings, name, config.IGNORE)
