"""What a client wants in an archive, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

Document = dict[str, Any]


class Root(StrEnum):
    """Where the folders of an archive begin, and whose values a patient's folder is named after."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"


@dataclass(frozen=True, slots=True)
class ArchiveRequest:
    """One archive.

    Attributes
    ----------
    resources : tuple of str
        Orthanc ids at any levels.
    root : Root
        PATIENT: folders begin with the patient's, by the patient's own values; STUDY: by those of
        the study; SERIES: they begin with the series'.
    is_media : bool
        With a DICOMDIR, and names as media have them.
    is_extended : bool
        More in the DICOMDIR.
    transcode : str
        UID of a transfer syntax, "" for files as they are.
    """

    resources: tuple[str, ...]
    root: Root = Root.PATIENT
    is_media: bool = False
    is_extended: bool = False
    is_utf8: bool = False
    transcode: str = ""
    lossy_quality: int | None = None

    @property
    def job_type(self) -> str:
        """Return Orthanc's type of the job that makes it."""
        return "Media" if self.is_media else "Archive"

    def to_document(self) -> Document:
        """Return the request as JSON."""
        return asdict(self) | {"resources": list(self.resources)}

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """Read what `to_document` returned; what a job knows besides is passed over."""
        fields = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(
            **fields | {"resources": tuple(fields["resources"]), "root": Root(fields["root"])}
        )
