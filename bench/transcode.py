"""Transcoding: megabytes of raw pixels per second, beside DCMTK and GDCM, and peak memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.pictures import CR, CT, MULTI_FRAME, RGB, TINY, Picture
from bench.report import Report
from bench.rivals import EXPLICIT, PROGRAMS, RACES, Race, Timing, timed, timing
from bench.run import BenchRun
from nephele.domain.codecs.freed_memory import keep_freed_memory
from nephele.domain.transcoding import TARGETS, open_transcoding
from nephele.domain.transcoding.sinks import FileSink
from nephele.domain.transfer_syntax import transfer_syntax
from nephele.errors import NotTranscodable

_J2K, _HTJ2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"
_JPEG, _JPEG_XL_OF_JPEG = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.111"
_HTJ2K_BAR = 8.0
_MEMORY_BAR = 1.25
_ENOUGH_SECONDS = 1.0
_Direction = dict[tuple[str, str], float]


def transcode(run: BenchRun) -> None:
    """Measure every syntax in process, as the function and the command do, the programs, memory."""
    keep_freed_memory()
    folder = run.folder / "transcode"
    folder.mkdir()
    _each_way(run, folder)
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        run.report.line(f"{', '.join(missing)} missing: make system-packages")
    else:
        _races(run, folder)
    _memory(run, folder)
    shutil.rmtree(folder)


def _each_way(run: BenchRun, folder: Path) -> None:
    """Print MB/s of every syntax, to it from Explicit VR Little Endian and back."""
    report = run.report
    report.heading(f"transcoding, warm, {os.cpu_count()} threads, MB/s of raw pixels")
    report.line("File to file in this process; encode / decode; - where it cannot hold the image.")
    pictures = (CT, CR, RGB, MULTI_FRAME)
    encoding: _Direction = {}
    decoding: _Direction = {}
    natives = {picture: picture.write(folder) for picture in pictures}
    rows = []
    for uid in sorted(TARGETS, key=lambda uid: [int(part) for part in uid.split(".")]):
        cells = []
        for picture in pictures:
            there = _there_and_back(natives[picture], uid, folder, run.size.runs)
            if there is None:
                cells.append("-")
                continue
            rates = [picture.megabytes / one.wall.median for one in there]
            encoding[picture.name, uid], decoding[picture.name, uid] = rates
            cells.append(f"{rates[0]:.0f} / {rates[1]:.0f}")
        rows.append([transfer_syntax(uid).name, *cells])
    report.table(["", *(picture.name for picture in pictures)], rows)
    for picture in (CR, MULTI_FRAME):
        for name, rates_by in (("encoding", encoding), ("decoding", decoding)):
            found = rates_by[picture.name, _HTJ2K] / rates_by[picture.name, _J2K]
            title = f"HTJ2K {name} over our JPEG 2000, {picture.name}"
            report.bar(title, found, least=_HTJ2K_BAR)


def _there_and_back(
    native: Path, uid: str, folder: Path, runs: int
) -> tuple[Timing, Timing] | None:
    encoded, decoded = folder / "encoded.dcm", folder / "decoded.dcm"
    source = native
    if uid == _JPEG_XL_OF_JPEG:
        source = folder / "jpeg.dcm"
        if _try(native, source, _JPEG) is None:
            return None
    if uid == EXPLICIT:
        source = folder / "implicit.dcm"
        _try(native, source, "1.2.840.10008.1.2")
    if _try(source, encoded, uid) is None:
        return None
    back = "1.2.840.10008.1.2" if uid == EXPLICIT else EXPLICIT
    there = _repeated(lambda: _file_to_file(source, encoded, uid), runs)
    return there, _repeated(lambda: _file_to_file(encoded, decoded, back), runs)


def _try(source: Path, target: Path, uid: str) -> tuple[float, float] | None:
    try:
        return _file_to_file(source, target, uid)
    except NotTranscodable:
        return None


def _file_to_file(source: Path, target: Path, uid: str) -> tuple[float, float]:
    """Transcode to a new file and return the seconds it took: by the clock, and of processors."""
    target.unlink(missing_ok=True)
    started, used = time.perf_counter(), time.process_time()
    with (
        source.open("rb") as file,
        open_transcoding(file, uid) as transcoding,
        FileSink(target) as sink,
    ):
        transcoding.write(sink)
    return time.perf_counter() - started, time.process_time() - used


def _repeated(work: Callable[[], tuple[float, float]], runs: int) -> Timing:
    """Measure some times, fewer where one takes long."""
    seconds = [work()]
    while len(seconds) < runs and sum(wall for wall, _ in seconds) < _ENOUGH_SECONDS * runs:
        seconds.append(work())
    return timing(seconds)


def _races(run: BenchRun, folder: Path) -> None:
    report = run.report
    report.heading("file to file, milliseconds")
    report.line(
        "Cold is `nephele transcode`, start-up included, beside the programs. Warm is this process"
        " on all cores; of a program, its time less what it takes for an image of 16x16. All of"
        " them write a file that is not there yet. Per core is the ratio of processor times."
    )
    natives = {picture: picture.write(folder) for picture in (CR, MULTI_FRAME, TINY)}
    rows: list[list[object]] = []
    for race in RACES:
        for picture in (CR, MULTI_FRAME):
            rows += _race(run, race, picture, natives, folder)
    columns = ["", "cold", "program, cold", "ours, warm", "program less start-up", "ratio"]
    columns += ["per core"]
    report.table(columns, rows)


def _race(
    run: BenchRun, race: Race, picture: Picture, natives: dict[Picture, Path], folder: Path
) -> Iterable[list[object]]:
    """Measure one syntax both ways on one image."""
    encoded, tiny = folder / "source.dcm", folder / "tiny-source.dcm"
    for source, target in ((natives[picture], encoded), (natives[TINY], tiny)):
        if timed([*race.encoders[0], source, target], target, 1) is None:
            raise RuntimeError(f"{race.encoders[0][0]} cannot make a source")
    ways = (
        ("encoding", natives[picture], natives[TINY], race.uid, race.encoders, race.encoding_bar),
        ("decoding", encoded, tiny, EXPLICIT, race.decoders, race.decoding_bar),
    )
    for way, source, small, uid, commands, bar in ways:
        title = f"{race.name} {way}, {picture.name}"
        yield _compared(run, title, (source, small), uid, commands, bar)


def _compared(
    run: BenchRun,
    title: str,
    sources: tuple[Path, Path],
    uid: str,
    commands: tuple[tuple[str, ...], ...],
    bar: float | None,
) -> list[object]:
    """Measure Nephele and the programs on the same file; the faster program counts."""
    source, small = sources
    runs, target = run.size.runs, source.with_name("target.dcm")
    cold = timed([*_COMMAND, source, target, "--transfer-syntax", uid], target, runs)
    _file_to_file(source, target, uid)
    warm = _repeated(lambda: _file_to_file(source, target, uid), runs)
    found = []
    for command in commands:
        whole, start = (timed([*command, one, target], target, runs) for one in (source, small))
        if whole is not None and start is not None:
            net = max(whole.wall.median - start.wall.median, 1e-3)
            used = whole.processor.median - start.processor.median
            found.append((net, used, whole.wall.median, command[0]))
    net, used, whole_seconds, name = min(found)
    ratio = net / warm.wall.median
    if bar is not None:
        run.report.bar(f"{title}: {name} over ours", ratio, least=bar)
    return [
        title,
        "refused" if cold is None else 1000 * cold.wall.median,
        f"{1000 * whole_seconds:.0f} {name}",
        1000 * warm.wall.median,
        1000 * net,
        f"{ratio:.2f}x",
        f"{used / warm.processor.median:.2f}x",
    ]


_COMMAND = (str(Path(sys.executable).with_name("nephele")), "transcode")


def _memory(run: BenchRun, folder: Path) -> None:
    """Print the peak resident memory of `nephele transcode` for more and more frames."""
    counts = (10, 100, 1000) if run.size.runs > 1 else (10, 100)
    report = run.report
    report.heading("peak memory of `nephele transcode`, MB, 512x512x16 frames")
    syntaxes = ("1.2.840.10008.1.2.4.80", _J2K, "1.2.840.10008.1.2.5")
    encoding: dict[str, list[float]] = {uid: [] for uid in syntaxes}
    decoding: dict[str, list[float]] = {uid: [] for uid in syntaxes}
    for count in counts:
        native = Picture(f"{count} frames", 512, 512, frames=count).write(folder)
        encoded, decoded = folder / "encoded.dcm", folder / "decoded.dcm"
        for uid in syntaxes:
            encoding[uid].append(peak_megabytes(native, encoded, uid))
            decoding[uid].append(peak_megabytes(encoded, decoded, EXPLICIT))
        native.unlink()
    rows = []
    for way, peaks_by in (("to", encoding), ("from", decoding)):
        rows += [[f"{way} {transfer_syntax(uid).name}", *peaks_by[uid]] for uid in syntaxes]
    report.table(["", *(f"{count} frames" for count in counts)], rows)
    _judge_memory(report, [*encoding.values(), *decoding.values()], counts)


def _judge_memory(report: Report, peaks: list[list[float]], counts: tuple[int, ...]) -> None:
    most = max(one[-1] / one[0] for one in peaks)
    title = f"peak memory, {counts[-1]} frames over {counts[0]}"
    report.bar(title, most, below=_MEMORY_BAR)


_REPORT_PEAK = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""A small process starts the measured one, which otherwise is held for as large as its parent."""


def peak_megabytes(source: Path, target: Path, uid: str) -> float:
    """Return the peak resident memory of one `nephele transcode`."""
    work = [*_COMMAND, str(source), str(target), "--transfer-syntax", uid]
    command = [sys.executable, "-S", "-c", _REPORT_PEAK, *work]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) * 1024 / 1e6
