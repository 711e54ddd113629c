"""What was sent to modalities and peers, as `/exports` tells it (`LogExportedResources`)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from nephele.aws import clock, journal
from nephele.aws.index import exports as log
from nephele.domain.levels import ORDER, Level
from nephele.domain.resources import Resource
from nephele.services.archive import Archive

_IDENTIFIERS = {
    Level.PATIENT: ("0010,0020", "PatientID"),
    Level.STUDY: ("0020,000d", "StudyInstanceUID"),
    Level.SERIES: ("0020,000e", "SeriesInstanceUID"),
    Level.INSTANCE: ("0008,0018", "SOPInstanceUID"),
}


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Exports in ascending order, as Orthanc shows them; `last` and `done` are its members."""

    exports: tuple[dict[str, object], ...]
    last: int
    done: bool


def log_export(archive: Archive, resource: Resource, remote_modality: str) -> None:
    """Log that a resource was sent, if the configuration asks for it."""
    if not archive.configuration.log_exported_resources:
        return
    lineage = archive.index.resources([*resource.ancestors.values(), resource.orthanc_id])
    export = {
        "Date": clock.to_seconds(clock.now()),
        "ID": str(resource.orthanc_id),
        "Path": f"/{resource.level.collection}/{resource.orthanc_id}",
        "RemoteModality": remote_modality,
        "ResourceType": resource.level.value,
    }
    for level in ORDER[: ORDER.index(resource.level) + 1]:
        holder = lineage.get(resource.ancestors.get(level, resource.orthanc_id))
        tag, keyword = _IDENTIFIERS[level]
        export[keyword] = "" if holder is None else holder.main_tags.get(tag, "")
    number = log.put_export(archive.index.table, export)
    journal.keep_export(archive.bucket, number, export)


def exports(archive: Archive, *, since: int = 0, limit: int = 100) -> ExportPage:
    """Return a page of the log: what is numbered above `since`; a limit of 0 is no limit."""
    table = archive.index.table
    found = list(islice(log.iter_exports(table, since), limit + 1 if limit else None))
    page = found[:limit] if limit else found
    shown = tuple({**export, "Seq": number} for number, export in page)
    return ExportPage(shown, page[-1][0] if page else since, len(page) == len(found))


def last_export(archive: Archive) -> ExportPage:
    """Return the latest export alone."""
    last = log.last_export(archive.index.table)
    page = exports(archive, since=max(last - 1, 0))
    return ExportPage(page.exports, last, done=True)


def clear_exports(archive: Archive) -> None:
    """Empty the log; numbers go on where they were."""
    last = log.last_export(archive.index.table)
    log.clear_exports(archive.index.table)
    journal.keep_cleared_exports(archive.bucket, last)
