"""C-FIND, C-GET and C-MOVE on the local stack against Orthanc, asked by DCMTK's clients."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from bench.corpus import Study
from bench.cstore import wait_until_readable
from bench.report import Sample, ratio
from bench.run import BenchRun
from bench.senders import send
from bench.servers import BENCH_AET, BENCH_PORT, Server

_BAR = 1.0
_WARM_UP = 2
"""Each of two worker processes has read everything once."""
_ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}
_QUERIED = "QUERIED"
_KEYS = ("PatientName", "StudyDate", "AccessionNumber", "StudyInstanceUID", "StudyDescription")
_COUNTS = ("ModalitiesInStudy", "NumberOfStudyRelatedInstances")

Ask = Callable[[Server], None]


def retrieve(run: BenchRun) -> None:
    """Measure each of them some times, turn by turn."""
    report, servers = run.report, run.servers()
    slices = run.corpus.study(run.size.slices)
    report.heading(f"query and retrieve, {run.size.slices} slices, {run.size.queried} studies")
    studies = _write_studies(run.folder / "queried", run.size.queried)
    for server in servers:
        _fill(server, slices, studies)
    rows = []
    with _storescp():
        for name, ask in _operations(slices, run.folder).items():
            samples = _measure(run, servers, ask)
            _, tuned = samples[1:]
            rows.append([name, *samples, *(ratio(other, samples[0]) for other in samples[1:])])
            report.bar(f"{name}, times tuned Orthanc", tuned.median / samples[0].median, least=_BAR)
    report.table(
        ["seconds, median (min-max)", *(s.name for s in servers), "to it", "to tuned"], rows
    )


def _operations(slices: Study, folder: Path) -> dict[str, Ask]:
    study = f"StudyInstanceUID={slices.identities[0].study_instance_uid}"
    plain = ["QueryRetrieveLevel=STUDY", f"PatientID={_QUERIED}*", *_KEYS]
    target = folder / "got"
    target.mkdir(exist_ok=True)
    retrieve_keys = ["QueryRetrieveLevel=STUDY", study]
    return {
        "C-FIND": _client("findscu", plain),
        "C-FIND with counts": _client("findscu", [*plain, *_COUNTS]),
        "C-GET": _client("getscu", retrieve_keys, "--ignore"),
        "C-MOVE": _client("movescu", retrieve_keys, "-aem", BENCH_AET),
    }


def _client(program: str, keys: Sequence[str], *options: str) -> Ask:
    def ask(server: Server) -> None:
        host, port = server.dicom
        words = [word for key in keys for word in ("-k", key)]
        command = [program, "-S", "-aec", "ORTHANC", *options, *words, host, str(port)]
        done = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} fails: {done.stderr.decode(errors='replace')}")

    return ask


def _measure(run: BenchRun, servers: Sequence[Server], ask: Ask) -> list[Sample]:
    seconds: dict[str, list[float]] = {server.name: [] for server in servers}
    for server in servers:
        for _ in range(_WARM_UP):
            ask(server)
    for _ in range(max(3, run.size.runs)):
        for server in servers:
            started = time.perf_counter()
            ask(server)
            seconds[server.name].append(time.perf_counter() - started)
    return [Sample(tuple(seconds[server.name])) for server in servers]


def _fill(server: Server, slices: Study, studies: Study) -> None:
    for study in (slices, studies):
        send(server.dicom, [study])
    if server.name == "Nephele":
        wait_until_readable(server, [slices])


@contextmanager
def _storescp() -> Iterator[None]:
    """Run a target that keeps nothing."""
    command = ["storescp", "--ignore", "-pdu", "131072", "-aet", BENCH_AET, str(BENCH_PORT)]
    with subprocess.Popen(command, env=_ENVIRONMENT, stderr=subprocess.DEVNULL) as process:
        yield
        process.terminate()


def _write_studies(folder: Path, count: int) -> Study:
    """Write studies of one small instance each."""
    folder.mkdir()
    files = []
    for number in range(count):
        uid = f"2.25.{os.getpid()}.{number}"
        data_set = Dataset()
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        data_set.PatientID = f"{_QUERIED}{number:05}"
        data_set.PatientName, data_set.AccessionNumber = f"Doe^{number}", f"Q{number}"
        data_set.StudyDate, data_set.StudyDescription = "20200101", "CT of thorax"
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = uid, f"{uid}.1"
        data_set.SOPInstanceUID, data_set.Modality = f"{uid}.1.1", "CT"
        files.append(folder / f"{number:05}.dcm")
        data_set.save_as(files[-1], enforce_file_format=True)
    return Study(tuple(files), ())
