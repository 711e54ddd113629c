"""Read your association: the release waits for the index, responses for the backlog."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from bench.archive_stub import ArchiveStub
from dimse_edge.backlog import STALL_SECONDS
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId
from tests.edge.conftest import Edge, StartEdge, tool
from tests.edge.data_sets import as_file, associate, ct, encode, store_encoded


def orthanc_id(sop: str) -> OrthancId:
    return Identity("PAT", "1.2", "1.2.3", sop).orthanc_id(Level.INSTANCE)


def send(edge: Edge, count: int) -> list[str]:
    """Send instances over one association and release it; return their UIDs."""
    uids = [f"1.2.3.{number}" for number in range(1, count + 1)]
    association = associate(edge.port)
    for uid in uids:
        assert store_encoded(association, encode(ct(uid)), sop_instance=uid).status == 0x0000
    association.release()
    assert association.is_released
    return uids


def test_all_is_readable_after_release(edge: Edge, stub: ArchiveStub) -> None:
    stub.index_rate = 20
    uids = send(edge, 30)
    assert all(stub.is_readable(orthanc_id(uid)) for uid in uids)


@pytest.mark.parametrize("count", [700, pytest.param(1500, marks=pytest.mark.soak)])
def test_more_than_ten_seconds_can_index(
    count: int, edge: Edge, stub: ArchiveStub, tmp_path: Path
) -> None:
    uids = [f"1.2.3.{number}" for number in range(count)]
    folder = tmp_path / "slices"
    folder.mkdir()
    for uid in uids:
        (folder / uid).write_bytes(as_file(ct(uid)))
    stub.index_rate = 50
    started = time.monotonic()
    command = [tool("storescu"), "+sd", "127.0.0.1", str(edge.port), str(folder)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert all(stub.is_readable(orthanc_id(uid)) for uid in uids)
    assert time.monotonic() - started > 10, "the responses were slowed down"
    assert stub.reads < 5 * len(uids), "the index is not asked for everything all the time"


def test_indexing_stands_still(start_edge: StartEdge, stub: ArchiveStub) -> None:
    edge = start_edge()
    stub.index_rate = 0
    send(edge, 10)
    edge.wait_for("indexing makes no progress")
    started = time.monotonic()
    send(edge, 10)
    assert time.monotonic() - started < STALL_SECONDS, "later associations are not delayed"
    assert len(stub.objects) == 20
    pending = [edge.wait_for("released before indexed", n)["pending"] for n in (1, 2)]
    assert pending == [10, 10]


def test_gone_peer_is_not_waited_for(edge: Edge, stub: ArchiveStub) -> None:
    stub.index_rate = 0
    association = associate(edge.port)
    assert store_encoded(association, encode(ct())).status == 0x0000
    association.abort()
    ended = edge.wait_for("association ended")
    assert (ended["outcome"], ended["stored"]) == ("aborted", 1)
    assert ended["seconds"] < 5
