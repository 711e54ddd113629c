"""What should never be sent: nothing is stored, the edge goes on, nobody's data are logged."""

from __future__ import annotations

import random
import socket
import struct
import threading

import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from bench.archive_stub import ArchiveStub
from tests.edge.conftest import Edge, StartEdge
from tests.edge.data_sets import CT, associate, ct, encode, permit_odd_values, store_encoded

RANDOM_BYTES = random.Random(1).randbytes(100_000)  # noqa: S311  the same in each run

WHOLE = encode(ct(pixels=4096))
SECRET = b"Secret^Patient"
BROKEN = {
    "one byte": b"\x08",
    "truncated in the pixel data": WHOLE[:-100],
    "truncated in a header": WHOLE[:20],
    "a length beyond the end": WHOLE.replace(
        b"PN" + struct.pack("<H", 14), b"PN" + struct.pack("<H", 60000)
    ),
    "100 KB of random bytes": RANDOM_BYTES,
    "another syntax than negotiated": encode(ct(), ImplicitVRLittleEndian),
    "a file instead of a data set": b"\0" * 128 + b"DICM" + WHOLE,
    "text": b"GET / HTTP/1.1\r\n\r\n" * 100,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_data_set(case: str, shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port)
    status = store_encoded(association, BROKEN[case]).status
    assert status is not None
    assert status >> 12 in (0xA, 0xC)
    assert not stub.objects
    assert store_encoded(association, WHOLE).status == 0x0000, "the association lives"
    association.release()
    assert "Secret" not in str(shared_edge.lines)


ODD = {
    "a UID with letters": "1.2.abc.4",
    "a UID with leading zeros": "1.02.003.4",
    "a UID of 94 characters": "1.2." + "3" * 90,
}


@pytest.mark.parametrize("case", ODD)
def test_odd_uid_is_stored(
    case: str, shared_edge: Edge, stub: ArchiveStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pynetdicom import _config

    permit_odd_values(monkeypatch)
    monkeypatch.setitem(_config.VALIDATORS, "UI", lambda _: (True, ""))
    association = associate(shared_edge.port)
    answer = store_encoded(association, encode(ct(ODD[case])), sop_instance=ODD[case])
    association.release()
    assert answer.status == 0x0000
    assert len(stub.objects) == 1


def test_overlong_uid_cut_in_the_command(
    shared_edge: Edge, stub: ArchiveStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DCMTK's storescu names a longer UID by its first 64 characters."""
    permit_odd_values(monkeypatch)
    uid = "1.2." + "3" * 70
    association = associate(shared_edge.port)
    answers = [
        store_encoded(association, encode(ct(uid)), sop_instance=named).status
        for named in (uid[:64], uid[:63], "1.2." + "4" * 60)
    ]
    association.release()
    assert answers == [0x0000, 0xA900, 0xA900]
    assert len(stub.objects) == 1


def test_long_patient_id(
    shared_edge: Edge, stub: ArchiveStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    permit_odd_values(monkeypatch)
    association = associate(shared_edge.port)
    data_set = ct()
    data_set["PatientID"].VR = "UT"
    data_set.PatientID = "x" * 65_000
    assert store_encoded(association, encode(data_set)).status == 0xC000
    association.release()
    assert not stub.objects


def talk(port: int, *chunks: bytes) -> bytes:
    """Send bytes, tell that there are no more, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            for chunk in chunks:
                connection.sendall(chunk)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            return b""
    return answer


def pdu(kind: int, body: bytes, size: int | None = None) -> bytes:
    return struct.pack(">BBL", kind, 0, len(body) if size is None else size) + body


RAW = {
    "nothing, as a port scan": [],
    "100 KB of random bytes": [RANDOM_BYTES],
    "HTTP": [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
    "TLS": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512)],
    "an association request of 4 GB": [pdu(1, b"", 0xFFFFFFFF), bytes(1 << 20)],
    "an empty association request": [pdu(1, b"")],
    "a random association request": [pdu(1, RANDOM_BYTES[:500])],
    "data before the association": [pdu(4, b"\0\0\0\x04\x01\x03ab")],
    "half a header": [b"\x01\x00"],
    "release before the association": [pdu(5, bytes(4))],
    "an abort at once": [pdu(7, bytes(4))],
}


@pytest.mark.parametrize("case", RAW)
def test_raw_bytes(case: str, shared_edge: Edge, stub: ArchiveStub) -> None:
    talk(shared_edge.port, *RAW[case])
    assert_serves(shared_edge, stub)


def assert_serves(edge: Edge, stub: ArchiveStub) -> None:
    assert not stub.objects
    association = associate(edge.port)
    assert store_encoded(association, WHOLE).status == 0x0000
    association.release()
    assert not edge.logged("worker ended unexpectedly")
    assert not [line.get("exception") for line in edge.logged("association failed")]


def pdv(context_id: int, control: int, value: bytes) -> bytes:
    return struct.pack(">LBB", len(value) + 2, context_id, control) + value


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


C_STORE = (
    element(0x0002, CT.encode() + b"\0")
    + element(0x0100, b"\1\0")
    + element(0x0110, b"\1\0")
    + element(0x0800, b"\0\0")
    + element(0x1000, b"1.2.3.4\0")
)
BREAKING = {
    "a PDU above the maximum": pdu(4, b"", 1 << 24),
    "a value that is longer than its PDU": pdu(4, struct.pack(">LBB", 999, 1, 3)),
    "a value of length 0": pdu(4, struct.pack(">LBB", 0, 1, 3)),
    "half a value header": pdu(4, b"\0\0\0"),
    "a data set without a command": pdu(4, pdv(1, 2, b"abcd")),
    "a command that is no data set": pdu(4, pdv(1, 3, b"\xff" * 40)),
    "a truncated command": pdu(4, pdv(1, 3, C_STORE[:-3])),
    "a command without its field": pdu(4, pdv(1, 3, element(0x0110, b"\1\0"))),
    "a context that was not accepted": pdu(4, pdv(3, 3, C_STORE)),
    "a command within a data set": pdu(4, pdv(1, 3, C_STORE) + pdv(1, 3, C_STORE)),
    "a data set in another context": pdu(4, pdv(1, 3, C_STORE) + pdv(3, 2, WHOLE)),
    "a command in two contexts": pdu(4, pdv(3, 1, C_STORE[:20]) + pdv(1, 3, C_STORE[20:])),
    "C-FIND, which is not served": pdu(4, pdv(1, 3, C_STORE.replace(b"\1\0", b"\x20\0", 1))),
    "a response nobody waits for": pdu(4, pdv(1, 3, C_STORE.replace(b"\1\0", b"\x01\x80", 1))),
    "an unknown PDU": pdu(9, bytes(4)),
    "a second association request": pdu(1, bytes(80)),
    "a UID that is not ASCII": pdu(4, pdv(1, 3, C_STORE.replace(b"1.2.3.4", b"1.2.3.\xff"))),
}
A_ABORT = 7


@pytest.mark.parametrize("case", BREAKING)
def test_broken_protocol_is_aborted(case: str, shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port)
    assert association.dul.socket is not None
    connection = association.dul.socket.socket
    assert connection is not None
    connection.sendall(BREAKING[case])
    association.join(30)
    assert association.is_aborted
    assert_serves(shared_edge, stub)


@pytest.fixture(scope="module")
def association_request() -> bytes:
    """Return a valid A-ASSOCIATE-RQ, as pynetdicom sends it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = threading.Thread(target=associate, args=(port,))
        client.start()
        connection, _ = server.accept()
        with connection:
            request = connection.recv(65536)
        client.join()
    return request


def test_damaged_association_requests(
    association_request: bytes, shared_edge: Edge, stub: ArchiveStub
) -> None:
    chance = random.Random(4)  # noqa: S311  the same in each run
    for _ in range(300):
        damaged = bytearray(association_request)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(6, len(damaged))] = chance.randrange(256)
        talk(shared_edge.port, bytes(damaged))
    assert_serves(shared_edge, stub)


def test_abort_in_a_data_set(shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port)
    assert association.dul.socket is not None
    connection = association.dul.socket.socket
    assert connection is not None
    connection.sendall(pdu(4, pdv(1, 3, C_STORE)))
    for _ in range(300):  # more than stays in memory
        connection.sendall(pdu(4, pdv(1, 0, bytes(16000))))
    association.abort()
    assert_serves(shared_edge, stub)


def test_silent_peer_is_aborted(start_edge: StartEdge) -> None:
    edge = start_edge({"DicomScpTimeout": 1})
    association = associate(edge.port)
    edge.wait_for("association timed out")
    association.join(30)
    assert association.is_aborted


def test_command_without_data_set(shared_edge: Edge, stub: ArchiveStub) -> None:
    association = associate(shared_edge.port, {CT: [ExplicitVRLittleEndian]})
    assert association.dul.socket is not None
    connection = association.dul.socket.socket
    assert connection is not None
    without = C_STORE.replace(element(0x0800, b"\0\0"), element(0x0800, b"\1\1"))
    association._reactor_checkpoint.clear()  # the answer is read here, whenever it comes
    connection.sendall(pdu(4, pdv(1, 3, without)))
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert response is not None
    assert response.Status == 0xC000
    association.release()
    assert not stub.objects
