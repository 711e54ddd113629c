"""Command sets, against pynetdicom's and pydicom's own encoding."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from dimse_edge.command import Command, ProtocolError, parse_command
from dimse_edge.responses import encode_response
from dimse_edge.statuses import STORE_STATUSES
from nephele import errors
from tests.edge.data_sets import CT

UIDS = st.text("0123456789.", min_size=1, max_size=64)


@given(UIDS, st.integers(0, 65535))
def test_parse_what_pynetdicom_writes(uid: str, message_id: int) -> None:
    request = C_STORE()
    request.MessageID, request.Priority = message_id, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CT, "1.2.3"
    request.DataSet = io.BytesIO(b"\0\0")
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    pdv = next(message.encode_msg(1, 0)).presentation_data_value_list[0][1]
    parsed = parse_command(pdv[1:])
    assert parsed == Command(1, message_id, True, CT, "1.2.3")


@given(UIDS, st.integers(0, 65535), st.integers(0, 65535), st.text(max_size=100))
def test_response_is_read_by_pydicom(uid: str, message_id: int, status: int, comment: str) -> None:
    request = Command(1, message_id, True, CT, uid)
    encoded = encode_response(request, status, comment)
    response = dcmread(io.BytesIO(encoded), force=True)
    assert response.CommandGroupLength == len(encoded) - 12
    assert response[0x00000002].value == CT
    assert response.CommandField == 0x8001
    assert response.MessageIDBeingRespondedTo == message_id
    assert response.CommandDataSetType == 0x0101
    assert response.Status == status


@given(st.binary(max_size=200))
def test_anything_else_is_a_protocol_error(encoded: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_command(encoded)


def test_every_error_has_a_status() -> None:
    def descendants(cls: type[errors.NepheleError]) -> set[type[errors.NepheleError]]:
        return {cls}.union(*(descendants(child) for child in cls.__subclasses__()))

    assert descendants(errors.NepheleError) == set(STORE_STATUSES)
    assert 0x0000 not in STORE_STATUSES.values()
