"""A scratch Orthanc: free ports of the loopback interface, its data in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from infra.local import guard
from infra.local.ports import reserve
from tests.differential.server import Server, configuration

EXECUTABLE = "Orthanc"
_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancGdcm.so")
_JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
"""What Orthanc leaves to the plugin; other images make this GDCM end the whole process."""
_STARTED = "Orthanc has started"
_ATTEMPTS = 3
_START_SECONDS = _STOP_SECONDS = 20.0


@contextmanager
def scratch_orthanc(
    folder: Path, stable_age: int, more: Mapping[str, object] | None = None
) -> Iterator[Server]:
    """Run an Orthanc while the context lasts; a port that was taken meanwhile is tried again.

    Parameters
    ----------
    more : mapping, optional
        Options besides those both servers of a comparison run under.
    """
    for attempt in range(_ATTEMPTS):
        http_port, dicom_port = reserve(0, ""), reserve(0, "")
        options = configuration(stable_age) | dict(more or {})
        process = _start(folder / str(attempt), http_port, dicom_port, options)
        watch = _Watch(process, folder / str(attempt) / "log")
        if watch.has_started():
            break
        _stop(process, watch)
    else:
        raise RuntimeError(f"Orthanc does not start: see {folder}")
    aet = str(options.get("DicomAet", "ORTHANC"))
    try:
        yield Server("orthanc", f"http://127.0.0.1:{http_port}", dicom_port, aet)
    finally:
        _stop(process, watch)


def _start(
    folder: Path, http_port: int, dicom_port: int, given: Mapping[str, object]
) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True)
    options = dict(given) | {
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "StorageDirectory": str(folder / "db"),
        "Plugins": [str(_PLUGIN)],
        "Gdcm": {"RestrictTransferSyntaxes": list(_JPEG_2000)},
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(options), encoding="utf-8")
    executable = shutil.which(EXECUTABLE) or EXECUTABLE
    own = [sys.executable, "-I", "-S", str(guard.__file__), str(os.getpid())]
    return subprocess.Popen(
        [*own, executable, str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
    )


class _Watch(Thread):
    """Writes what a process says to a file, and notices that it has started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._log = log
        self._decided = Event()
        self._is_started = False
        self.start()

    def run(self) -> None:
        """Read to the end of the process."""
        lines = self._process.stdout
        assert lines is not None
        with lines, self._log.open("wb") as log:
            for line in lines:
                log.write(line)
                if _STARTED.encode() in line:
                    self._is_started = True
                    self._decided.set()
        self._decided.set()

    def has_started(self) -> bool:
        """Wait for the start, or for the end of a process that could not start."""
        self._decided.wait(_START_SECONDS)
        return self._is_started


def _stop(process: subprocess.Popen[bytes], watch: _Watch) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    watch.join()
