"""Names of the objects in the bucket."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from nephele.domain.orthanc_id import OrthancId

FINAL = "dicom"
RAW = "raw"
UPLOADS = "uploads"
DERIVED = "derived"
ATTACHMENTS = "attachments"
JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class InstanceKey:
    """The key of one reception of an instance: `<area>/<hh>/<orthanc id>/<uuid>`.

    The two characters spread the objects over S3's partitions and let a reconciler work in slices.
    """

    area: str
    orthanc_id: OrthancId
    uuid: str

    def __str__(self) -> str:
        return f"{self.area}/{self.orthanc_id[:2]}/{self.orthanc_id}/{self.uuid}"


def parse_instance_key(key: str) -> InstanceKey | None:
    """Return the parts of an instance's key, None for any other object."""
    parts = key.split("/")
    if len(parts) != 4 or parts[0] not in (FINAL, RAW) or not parts[2].startswith(parts[1]):
        return None
    return InstanceKey(parts[0], OrthancId(parts[2]), parts[3])


def upload_key(identifier: str) -> str:
    """Return the key a presigned upload writes to."""
    return f"{UPLOADS}/{identifier}"


@dataclass(frozen=True, slots=True)
class DerivedKey:
    """The key of what was made of one reception: `derived/<hh>/<orthanc id>/<uuid>/<name>`.

    With an empty name it is what all of them begin with.
    """

    orthanc_id: OrthancId
    uuid: str
    name: str = ""

    def __str__(self) -> str:
        return f"{DERIVED}/{self.orthanc_id[:2]}/{self.orthanc_id}/{self.uuid}/{self.name}"

    @property
    def source(self) -> InstanceKey:
        """Return the key of what it is made of."""
        return InstanceKey(FINAL, self.orthanc_id, self.uuid)


def parse_derived_key(key: str) -> DerivedKey | None:
    """Return the parts of the key of something derived, None for any other object."""
    parts = key.split("/")
    if len(parts) != 5 or parts[0] != DERIVED or not parts[2].startswith(parts[1]):
        return None
    return DerivedKey(OrthancId(parts[2]), parts[3], parts[4])


def answer_key(identifier: str) -> str:
    """Return the key of an answer's body that is too large to be sent directly."""
    return f"{DERIVED}/answers/{identifier}"


def job_key(name: str) -> str:
    """Return the key of what a job works from; it goes after 30 days, later than the job's row."""
    return f"{DERIVED}/jobs/{name}"


@dataclass(frozen=True, slots=True)
class AttachmentKey:
    """The key of what a user attached: `attachments/<hh>/<orthanc id>/<uuid>`."""

    orthanc_id: OrthancId
    uuid: str

    def __str__(self) -> str:
        return f"{ATTACHMENTS}/{self.orthanc_id[:2]}/{self.orthanc_id}/{self.uuid}"


def parse_attachment_key(key: str) -> AttachmentKey | None:
    """Return the parts of an attachment's key, None for any other object."""
    parts = key.split("/")
    if len(parts) != 4 or parts[0] != ATTACHMENTS or not parts[2].startswith(parts[1]):
        return None
    return AttachmentKey(OrthancId(parts[2]), parts[3])


STAGING = f"{DERIVED}/staging/"
"""What large objects begin with until their metadata are known; they go after a day."""


def staging_key(uuid: str) -> str:
    """Return the key of an object that is not yet where it belongs."""
    return f"{STAGING}{uuid}"


STATES = f"{JOURNAL}/states/"
DELETIONS = f"{JOURNAL}/deletions/"
OPTIONS = f"{JOURNAL}/options/"
DEFINITIONS = f"{JOURNAL}/definitions/"
CHANGES = f"{JOURNAL}/changes/"
EXPORTS = f"{JOURNAL}/exports/"
"""Where the journal keeps what: small objects that are written once."""


_ENDED = "-ended"


def state_key(orthanc_id: OrthancId, version: int, *, has_ended: bool = False) -> str:
    """Return the key of what users kept at a resource; greater versions are later ones."""
    last = f"{version:020}{_ENDED}" if has_ended else f"{version:020}"
    return f"{STATES}{orthanc_id[:2]}/{orthanc_id}/{last}"


def is_ended_state(key: str) -> bool:
    """Tell whether a state says that its resource is gone."""
    return key.endswith(_ENDED)


def deletion_key(identifier: str, name: str) -> str:
    """Return the key of a part of a deletion."""
    return f"{DELETIONS}{identifier}/{name}"


def option_key(version: int) -> str:
    """Return the key of one change of an option."""
    return f"{OPTIONS}{version:020}"


def definition_key(kind: str, name: str, version: int, expires: int = 0) -> str:
    """Return the key of one change of a named definition; greater versions are later ones."""
    last = f"{version:020}-{expires}" if expires else f"{version:020}"
    return f"{DEFINITIONS}{kind}/{quote(name, safe='')}/{last}"


def definition_expires(key: str) -> int:
    """Return the epoch second after which what `definition_key` names is gone; 0 for never."""
    return int(key.rpartition("/")[2].partition("-")[2] or 0)


def is_earlier_definition(key: str) -> bool:
    """Tell whether an earlier release wrote a definition, under a key without a name."""
    return "/" not in key.removeprefix(DEFINITIONS)


def changes_key(last: int) -> str:
    """Return the key of a note that changes up to a number were logged."""
    return f"{CHANGES}{last:020}"


def export_key(number: int) -> str:
    """Return the key of a numbered export."""
    return f"{EXPORTS}{number:020}"


_CLEARED = "-cleared"


def cleared_exports_key(last: int) -> str:
    """Return the key of a note that all exports up to a number were cleared."""
    return f"{export_key(last)}{_CLEARED}"


def is_cleared_exports(key: str) -> bool:
    """Tell whether `cleared_exports_key` names something."""
    return key.endswith(_CLEARED)


ARCHIVES = f"{DERIVED}/archives/"
"""What all that archives are made of, and they themselves, begin with."""


def archive_key(digest: str) -> str:
    """Return the key of an archive that was made, by what names its bytes."""
    return f"{ARCHIVES}{digest}/zip"


def archive_work_key(digest: str, workshop: str, name: str) -> str:
    """Return the key of something that is needed while an archive is made."""
    return f"{ARCHIVES}{digest}/{workshop}/{name}"
