"""Whom a modality's settings and the configuration say to call, and how."""

from __future__ import annotations

from dimse_edge.scu.requests import Destination
from dimse_edge.tls import client_context
from nephele.services.archive import Archive
from nephele.settings.configuration import Configuration
from nephele.settings.modality import Modality


def destination(
    archive: Archive, modality: Modality, calling_aet: str = "", timeout: float | None = None
) -> Destination:
    """Return where to call a modality.

    Parameters
    ----------
    calling_aet : str
        What the request wants to be called; the modality's `LocalAet` wins, `DicomAet` is the last
        resort.
    timeout : float, optional
        What the request wants; else the modality's `Timeout`, else `DicomScuTimeout`; 0 is
        for ever.
    """
    configuration = archive.configuration
    seconds = _timeout(configuration, modality, timeout)
    return Destination(
        host=modality.host,
        port=modality.port,
        called_aet=modality.aet,
        calling_aet=modality.local_aet or calling_aet or configuration.dicom_aet,
        timeout=seconds or None,
        maximum_pdu_bytes=configuration.maximum_pdu_length,
        tls=client_context(archive) if modality.use_dicom_tls else None,
    )


def _timeout(configuration: Configuration, modality: Modality, wanted: float | None) -> float:
    if wanted is not None:
        return wanted
    return modality.timeout or configuration.dicom_scu_timeout
