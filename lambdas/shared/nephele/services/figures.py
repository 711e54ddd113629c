"""Figures of the archive, as Prometheus reads them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from nephele.aws.index import changes as log
from nephele.aws.index import records
from nephele.domain.jobs import JobState
from nephele.services.archive import Archive
from nephele.services.durations import REST_REQUESTS
from nephele.services.jobs.control import expand_jobs
from nephele.services.overrides import in_force

_MIB = 1 << 20
_STARTED = time.monotonic()


def prometheus(archive: Archive) -> str:
    """Return one line for each figure, `name value milliseconds`; none with metrics disabled.

    `orthanc_…` are Orthanc's figures under its names. Time up, and requests of the last ten
    seconds, are those of the process that answers; its caches are left out.
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
    yield from _iter_jobs(archive)
    yield "orthanc_rest_api_active_requests", f"{REST_REQUESTS.at_once.value():.9g}"
    yield "orthanc_rest_api_duration_ms", f"{REST_REQUESTS.durations_ms.value():.9g}"
    yield "nephele_dead_letters", str(records.count_dead_letters(archive.index.table))
    yield "nephele_versions_aside", str(records.count_aside(archive.index.table))


def _iter_jobs(archive: Archive) -> Iterator[tuple[str, str]]:
    """Count the jobs that are listed, which completed ones leave with time."""
    states = Counter(job.state for job in expand_jobs(archive))
    succeeded, failed = states[JobState.SUCCESS], states[JobState.FAILURE]
    yield "orthanc_jobs_pending", str(states[JobState.PENDING])
    yield "orthanc_jobs_running", str(states[JobState.RUNNING])
    yield "orthanc_jobs_completed", str(succeeded + failed)
    yield "orthanc_jobs_success", str(succeeded)
    yield "orthanc_jobs_failed", str(failed)
