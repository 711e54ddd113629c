"""DCMTK's storescu with a clock: when the last instance was accepted, and when it was released."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.corpus import Study

_ACCEPTED = "Received Store Response (Success)"


@dataclass(frozen=True, slots=True)
class Sent:
    """Instances per second until the last was accepted, and until all associations had ended.

    Nephele confirms a release when everything of the association is indexed.
    """

    accepted: float
    released: float


def send(address: tuple[str, int], studies: Sequence[Study]) -> Sent:
    """Send studies, each over an association of its own, all at once.

    Raises
    ------
    RuntimeError
        Something was not accepted.
    """
    started = time.perf_counter()
    with ThreadPoolExecutor(len(studies)) as pool:
        ends = list(pool.map(lambda study: _send(address, study), studies))
    count = sum(len(study.files) for study in studies)
    return Sent(
        accepted=count / (max(accepted for accepted, _ in ends) - started),
        released=count / (max(released for _, released in ends) - started),
    )


def _send(address: tuple[str, int], study: Study) -> tuple[float, float]:
    host, port = address
    command = ["storescu", "-v", "-aec", "ORTHANC", host, str(port), *map(str, study.files)]
    accepted, last = 0, 0.0
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | {"TCP_NODELAY": "1"},
    ) as process:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            if _ACCEPTED in line:
                accepted, last = accepted + 1, time.perf_counter()
    if accepted != len(study.files):
        raise RuntimeError(f"{accepted} of {len(study.files)} instances were accepted")
    return last, time.perf_counter()
