"""Where an instance came from and when: what Orthanc keeps as metadata of reception."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """Orthanc's `Origin` metadata."""

    UNKNOWN = "Unknown"
    DICOM_PROTOCOL = "DicomProtocol"
    REST_API = "RestApi"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The reception of one instance.

    `received` is UTC, `YYYYMMDDTHHMMSS.ffffff`: it sorts as text in time order.
    """

    origin: Origin
    received: str
    remote_aet: str = ""
    called_aet: str = ""
    remote_ip: str = ""
    http_username: str = ""
