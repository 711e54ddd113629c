"""Memory of an association is bounded by a constant, whatever the size of what is sent."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom.association import Association

from bench.archive_stub import ArchiveStub
from tests.edge.conftest import StartEdge
from tests.edge.data_sets import associate, ct, encode
from tests.edge.test_bad_input import C_STORE, pdu, pdv

BOUND_BYTES = 48 << 20
"""By how much a worker may grow: one 8 MiB part twice, the buffers, and what malloc keeps."""

FRAME_BYTES = 512 * 512 * 2
MIB = 1 << 20


def iter_multi_frame(size_bytes: int, **values: str) -> Iterator[bytes]:
    """Yield an encoded multi-frame instance in pieces."""
    frames = size_bytes // FRAME_BYTES
    data_set = ct(NumberOfFrames=str(frames), Rows=512, Columns=512, BitsAllocated=16, **values)
    del data_set.PixelData
    yield encode(data_set)
    yield struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, frames * FRAME_BYTES)
    piece = bytes(range(256)) * 256
    for _ in range(frames * FRAME_BYTES // len(piece)):
        yield piece


def send(association: Association, pieces: Iterator[bytes]) -> int | None:
    """Send a C-STORE piece by piece; return the status."""
    assert association.dul.socket is not None
    connection = association.dul.socket.socket
    assert connection is not None
    association._reactor_checkpoint.clear()
    connection.sendall(pdu(4, pdv(1, 3, C_STORE)))
    for piece in pieces:
        connection.sendall(pdu(4, pdv(1, 0, piece)))
    connection.sendall(pdu(4, pdv(1, 2, b"")))
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return None if response is None else response.Status


def peak_bytes(pid: int) -> int:
    """Return the largest resident size a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.parametrize(
    "size_bytes", [200 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.soak)]
)
def test_memory_is_bounded(size_bytes: int, start_edge: StartEdge, stub: ArchiveStub) -> None:
    edge = start_edge({"MaximumPduLength": 131072})
    stub.keeps_bodies = False
    association = associate(edge.port)
    association.dimse_timeout = 120
    assert send(association, iter_multi_frame(MIB)) == 0x0000
    (worker,) = edge.workers()
    before = peak_bytes(worker.pid)
    assert send(association, iter_multi_frame(size_bytes)) == 0x0000
    grown = peak_bytes(worker.pid) - before
    association.release()
    assert max(stored.size_bytes for stored in stub.objects.values()) > 0.99 * size_bytes
    assert grown < BOUND_BYTES
