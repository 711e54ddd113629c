"""Whatever is sent to the port: rejected by the standard's own means, and the edge goes on."""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import struct
import threading
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian

from dimse_edge.command import Command, parse_command
from nephele.domain.sop_classes import (
    MODALITY_WORKLIST_FIND,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from tests.edge.scp.conftest import InnerEdge, StartInner
from tests.edge.scp.test_find import ask, associate, identifier

_CONTEXTS = (STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET, MODALITY_WORKLIST_FIND, VERIFICATION)
_SECONDS = 20.0
_ALL_ANSWERS_BYTES = 16 * 5 * 400 * 8
"""What sixteen queries for five studies are answered with, at least: 400 empty elements each."""
_A_ABORT = b"\x07\0\0\0\0\x04\0\0\0\0"
_KNOWN_PDUS = frozenset({0x02, 0x03, 0x04, 0x06, 0x07})
_GROWTH_BYTES = 64 << 20
_FIELDS = (0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0130, 0x0FFF, 0x8001, 0x8020, 0x1234)


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _pdu(kind: int, body: bytes, size: int | None = None) -> bytes:
    return struct.pack(">BBL", kind, 0, len(body) if size is None else size) + body


def association_request(contexts: bytes = b"") -> bytes:
    """Return an A-ASSOCIATE-RQ for these contexts, or for all services."""
    contexts = contexts or b"".join(
        _item(
            0x20,
            bytes((2 * number + 1, 0, 0, 0))
            + _item(0x30, uid.encode())
            + _item(0x40, ExplicitVRLittleEndian.encode()),
        )
        for number, uid in enumerate(_CONTEXTS)
    )
    user = _item(0x50, _item(0x51, struct.pack(">L", 16384)) + _item(0x52, b"1.2.3"))
    application = _item(0x10, b"1.2.840.10008.3.1.1.1")
    titles = b"ORTHANC".ljust(16) + b"FUZZ".ljust(16)
    return _pdu(1, b"\0\1\0\0" + titles + bytes(32) + application + contexts + user)


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def command(field: int, *, has_data_set: bool, destination: bytes = b"") -> bytes:
    elements = [
        _element(0x0002, STUDY_ROOT_FIND.encode()),
        _element(0x0100, struct.pack("<H", field)),
        _element(0x0110, struct.pack("<H", 1)),
        _element(0x0600, destination),
        _element(0x0700, struct.pack("<H", 0)),
        _element(0x0800, struct.pack("<H", 1 if has_data_set else 0x0101)),
    ]
    body = b"".join(elements)
    return _element(0, struct.pack("<L", len(body))) + body


def _values(context: int, control: int, body: bytes) -> bytes:
    return _pdu(4, struct.pack(">LBB", len(body) + 2, context, control) + body)


_identifiers = st.one_of(
    st.binary(max_size=64),
    st.just(b"\x08\x00\x52\x00CS\x06\x00STUDY "),
    st.just(b"\x08\x00\x52\x00CS\x06\x00FRAME "),
    st.just(b"\x08\x00\x52\x00CS\x06\x00STUDY \x0d\x00\x20\x00UI\x02\x001*"),
    st.builds(
        lambda name: b"\x10\x00\x10\x00PN" + struct.pack("<H", len(name)) + name, st.binary()
    ),
)
_messages = st.builds(
    lambda field, context, has_data_set, destination, encoded, is_whole: (
        _values(context, 3, command(field, has_data_set=has_data_set, destination=destination))
        + (_values(context, 2 if is_whole else 0, encoded) if has_data_set else b"")
    ),
    st.sampled_from(_FIELDS),
    st.sampled_from((1, 3, 5, 7, 9, 11, 255)),
    st.booleans(),
    st.sampled_from((b"", b"NOBODY", b"A" * 18, b"\xff\xfe")),
    _identifiers,
    st.booleans(),
)
_garbage = st.one_of(
    st.binary(max_size=128),
    st.builds(_pdu, st.integers(0, 255), st.binary(max_size=32), st.integers(0, 2**32 - 1)),
    st.builds(_values, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=64)),
)
_conversations = st.tuples(
    st.booleans(), st.lists(st.one_of(_messages, _messages, _garbage), max_size=6)
)


def talk(port: int, *chunks: bytes) -> bytes:
    """Send bytes, tell that there are no more, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        answer = b""
        try:
            for chunk in chunks:
                connection.sendall(chunk)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            return answer
    return answer


def assert_dicom(answer: bytes) -> None:
    """Check that what was answered is a row of PDUs, the last of which may be cut."""
    while len(answer) >= 6:
        kind, size = struct.unpack_from(">BxL", answer)
        assert kind in _KNOWN_PDUS
        answer = answer[6 + size :]


def assert_serves(edge: InnerEdge) -> None:
    association = associate(edge.port)
    assert len(ask(association, identifier("PATIENT", PatientID="P1"))) == 2
    association.release()


@pytest.fixture(autouse=True)
def no_surprises(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let no exception reach the outermost boundary of an association or a request."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert not [one.exc_info for one in records if one.levelno >= logging.ERROR]


def _fuzz(edge: InnerEdge, conversation: tuple[bool, list[bytes]]) -> None:
    is_associated, chunks = conversation
    start = [association_request()] if is_associated else []
    assert_dicom(talk(edge.port, *start, *chunks))


_OPTIONS = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_OPTIONS
@given(conversation=_conversations)
def test_conversations(edge: InnerEdge, conversation: tuple[bool, list[bytes]]) -> None:
    _fuzz(edge, conversation)


@pytest.mark.soak
@settings(_OPTIONS, max_examples=5000)
@given(conversation=_conversations)
def test_many_conversations(edge: InnerEdge, conversation: tuple[bool, list[bytes]]) -> None:
    _fuzz(edge, conversation)


def test_edge_serves_after_garbage(edge: InnerEdge) -> None:
    chance = random.Random(7)  # noqa: S311  the same in each run
    before = psutil.Process().memory_info().rss
    for _ in range(100):
        request = bytearray(association_request())
        for _ in range(chance.randint(0, 4)):
            request[chance.randrange(6, len(request))] = chance.randrange(256)
        assert_dicom(talk(edge.port, bytes(request), chance.randbytes(2000)))
    edge.wait_for_end()
    assert psutil.Process().memory_info().rss - before < _GROWTH_BYTES
    assert_serves(edge)


@pytest.mark.parametrize("count", [129, 5_000, 10_000, 100_000])
def test_more_contexts_than_there_are_ids(edge: InnerEdge, count: int) -> None:
    """They are refused, the largest of such requests before they are read."""
    before = psutil.Process().memory_info().rss
    contexts = b"".join(
        _item(
            0x20,
            bytes(((2 * number + 1) % 256, 0, 0, 0))
            + _item(0x30, VERIFICATION.encode())
            + _item(0x40, ExplicitVRLittleEndian.encode()),
        )
        for number in range(count)
    )
    assert talk(edge.port, association_request(contexts)) == _A_ABORT
    assert psutil.Process().memory_info().rss - before < _GROWTH_BYTES
    assert_serves(edge)


@pytest.mark.parametrize(
    "destination", [b"A" * 17, b"A" * 18, b"A" * 64, b"A\\B", b"\xff\xfe", b""], ids=repr
)
def test_move_destinations_that_are_none(start: StartInner, destination: bytes) -> None:
    """None is taken for the modality that has its first sixteen characters."""
    edge = start(DicomModalities={"long": ["A" * 16, "127.0.0.1", 1]})
    keys = b"\x08\0\x52\0CS\x06\0STUDY \x20\0\x0d\0UI\x0c\x001.2.840.99.1"
    request = _values(3, 3, command(0x0021, has_data_set=True, destination=destination))
    answer = talk(edge.port, association_request(), request, _values(3, 2, keys))
    assert_dicom(answer)
    (response,) = _responses(answer)
    assert (response.field, response.status) == (0x8021, 0xC000)
    assert "destination" in response.comment


def _responses(answer: bytes) -> list[Command]:
    """Return the command sets of some PDUs, each of which has one."""
    found = []
    while answer:
        kind, size = struct.unpack_from(">BxL", answer)
        if kind == 0x04:
            found.append(parse_command(bytearray(answer[12 : 6 + size])))
        answer = answer[6 + size :]
    return found


def test_pdus_of_absurd_lengths(edge: InnerEdge) -> None:
    for kind in (1, 4, 5, 7):
        answer = talk(edge.port, association_request(), _pdu(kind, b"", 0xFFFFFFF0))
        assert_dicom(answer)
    assert_serves(edge)


def test_an_identifier_without_end(edge: InnerEdge) -> None:
    """More than 4 MiB of one are not kept: the association is aborted."""
    begin = _values(1, 3, command(0x0020, has_data_set=True))
    parts = [_values(1, 0, bytes(16000))] * 300
    answer = talk(edge.port, association_request(), begin, *parts)
    assert_dicom(answer)
    assert_serves(edge)


def test_requests_without_end(edge: InnerEdge) -> None:
    many = [_values(9, 3, command(0x0030, has_data_set=False))] * 500
    assert_dicom(talk(edge.port, association_request(), *many))
    assert_serves(edge)


def test_a_peer_that_takes_a_byte_now_and_then_is_given_up(start: StartInner) -> None:
    """It takes something each time, so the kernel's own timeout never comes; others go on."""
    edge = start(DicomScpTimeout=1, StorageAccessOnFind="Never")
    edge.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    empty = b"".join(struct.pack("<HH2sH", 0x18, number, b"LO", 0) for number in range(16, 416))
    keys = b"\x08\0\x52\0CS\x06\0STUDY " + empty
    request = _values(1, 3, command(0x0020, has_data_set=True)) + _values(1, 2, keys)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", edge.port))
        client.settimeout(_SECONDS)
        client.sendall(association_request())
        assert client.recv(4096)[:1] == b"\x02"
        client.sendall(request * 16)
        assert_serves(edge)
        taken = _take_slowly(client)
    edge.wait_for_end()
    assert taken < _ALL_ANSWERS_BYTES
    assert_serves(edge)


def _take_slowly(client: socket.socket) -> int:
    """Take a little four times a second, until the edge gives up; return how much it was."""
    taken = 0
    never = threading.Event()
    with contextlib.suppress(ConnectionError):
        while data := client.recv(2048):
            taken += len(data)
            never.wait(0.25)
    return taken
