"""Figures of the archive, as Prometheus reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from nephele.aws.index import changes as log
from nephele.aws.index import records
from nephele.services.archive import Archive
from nephele.services.overrides import in_force

_MIB = 1 << 20
_STARTED = time.monotonic()


def prometheus(archive: Archive) -> str:
    """Return one line for each figure, `name value milliseconds`; none with metrics disabled.

    `orthanc_…` are Orthanc's figures under its names; those of one process among many are left
    out, but for the time it has been up.
    """
    if not in_force(archive).metrics_enabled:
        return ""
    now = time.time_ns() // 1_000_000
    return "".join(f"{name} {value} {now}\n" for name, value in sorted(_iter_figures(archive)))


def _iter_figures(archive: Archive) -> Iterator[tuple[str, str]]:
    totals = archive.index.totals()
    yield "orthanc_count_patients", str(totals.patients)
    yield "orthanc_count_studies", str(totals.studies)
    yield "orthanc_count_series", str(totals.series)
    yield "orthanc_count_instances", str(totals.instances)
    yield "orthanc_disk_size_mb", f"{totals.disk_bytes / _MIB:.9g}"
    yield "orthanc_uncompressed_size_mb", f"{totals.uncompressed_bytes / _MIB:.9g}"
    log.number_pending(archive.index.table)
    yield "orthanc_last_change", str(log.last_sequence(archive.index.table))
    yield "orthanc_up_time_s", str(int(time.monotonic() - _STARTED))
    yield "nephele_dead_letters", str(records.count_dead_letters(archive.index.table))
    yield "nephele_versions_aside", str(records.count_aside(archive.index.table))
