"""A resource of the archive as the index keeps it: what every answer is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.provenance import Provenance
from nephele.domain.user_state import NO_USER_STATE, UserState


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The object in the bucket that holds an instance's bytes.

    Attributes
    ----------
    uuid : str
        Names one reception: the same SOP Instance UID received again has another.
    size_bytes, md5
        Of the DICOM file; `md5` is empty where it was not computed.
    compressed_bytes, compressed_md5
        Of the object where it holds the file compressed (`StorageCompression`), else None and "".
    data_set_digest : str
        See `nephele.domain.digests`; empty where it was not computed.
    """

    key: str
    uuid: str
    size_bytes: int
    md5: str
    provenance: Provenance
    compressed_bytes: int | None = None
    compressed_md5: str = ""
    data_set_digest: str = ""

    @property
    def is_compressed(self) -> bool:
        """Tell whether the object holds the file compressed: see `services.plain_files`."""
        return self.compressed_bytes is not None

    @property
    def stored_bytes(self) -> int:
        """Return the size of the object."""
        return self.size_bytes if self.compressed_bytes is None else self.compressed_bytes

    @property
    def saved_bytes(self) -> int:
        """Return how much smaller the object is than the file."""
        return self.size_bytes - self.stored_bytes

    @property
    def reception(self) -> tuple[str, str]:
        """Return what decides between two receptions of one SOP Instance UID."""
        return self.provenance.received, self.uuid


@dataclass(frozen=True, slots=True)
class Totals:
    """What lies beneath a resource (or, for the archive, all of it).

    Attributes
    ----------
    size_bytes : int
        Of the DICOM files.
    saved_bytes : int
        How much smaller their objects are, by compression.
    attached_bytes, attached_saved_bytes : int
        The same of users' attachments, the resource's own included.
    """

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    size_bytes: int = 0
    saved_bytes: int = 0
    attached_bytes: int = 0
    attached_saved_bytes: int = 0

    @property
    def dicom_disk_bytes(self) -> int:
        """Return what the objects of the DICOM files take."""
        return self.size_bytes - self.saved_bytes

    @property
    def disk_bytes(self) -> int:
        """Return what all objects take."""
        return self.dicom_disk_bytes + self.attached_bytes - self.attached_saved_bytes

    @property
    def uncompressed_bytes(self) -> int:
        """Return what all files have."""
        return self.size_bytes + self.attached_bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of a patient, study or series: see `Resource`."""

    totals: Totals
    modalities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """A patient, study, series or instance.

    Attributes
    ----------
    ancestors : dict
        Orthanc id of each level above.
    main_tags : dict
        `"gggg,eeee"` to value, of this level alone.
    metadata : dict
        Orthanc's metadata by name (`LastUpdate`, `ReceptionDate`, `TransferSyntax` …), as shown.
    totals : Totals
        Counts and sizes beneath; for instances the sizes alone.
    file : StoredFile or None
        Instances only.
    modalities : tuple of str
        Studies only: those of the series beneath, ascending.
    user : UserState
        Labels, metadata, attachments and protection that users gave it.
    """

    level: Level
    orthanc_id: OrthancId
    ancestors: dict[Level, OrthancId]
    main_tags: dict[str, str]
    metadata: dict[str, str]
    is_stable: bool = False
    totals: Totals = field(default_factory=Totals)
    file: StoredFile | None = None
    modalities: tuple[str, ...] = ()
    user: UserState = NO_USER_STATE

    @property
    def parent_id(self) -> OrthancId | None:
        """Return the id of the resource above, None for patients."""
        parent = self.level.parent
        return None if parent is None else self.ancestors[parent]


@dataclass(frozen=True, slots=True)
class Child:
    """A row of a resource's children; `index_in_series` is for instances only."""

    orthanc_id: OrthancId
    index_in_series: str | None = None


class ChangeType(StrEnum):
    """Orthanc's `ChangeType`, those that are logged."""

    COMPLETED_SERIES = "CompletedSeries"
    NEW_INSTANCE = "NewInstance"
    NEW_SERIES = "NewSeries"
    NEW_STUDY = "NewStudy"
    NEW_PATIENT = "NewPatient"
    STABLE_PATIENT = "StablePatient"
    STABLE_STUDY = "StableStudy"
    STABLE_SERIES = "StableSeries"
    UPDATED_ATTACHMENT = "UpdatedAttachment"
    UPDATED_METADATA = "UpdatedMetadata"


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `date` is UTC `YYYYMMDDTHHMMSS`."""

    change_type: ChangeType
    level: Level
    orthanc_id: OrthancId
    date: str


@dataclass(frozen=True, slots=True)
class NumberedChange:
    """A change and its number: gapless, in commit order, from 1."""

    sequence: int
    change: Change


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes in ascending order; `last` is Orthanc's `Last`, `done` its `Done`."""

    changes: tuple[NumberedChange, ...]
    last: int
    done: bool


class StoreStatus(StrEnum):
    """Orthanc's answer to an upload."""

    SUCCESS = "Success"
    ALREADY_STORED = "AlreadyStored"


@dataclass(frozen=True, slots=True)
class AsideVersion:
    """A reception kept aside: its SOP Instance UID stands in the archive with other content."""

    orthanc_id: OrthancId
    uuid: str
    key: str
    received: str
    size_bytes: int
    md5: str
    remote_aet: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be processed, kept with its reason."""

    identifier: str
    queue: str
    body: str
    reason: str
    received: str
    object_key: str | None
