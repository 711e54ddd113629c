"""`python -m bench [--quick] [SECTION…]`: print the figures, and which bars they meet."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.archives import archives
from bench.cold import cold
from bench.corpus import Corpus
from bench.cstore import cstore
from bench.edge_alone import edge
from bench.find import find
from bench.handlers import handlers
from bench.latency import latency
from bench.peers import peers
from bench.report import Report
from bench.rest import rest
from bench.retrieve import retrieve
from bench.run import QUICK, BenchRun, Size
from bench.servers import orthanc_version
from bench.sizes import sizes
from bench.transcode import transcode
from bench.units import units

SECTIONS: dict[str, Callable[[BenchRun], None]] = {
    "edge": edge,
    "cstore": cstore,
    "retrieve": retrieve,
    "rest": rest,
    "archives": archives,
    "peers": peers,
    "handlers": handlers,
    "cold": cold,
    "latency": latency,
    "find": find,
    "units": units,
    "sizes": sizes,
    "transcode": transcode,
}
"""In the order they run: those that share a local stack are neighbours."""
_PROGRAMS = ("Orthanc", "storescu", "echoscu", "findscu", "getscu", "movescu", "storescp")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run sections; the exit code tells whether they ran, not what they found."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="less of everything: a first look")
    parser.add_argument("--studies", type=int, metavar="N", help="in the index of searches")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.sections) - set(SECTIONS)):
        parser.error(f"no section {unknown[0]}: {', '.join(SECTIONS)}")
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        parser.error(f"{', '.join(missing)} missing: make system-packages")
    chosen = [name for name in SECTIONS if not options.sections or name in options.sections]
    size = QUICK if options.quick else Size()
    if options.studies:
        size = replace(size, many_studies=options.studies)
    return 0 if _run(chosen, size) else 1


def _run(chosen: Sequence[str], size: Size) -> bool:
    """Run sections; tell whether all of them came to their end."""
    report, failed = Report(), []
    report.line(
        f"Nephele against {orthanc_version()}, {time.strftime('%Y-%m-%d %H:%M')},"
        f" {os.cpu_count()} {platform.machine()} cores, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory(prefix="nephele-bench-") as folder:
        run = BenchRun(Path(folder), size, report, Corpus(Path(folder), size.slices))
        for name in chosen:
            try:
                SECTIONS[name](run)
            except Exception:  # noqa: BLE001  the outermost boundary of one section
                traceback.print_exc(file=sys.stdout)
                failed.append(name)
                run.close()
        run.close()
    report.summary()
    for name in failed:
        report.line(f"FAILED   section {name}")
    return not failed


if __name__ == "__main__":
    sys.exit(main())
