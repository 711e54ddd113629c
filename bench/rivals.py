"""The programs of DCMTK and GDCM that transcode, and how long they take."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.report import Sample

_ROOT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = f"{_ROOT}.1"


@dataclass(frozen=True, slots=True)
class Race:
    """A syntax both ways, the programs that go them, and how often faster Nephele is to be.

    Attributes
    ----------
    encoders, decoders : tuple
        Commands, without their files. The first encoder also makes what all of them decode.
    encoding_bar, decoding_bar : float or None
        None where it is shown alone.
    """

    name: str
    uid: str
    encoders: tuple[tuple[str, ...], ...]
    decoders: tuple[tuple[str, ...], ...]
    encoding_bar: float | None
    decoding_bar: float | None


_GDCM_RAW = ("gdcmconv", "--raw")
RACES: Final[tuple[Race, ...]] = (
    Race(
        "JPEG Extended, 12 bits",
        f"{_ROOT}.4.51",
        (("dcmcjpeg", "+ee"),),
        (("dcmdjpeg",), _GDCM_RAW),
        None,
        2,
    ),
    Race(
        "JPEG Lossless SV1",
        f"{_ROOT}.4.70",
        (("dcmcjpeg", "+e1"), ("gdcmconv", "--jpeg")),
        (("dcmdjpeg",), _GDCM_RAW),
        None,
        2,
    ),
    Race(
        "JPEG-LS",
        f"{_ROOT}.4.80",
        (("dcmcjpls",), ("gdcmconv", "--jpegls")),
        (("dcmdjpls",), _GDCM_RAW),
        1.5,
        1.5,
    ),
    Race("JPEG 2000", f"{_ROOT}.4.90", (("gdcmconv", "--j2k"),), (_GDCM_RAW,), 1, 1),
    Race(
        "RLE",
        f"{_ROOT}.5",
        (("dcmcrle",), ("gdcmconv", "--rle")),
        (("dcmdrle",), _GDCM_RAW),
        1,
        2,
    ),
)
PROGRAMS: Final = tuple(
    sorted({command[0] for race in RACES for command in (*race.encoders, *race.decoders)})
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of some runs: by the clock, and of processors."""

    wall: Sample
    processor: Sample


def timed(command: Sequence[str | Path], target: Path, runs: int) -> Timing | None:
    """Run a program that writes a new file some times; None if it refuses.

    What a file system does to replace a file whose pages it is still writing is nobody's time.
    """
    seconds = []
    for _ in range(runs):
        target.unlink(missing_ok=True)
        started, used = time.perf_counter(), _processor_of_children()
        done = subprocess.run(command, capture_output=True, check=False)
        seconds.append((time.perf_counter() - started, _processor_of_children() - used))
        if done.returncode:
            return None
    return timing(seconds)


def timing(seconds: Sequence[tuple[float, float]]) -> Timing:
    """Return pairs of both kinds of seconds as what was measured."""
    wall, processor = zip(*seconds, strict=True)
    return Timing(Sample(wall), Sample(processor))


def _processor_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
