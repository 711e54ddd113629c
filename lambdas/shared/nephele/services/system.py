"""What the system says of itself: `/system` and `/statistics`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from nephele.domain.extra_tags import shown_tags
from nephele.domain.levels import Level
from nephele.domain.resources import Resource, Totals
from nephele.services.archive import Archive
from nephele.settings.configuration import Configuration

ORTHANC_VERSION = "1.12.11"
"""The Orthanc whose API is spoken."""
API_VERSION = 30
DATABASE_VERSION = 6
_MIB = 1 << 20


def nephele_version() -> str:
    """Return Nephele's own version, empty where its metadata are not installed."""
    try:
        return version("nephele")
    except PackageNotFoundError:
        return ""


def system(configuration: Configuration) -> dict[str, object]:
    """Return `/system`: Orthanc's members, and `NepheleVersion` beside them."""
    return {
        "ApiVersion": API_VERSION,
        "Capabilities": {
            "HasExtendedChanges": True,
            "HasExtendedFind": True,
            "HasKeyValueStores": False,
            "HasQueues": False,
            "HasReserveQueueValue": False,
        },
        "CheckRevisions": configuration.check_revisions,
        "DatabaseBackendPlugin": None,
        "DatabaseServerIdentifier": "",
        "DatabaseVersion": DATABASE_VERSION,
        "DicomAet": configuration.dicom_aet,
        "DicomDefaultRetrieveMethod": "C-MOVE",
        "DicomPort": configuration.dicom_port,
        "HasLabels": True,
        "HttpPort": configuration.http_port,
        "IngestTranscoding": configuration.ingest_transcoding or "",
        "IsHttpServerSecure": configuration.is_authentication_enabled,
        "MainDicomTags": {level.value: ";".join(sorted(shown_tags(level))) for level in Level},
        "MaximumPatientCount": configuration.maximum_patient_count,
        "MaximumStorageMode": configuration.maximum_storage_mode,
        "MaximumStorageSize": configuration.maximum_storage_size,
        "Name": configuration.name,
        "NepheleVersion": nephele_version(),
        "OverwriteInstances": configuration.overwrite_instances,
        "PatientLevelEnabled": True,
        "PluginsEnabled": False,
        "ReadOnly": False,
        "StorageAreaPlugin": None,
        "StorageCompression": configuration.storage_compression,
        "UserMetadata": configuration.user_metadata,
        "Version": ORTHANC_VERSION,
    }


def statistics(archive: Archive) -> dict[str, object]:
    """Return `/statistics`: sizes are text in bytes, and whole MiB as numbers."""
    totals = archive.index.totals()
    return {
        "CountInstances": totals.instances,
        "CountPatients": totals.patients,
        "CountSeries": totals.series,
        "CountStudies": totals.studies,
        **_sizes("TotalDiskSize", totals.disk_bytes),
        **_sizes("TotalUncompressedSize", totals.uncompressed_bytes),
    }


def resource_statistics(resource: Resource) -> dict[str, object]:
    """Return `/{level}/{id}/statistics`: what lies beneath a resource."""
    totals = resource.totals
    return {
        **_sizes("DicomDiskSize", totals.dicom_disk_bytes),
        **_sizes("DicomUncompressedSize", totals.size_bytes),
        **_sizes("DiskSize", totals.disk_bytes),
        **_sizes("UncompressedSize", totals.uncompressed_bytes),
        **_counts(resource.level, totals),
    }


def _counts(level: Level, totals: Totals) -> dict[str, object]:
    counts = {
        Level.SERIES: {"CountInstances": totals.instances},
        Level.STUDY: {"CountSeries": totals.series},
        Level.PATIENT: {"CountStudies": totals.studies},
    }
    answer: dict[str, object] = {}
    for below, count in counts.items():
        if list(Level).index(level) <= list(Level).index(below):
            answer |= count
    return answer


def _sizes(name: str, size_bytes: int) -> dict[str, object]:
    return {name: str(size_bytes), f"{name}MB": size_bytes // _MIB}
