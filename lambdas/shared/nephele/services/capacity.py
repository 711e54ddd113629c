"""Room in the archive: `MaximumStorageSize`, `MaximumPatientCount`, `MaximumStorageMode`.

With `Recycle` older patients make room later (`nephele.services.recycle`); what is refused is what
could not even fit beside those that are never recycled. With `Reject` room is reserved before
anything is acknowledged: promises are rows until the index counts what they were for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nephele.aws.index import capacity as rows
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource, Totals
from nephele.errors import StorageFull
from nephele.services.archive import Archive
from nephele.settings.configuration import Configuration

_FULL = "MaximumStorageSize or MaximumPatientCount is reached"


def exceeds(configuration: Configuration, totals: Totals) -> bool:
    """Tell whether an archive that holds so much is above a limit."""
    size, patients = configuration.maximum_storage_bytes, configuration.maximum_patient_count
    return bool((size and totals.disk_bytes > size) or (patients and totals.patients > patients))


def is_above_limit(archive: Archive) -> bool:
    """Tell whether the archive holds more than it may."""
    configuration = archive.configuration
    return configuration.is_storage_limited and exceeds(configuration, archive.index.totals())


def reserve(archive: Archive, patient: OrthancId, uuid: str, size_bytes: int) -> None:
    """Make sure that there is, or will be, room for a reception.

    Raises
    ------
    StorageFull
        There is not, and nothing that may be recycled is large enough.
    """
    configuration = archive.configuration
    if not configuration.is_storage_limited:
        return
    if configuration.maximum_storage_mode == "Recycle":
        _require_recyclable(archive, patient, size_bytes)
        return
    table = archive.index.table
    rows.put_reservation(table, uuid, patient, size_bytes)
    promised = rows.list_reservations(table)
    if exceeds(configuration, _with_promises(archive, promised)):
        rows.delete_reservations(table, [uuid])
        raise StorageFull(_FULL)


def _with_promises(archive: Archive, promised: Sequence[rows.Reservation]) -> Totals:
    """Count what is there and what was promised; what becomes the one of the other may be both.

    So a patient is only taken for one that the counters have where it is there before they are
    read, and afterwards.
    """
    patients = {one.patient for one in promised}
    before = archive.index.resources(patients)
    totals = archive.index.totals()
    known = before.keys() & archive.index.resources(before).keys()
    return Totals(
        patients=totals.patients + len(patients - known),
        size_bytes=totals.disk_bytes + sum(one.size_bytes for one in promised),
    )


def release(archive: Archive, uuids: Iterable[str]) -> None:
    """Forget the room that was reserved for receptions: the index counts them, or they ended."""
    configuration = archive.configuration
    if configuration.is_storage_limited and configuration.maximum_storage_mode == "Reject":
        rows.delete_reservations(archive.index.table, list(uuids))


def require_room(archive: Archive, size_bytes: int, resource: Resource) -> None:
    """Make sure that there is, or will be, room for an attachment of a resource.

    Raises
    ------
    StorageFull
        There is not.
    """
    configuration = archive.configuration
    if not configuration.is_storage_limited:
        return
    if configuration.maximum_storage_mode == "Recycle":
        patient = resource.ancestors.get(Level.PATIENT, resource.orthanc_id)
        _require_recyclable(archive, patient, size_bytes)
        return
    totals = _with_promises(archive, rows.list_reservations(archive.index.table))
    if exceeds(configuration, _grown(totals, 0, size_bytes)):
        raise StorageFull(_FULL)


def _require_recyclable(archive: Archive, patient: OrthancId, size_bytes: int) -> None:
    """Refuse what would be too much even if all that may be recycled were."""
    totals = archive.index.totals()
    is_new = int(archive.index.resource(patient) is None)
    if not exceeds(archive.configuration, _grown(totals, is_new, size_bytes)):
        return
    staying = archive.index.resources({patient, *rows.list_protected(archive.index.table)})
    disk_bytes = sum(one.totals.disk_bytes for one in staying.values())
    fixed = Totals(patients=len(staying) + is_new, size_bytes=disk_bytes + size_bytes)
    if exceeds(archive.configuration, fixed):
        raise StorageFull(_FULL)


def _grown(totals: Totals, patients: int, size_bytes: int) -> Totals:
    return Totals(patients=totals.patients + patients, size_bytes=totals.disk_bytes + size_bytes)
