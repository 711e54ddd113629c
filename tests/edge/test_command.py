"""Command sets, against pynetdicom's and pydicom's own encoding."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from dimse_edge.command import Command, ProtocolError, Tag, parse_command
from dimse_edge.responses import encode_response
from dimse_edge.statuses import STORE_STATUSES
from nephele import errors
from tests.edge.data_sets import CT

_ORTHANC = bytes.fromhex(
    "00000000040000006a000000000002001c000000312e322e3834302e31303030382e352e312e342e312e322e322e33"
    "00000000010200000010800000200102000000010000000008020000000101000000090200000000c0000021100200"
    "000001000000221002000000010000002310020000000000080000000400000032000000080058002a000000312e39"
    "2e3939392e3939392e39392e392e393939392e393939392e323030333038313831353335313600"
)
"""The last response to a C-GET without a context for one of two instances, of Orthanc 1.10.1."""

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


def test_details_of_a_status_may_be_of_other_groups() -> None:
    response = parse_command(_ORTHANC)
    assert (response.field, response.status, response.has_data_set) == (0x8010, 0xC000, False)
    assert [response.number(tag) for tag in (Tag.COMPLETED, Tag.FAILED, Tag.WARNING)] == [1, 1, 0]
    assert response.failed_sop_instance_uids == ["1.9.999.999.99.9.9999.9999.20030818153516"]


@pytest.mark.parametrize("missing", range(1, 50))
def test_elements_of_other_groups_are_bounded_by_the_command(missing: int) -> None:
    with pytest.raises(ProtocolError):
        parse_command(_ORTHANC[:-missing])


@given(st.binary(max_size=200))
def test_anything_else_is_a_protocol_error(encoded: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_command(encoded)


def test_every_error_has_a_status() -> None:
    def descendants(cls: type[errors.NepheleError]) -> set[type[errors.NepheleError]]:
        return {cls}.union(*(descendants(child) for child in cls.__subclasses__()))

    public = {one for one in descendants(errors.NepheleError) if one.__module__ == errors.__name__}
    assert public == set(STORE_STATUSES)
    assert 0x0000 not in STORE_STATUSES.values()
