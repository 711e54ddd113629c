"""`ResponseContent`: which members of expanded resources a client wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from nephele.domain.resources import Resource
from nephele.services.archive import Archive
from nephele.services.attachments import attached_files, describe_attachment
from nephele.services.metadata import named_metadata
from nephele.services.resources_view import View, describe

Described = dict[str, object]


class Content(StrEnum):
    """One of Orthanc's names."""

    MAIN_DICOM_TAGS = "MainDicomTags"
    METADATA = "Metadata"
    PARENT = "Parent"
    CHILDREN = "Children"
    LABELS = "Labels"
    ATTACHMENTS = "Attachments"
    STATUS = "Status"
    IS_STABLE = "IsStable"
    IS_PROTECTED = "IsProtected"
    REQUESTED_TAGS = "RequestedTags"


_ALWAYS = frozenset({"ID", "Type"})
_MEMBERS: dict[Content, frozenset[str]] = {
    Content.MAIN_DICOM_TAGS: frozenset({"MainDicomTags", "PatientMainDicomTags"}),
    Content.METADATA: frozenset(),
    Content.PARENT: frozenset({"ParentPatient", "ParentStudy", "ParentSeries"}),
    Content.CHILDREN: frozenset({"Studies", "Series", "Instances"}),
    Content.LABELS: frozenset({"Labels"}),
    Content.ATTACHMENTS: frozenset(),
    Content.STATUS: frozenset({"ExpectedNumberOfInstances", "Status"}),
    Content.IS_STABLE: frozenset({"IsStable"}),
    Content.IS_PROTECTED: frozenset({"IsProtected"}),
    Content.REQUESTED_TAGS: frozenset({"RequestedTags"}),
}


def _attachments(archive: Archive, resource: Resource) -> list[Described]:
    """Describe the files of a resource as `/attachments/{name}/info` does."""
    return [describe_attachment(one) for one in attached_files(archive, resource)]


_ADDED: dict[Content, Callable[[Archive, Resource], object]] = {
    Content.METADATA: named_metadata,
    Content.ATTACHMENTS: _attachments,
}


def describe_content(
    archive: Archive, resources: Sequence[Resource], view: View, content: frozenset[Content]
) -> list[Described]:
    """Return resources of one level with the members asked for, and what names them."""
    members = _ALWAYS.union(*(_MEMBERS[one] for one in content))
    return [
        {name: value for name, value in shown.items() if name in members}
        | {one.value: _ADDED[one](archive, resource) for one in content if one in _ADDED}
        for resource, shown in zip(resources, describe(archive, resources, view), strict=True)
    ]
