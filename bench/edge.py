"""C-STORE of the edge alone, against a stub of S3 that answers at once.

Prints instances per second for one and for four associations, against Orthanc as shipped and
tuned in the same run, and the edge's own processor time for each instance.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

INSTANCES = 200
ASSOCIATIONS = (1, 4)
BAR_RATIO = 1.0
BAR_CPU_MILLISECONDS = 4.0
_CONFIGURATION = {"MaximumPduLength": 131072}
_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_READY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Result:
    """Instances per second, and the server's processor milliseconds for each."""

    rate: float
    cpu_milliseconds: float


def write_slices(folder: Path, count: int = INSTANCES) -> None:
    """Write a CT series of 512x512x16 slices, noise above a smooth background."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    random = np.random.default_rng(1)
    study, series = generate_uid(), generate_uid()
    background = np.add.outer(np.arange(512), np.arange(512)).astype(np.uint16)
    for number in range(1, count + 1):
        data_set = Dataset()
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data_set.SOPClassUID = _CT_IMAGE_STORAGE
        data_set.SOPInstanceUID = generate_uid()
        data_set.PatientID, data_set.PatientName = "BENCH", "Bench^Edge"
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = study, series
        data_set.Modality, data_set.InstanceNumber = "CT", number
        data_set.Rows = data_set.Columns = 512
        data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, 12, 11
        data_set.PixelRepresentation, data_set.SamplesPerPixel = 0, 1
        data_set.PhotometricInterpretation = "MONOCHROME2"
        noise = random.integers(0, 64, (512, 512), dtype=np.uint16)
        data_set.PixelData = (background + noise).tobytes()
        data_set.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


def store_scu(port: int, called_aet: str, folder: Path, associations: int) -> float:
    """Send a folder over several associations at once; return the seconds it took."""
    command = ["storescu", "-aec", called_aet, "+sd", "127.0.0.1", str(port), str(folder)]
    environment = os.environ | {"TCP_NODELAY": "1"}
    started = time.perf_counter()
    senders = [subprocess.Popen(command, env=environment) for _ in range(associations)]
    codes = [sender.wait() for sender in senders]
    if any(codes):
        raise RuntimeError("storescu failed")
    return time.perf_counter() - started


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and its children."""
    family = [process, *process.children(recursive=True)]
    return sum(sum(member.cpu_times()[:2]) for member in family)


@contextmanager
def stub() -> Iterator[str]:
    """Run the stub of the archive in a process of its own; give its endpoint."""
    command = [sys.executable, "-m", "bench.archive_stub"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101
        yield process.stdout.readline().strip()
        process.kill()


def edge_environment(endpoint: str, configuration: dict[str, object]) -> dict[str, str]:
    """Return the environment of an edge that works on an endpoint."""
    return os.environ | {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": endpoint,
        "NEPHELE_BUCKET": "archive",
        "NEPHELE_TABLE": "index",
        "NEPHELE_CONFIGURATION": json.dumps(configuration),
        "NEPHELE_JOBS_QUEUE": f"{endpoint}/jobs",
        "NEPHELE_EDGE_JOBS_QUEUE": f"{endpoint}/edge_jobs",
        "NEPHELE_PEERS_SECRET": "",
        "NEPHELE_EXECUTOR_THREADS": "0",
        "NEPHELE_BIND_ADDRESS": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join(
            [str(root := Path(__file__).parents[1]), str(root / "lambdas" / "shared")]
        ),
    }


@contextmanager
def edge(environment: dict[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    """Run the edge on a free port; give its process and port."""
    command = [sys.executable, "-m", "dimse_edge", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            fields = json.loads(line)
            if fields["message"] == "listening":
                yield psutil.Process(process.pid), fields["port"]
                break
        process.terminate()
        process.stdout.read()


@contextmanager
def orthanc(folder: Path, port: int, *, is_tuned: bool) -> Iterator[tuple[psutil.Process, int]]:
    """Run Debian's Orthanc, as shipped or tuned."""
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomPort": port,
        "HttpServerEnabled": False,
        "Plugins": [],
        "OverwriteInstances": True,
        **(_CONFIGURATION if is_tuned else {}),
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    tuning = {"TCP_NODELAY": "1"} if is_tuned else {}
    with subprocess.Popen(
        ["Orthanc", str(file)], env=os.environ | tuning, stderr=subprocess.DEVNULL
    ) as process:
        echo = ["echoscu", "-aec", "ORTHANC", "127.0.0.1", str(port)]
        deadline = time.monotonic() + _READY_SECONDS
        while subprocess.run(echo, stderr=subprocess.DEVNULL, check=False).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError("Orthanc does not answer")
            time.sleep(0.2)
        yield psutil.Process(process.pid), port
        process.terminate()


def measure(process: psutil.Process, port: int, folder: Path, associations: int) -> Result:
    """Send everything over each association, after a first time to warm up."""
    store_scu(port, "ORTHANC", folder, 1)
    before = cpu_seconds(process)
    seconds = store_scu(port, "ORTHANC", folder, associations)
    count = associations * len(list(folder.iterdir()))
    return Result(count / seconds, 1000 * (cpu_seconds(process) - before) / count)


def measure_orthanc(slices: Path, port: int, *, is_tuned: bool) -> dict[int, Result]:
    """Measure Orthanc with each number of associations."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(orthanc(Path(folder), port, is_tuned=is_tuned))
        return {count: measure(*server, slices, count) for count in ASSOCIATIONS}


def measure_edge(slices: Path) -> dict[int, Result]:
    """Measure the edge against the stub with each number of associations."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(stub())
        environment = edge_environment(endpoint, dict(_CONFIGURATION))
        server = stack.enter_context(edge(environment))
        return {count: measure(*server, slices, count) for count in ASSOCIATIONS}


def free_port() -> int:
    """Return a port that was free a moment ago."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> int:
    """Print the figures; return 1 when a bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        slices = Path(folder)
        write_slices(slices)
        nephele = measure_edge(slices)
        rows = {"Nephele": nephele}
        if shutil.which("Orthanc"):
            rows["Orthanc"] = measure_orthanc(slices, free_port(), is_tuned=False)
            rows["Orthanc tuned"] = measure_orthanc(slices, free_port(), is_tuned=True)
    for name, results in rows.items():
        for count, result in results.items():
            ratio = nephele[count].rate / result.rate
            print(
                f"{name:14} {count} associations {result.rate:7.1f} instances/s "
                f"{result.cpu_milliseconds:6.2f} ms CPU each, Nephele is {ratio:5.2f} times it"
            )
    tuned = rows.get("Orthanc tuned", {})
    is_slow = any(nephele[count].rate < BAR_RATIO * tuned[count].rate for count in tuned)
    is_costly = any(result.cpu_milliseconds >= BAR_CPU_MILLISECONDS for result in nephele.values())
    return int(is_slow or is_costly)


if __name__ == "__main__":
    sys.exit(main())
