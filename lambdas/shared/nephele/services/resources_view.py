"""Resources as Orthanc shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nephele.domain.dicom_json import TagFormat
from nephele.domain.extra_tags import main_tag_name, shown_tags
from nephele.domain.levels import Level
from nephele.domain.main_sequences import shown_sequences
from nephele.domain.resources import Child, Resource
from nephele.domain.series_status import series_status
from nephele.services.archive import Archive
from nephele.services.hierarchy import in_parallel
from nephele.services.requested_tags import requested_tags


@dataclass(frozen=True, slots=True)
class View:
    """How resources are shown; `requested_tags` are tags to add, as the client named them."""

    tag_format: TagFormat = TagFormat.HUMAN
    requested_tags: tuple[str, ...] = ()


def show_tags(main_tags: Mapping[str, str], tag_format: TagFormat) -> dict[str, object]:
    """Show main DICOM tags in one of Orthanc's formats."""
    if tag_format is TagFormat.SHORT:
        return dict(main_tags)
    if tag_format is TagFormat.HUMAN:
        return {main_tag_name(tag): value for tag, value in main_tags.items()}
    return {
        tag: {"Name": main_tag_name(tag), "Type": "String", "Value": value}
        for tag, value in main_tags.items()
    }


def describe(
    archive: Archive, resources: Sequence[Resource], view: View
) -> list[dict[str, object]]:
    """Return resources of one level as Orthanc's expanded JSON, in their order."""
    families = _families(archive, resources)
    described = [
        _describe_common(resource, view) | _describe_level(resource, children)
        for resource, children in zip(resources, families, strict=True)
    ]
    if resources and resources[0].level is Level.STUDY:
        for shown, tags in zip(described, _patient_tags(archive, resources), strict=True):
            shown["PatientMainDicomTags"] = show_tags(tags, view.tag_format)
    return _with_requested(archive, resources, described, view)


def _with_requested(
    archive: Archive,
    resources: Sequence[Resource],
    described: list[dict[str, object]],
    view: View,
) -> list[dict[str, object]]:
    if not view.requested_tags:
        return described
    found = in_parallel(
        lambda resource: requested_tags(archive, resource, view.requested_tags, view.tag_format),
        resources,
    )
    return [shown | {"RequestedTags": tags} for shown, tags in zip(described, found, strict=True)]


def _families(archive: Archive, resources: Sequence[Resource]) -> list[list[Child]]:
    """Read the children of each resource; instances have none."""
    if not resources or resources[0].level is Level.INSTANCE:
        return [[] for _ in resources]
    return in_parallel(archive.index.children, [resource.orthanc_id for resource in resources])


def _patient_tags(archive: Archive, studies: Sequence[Resource]) -> list[dict[str, str]]:
    """Return the patient's tags as each study has them; where it has none, the patient's own."""
    patient_tags = shown_tags(Level.PATIENT)
    own = [_keep(study.main_tags, patient_tags) for study in studies]
    lacking = {
        study.ancestors[Level.PATIENT] for study, tags in zip(studies, own, strict=True) if not tags
    }
    patients = archive.index.resources(sorted(lacking)) if lacking else {}
    return [
        tags or _tags_of(patients.get(study.ancestors[Level.PATIENT]))
        for study, tags in zip(studies, own, strict=True)
    ]


def _tags_of(resource: Resource | None) -> dict[str, str]:
    return {} if resource is None else resource.main_tags


def _keep(main_tags: Mapping[str, str], wanted: frozenset[str]) -> dict[str, str]:
    return {tag: value for tag, value in main_tags.items() if tag in wanted}


def _describe_common(resource: Resource, view: View) -> dict[str, object]:
    shown: dict[str, object] = {
        "ID": resource.orthanc_id,
        "Labels": sorted(resource.user.labels),
        "MainDicomTags": show_tags(
            _keep(resource.main_tags, shown_tags(resource.level)), view.tag_format
        )
        | shown_sequences(resource.metadata, view.tag_format),
        "Type": resource.level.value,
    }
    for name in ("AnonymizedFrom", "ModifiedFrom"):
        if name in resource.metadata:
            shown[name] = resource.metadata[name]
    if resource.level.parent is not None:
        shown[f"Parent{resource.level.parent.value}"] = resource.parent_id
    return shown


def _describe_level(resource: Resource, children: Sequence[Child]) -> dict[str, object]:
    if resource.level is Level.INSTANCE:
        return _describe_instance(resource)
    shown: dict[str, object] = {
        "IsStable": resource.is_stable,
        "LastUpdate": resource.metadata.get("LastUpdate", ""),
        _CHILDREN[resource.level]: [child.orthanc_id for child in children],
    }
    if resource.level is Level.PATIENT:
        shown["IsProtected"] = resource.user.is_protected
    if resource.level is Level.SERIES:
        expected = _number(resource.metadata.get("ExpectedNumberOfInstances"))
        positions = [child.index_in_series for child in children]
        shown["ExpectedNumberOfInstances"] = expected
        shown["Status"] = str(series_status(expected, positions))
    return shown


_CHILDREN = {Level.PATIENT: "Studies", Level.STUDY: "Series", Level.SERIES: "Instances"}


def _describe_instance(resource: Resource) -> dict[str, object]:
    file = resource.file
    return {
        "FileSize": 0 if file is None else file.size_bytes,
        "FileUuid": "" if file is None else file.uuid,
        "IndexInSeries": _number(resource.metadata.get("IndexInSeries")),
    }


def _number(text: str | None) -> int | None:
    """Return a number kept as text, None where it is absent or no number."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
