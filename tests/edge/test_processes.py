"""The parent and its workers: load, death, drain, signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from bench.archive_stub import ArchiveStub
from bench.edge import edge_environment
from tests.edge.conftest import Edge, StartEdge
from tests.edge.data_sets import associate, ct, encode, store_encoded


def connections(worker: psutil.Process, edge: Edge) -> int:
    """Count a worker's connections of the DICOM port."""
    found = worker.net_connections(kind="tcp")
    return sum(
        1 for one in found if one.laddr.port == edge.port and one.status == psutil.CONN_ESTABLISHED
    )


def test_least_loaded_worker(start_edge: StartEdge) -> None:
    edge = start_edge({}, NEPHELE_WORKER_PROCESSES="2")
    associations = [associate(edge.port) for _ in range(4)]
    assert sorted(connections(worker, edge) for worker in edge.workers()) == [2, 2]
    for association in associations[::2]:
        association.release()
    edge.wait_for("association ended", 2)
    associations += [associate(edge.port) for _ in range(2)]
    assert sorted(connections(worker, edge) for worker in edge.workers()) == [2, 2]
    for association in associations:
        association.release()


def test_dead_worker_is_replaced(start_edge: StartEdge, stub: ArchiveStub) -> None:
    edge = start_edge()
    association = associate(edge.port)
    (worker,) = edge.workers()
    worker.kill()
    association.join(30)
    assert association.is_aborted
    ended = edge.wait_for("worker ended unexpectedly")
    assert (ended["worker"], ended["associations"]) == (worker.pid, 1)
    again = associate(edge.port)
    assert store_encoded(again, encode(ct())).status == 0x0000
    again.release()
    assert len(edge.workers()) == 1


def test_without_descriptors_connections_wait(start_edge: StartEdge) -> None:
    edge = start_edge()
    parent = psutil.Process(edge.process.pid)
    before = parent.rlimit(psutil.RLIMIT_NOFILE)
    parent.rlimit(psutil.RLIMIT_NOFILE, (parent.num_fds(), before[1]))
    with socket.create_connection(("127.0.0.1", edge.port), timeout=30):
        edge.wait_for("connections cannot be accepted")
    parent.rlimit(psutil.RLIMIT_NOFILE, before)
    association = associate(edge.port)
    assert association.is_established
    association.release()


def test_worker_killed_in_a_data_set_leaves_no_file(start_edge: StartEdge) -> None:
    from tests.edge.test_bad_input import C_STORE, pdu, pdv

    edge = start_edge()
    association = associate(edge.port)
    assert association.dul.socket is not None
    connection = association.dul.socket.socket
    assert connection is not None
    connection.sendall(pdu(4, pdv(1, 3, C_STORE)))
    for _ in range(300):
        connection.sendall(pdu(4, pdv(1, 0, bytes(16000))))
    edge.workers()[0].kill()
    edge.wait_for("worker ended unexpectedly")
    association.join(30)


def test_sigterm_lets_associations_finish(start_edge: StartEdge, stub: ArchiveStub) -> None:
    edge = start_edge()
    association = associate(edge.port)
    edge.process.send_signal(signal.SIGTERM)
    edge.wait_for("draining")
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", edge.port), timeout=30).close()
    assert store_encoded(association, encode(ct())).status == 0x0000
    association.release()
    assert edge.stop() == 0
    assert edge.wait_for("association ended")["outcome"] == "released"
    assert len(stub.objects) == 1


def test_sigterm_aborts_what_does_not_finish(start_edge: StartEdge) -> None:
    edge = start_edge({}, NEPHELE_DRAIN_SECONDS="0.2")
    workers = edge.workers()
    association = associate(edge.port)
    assert edge.stop() == 0
    association.join(30)
    assert association.is_aborted
    assert edge.logged("associations are aborted")
    assert not [worker for worker in workers if worker.is_running()]


def test_no_orphans(start_edge: StartEdge) -> None:
    edge = start_edge({}, NEPHELE_WORKER_PROCESSES="2")
    workers = edge.workers()
    edge.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive


def test_port_taken(stub: ArchiveStub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_edge(edge_environment(stub.url, {}), "--port", str(port))
    assert done.returncode == 1
    assert "the port cannot be bound" in done.stdout


WRONG: dict[str, tuple[dict[str, str | None], int, str]] = {
    "an unknown option": ({"NEPHELE_CONFIGURATION": '{"DicomPrt": 1}'}, 2, "DicomPrt"),
    "no bucket": ({"NEPHELE_BUCKET": None}, 2, "bucket"),
    "no DICOM server": ({"NEPHELE_CONFIGURATION": '{"DicomServerEnabled": false}'}, 0, "nothing"),
    "a worker that cannot start": ({"AWS_ENDPOINT_URL": "nowhere"}, 1, "could not start"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_environment(case: str, stub: ArchiveStub) -> None:
    changes, code, text = WRONG[case]
    environment = edge_environment(stub.url, {}) | {"NEPHELE_WORKER_PROCESSES": "1"}
    for name, value in changes.items():
        if value is None:
            del environment[name]
        else:
            environment[name] = value
    done = run_edge(environment, "--port", "0")
    assert done.returncode == code
    assert text in done.stdout


def run_edge(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dimse_edge", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_workers_share_one_port(start_edge: StartEdge) -> None:
    edge = start_edge({}, NEPHELE_WORKER_PROCESSES="0")
    assert len(edge.workers()) == os.cpu_count()
