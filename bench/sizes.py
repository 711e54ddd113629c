"""Unpacked size of each function's zip."""

from __future__ import annotations

from pathlib import Path

from bench.run import BenchRun
from infra.components.bundle import build_bundle
from infra.functions import FUNCTIONS

_LAMBDA_MB = 250.0


def sizes(run: BenchRun) -> None:
    """Build each bundle and add up its files."""
    report = run.report
    report.heading("unpacked size of each zip")
    rows = [[spec.name, _megabytes(build_bundle(spec, "{}"))] for spec in FUNCTIONS]
    report.table(["function", "MB"], rows)
    largest = max(megabytes for _, megabytes in rows if isinstance(megabytes, float))
    report.bar("largest zip unpacked, MB", largest, below=_LAMBDA_MB)


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
