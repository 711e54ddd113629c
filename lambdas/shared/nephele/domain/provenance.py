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

    Attributes
    ----------
    received : str
        UTC, `YYYYMMDDTHHMMSS.ffffff`: it sorts as text in time order.
    original_sop_instance_uid, original_digest : str
        Of what was received, where lossy transcoding made another instance of it: its UID, and the
        SHA-256 of its data set in hexadecimal.
    original_md5 : str
        Of the file that was received, where another one was made of it by transcoding, as far as it
        is known: in hexadecimal.
    transcoding_failure : str
        Why it is stored as it came although it was to be transcoded.
    """

    origin: Origin
    received: str
    remote_aet: str = ""
    called_aet: str = ""
    remote_ip: str = ""
    http_username: str = ""
    original_sop_instance_uid: str = ""
    original_digest: str = ""
    original_md5: str = ""
    transcoding_failure: str = ""
