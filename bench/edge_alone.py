"""The edge against a stub of S3 that answers at once, and Orthanc in the same run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.edge import (
    ASSOCIATIONS,
    BAR_CPU_MILLISECONDS,
    BAR_RATIO,
    Result,
    free_port,
    measure_edge,
    measure_orthanc,
    write_slices,
)
from bench.report import Sample, ratio
from bench.run import BenchRun

_TUNED = "Orthanc tuned"


def edge(run: BenchRun) -> None:
    """Measure all three some times, turn by turn."""
    report = run.report
    report.heading(f"the edge alone, {run.size.slices} CT slices over each association")
    found: dict[str, list[dict[int, Result]]] = {"Nephele": [], "Orthanc": [], _TUNED: []}
    with tempfile.TemporaryDirectory(dir=run.folder) as folder:
        slices = Path(folder)
        write_slices(slices, run.size.slices)
        for _ in range(run.size.runs):
            found["Nephele"].append(measure_edge(slices))
            for name in ("Orthanc", _TUNED):
                found[name].append(measure_orthanc(slices, free_port(), is_tuned=name == _TUNED))
    rows = []
    for count in ASSOCIATIONS:
        rates = [_sample(results, count, "rate") for results in found.values()]
        cpu = [_sample(results, count, "cpu_milliseconds") for results in found.values()]
        ratios = [ratio(rates[0], other) for other in rates[1:]]
        rows.append([f"C-STORE/s, {count} associations", *rates, *ratios])
        rows.append([f"CPU ms each, {count} associations", *cpu, "", ""])
    report.table(["median (min-max)", *found, "to it", "to tuned"], rows)
    for count in ASSOCIATIONS:
        nephele, _, tuned = (_sample(results, count, "rate").median for results in found.values())
        name = f"edge against the stub, {count} associations, times tuned Orthanc"
        report.bar(name, nephele / tuned, least=BAR_RATIO)
    cpu_ms = max(
        _sample(found["Nephele"], count, "cpu_milliseconds").median for count in ASSOCIATIONS
    )
    report.bar("edge CPU ms per instance", cpu_ms, below=BAR_CPU_MILLISECONDS)


def _sample(results: list[dict[int, Result]], associations: int, name: str) -> Sample:
    return Sample(tuple(float(getattr(result[associations], name)) for result in results))
