"""Reading from the index what an archive will hold."""

from __future__ import annotations

from collections.abc import Iterable

from nephele.domain.archive_layout.tree import Branch, Leaf, ordered
from nephele.domain.dicom_json import read_data_set
from nephele.domain.dicomdir import CHARACTER_SET
from nephele.domain.extra_tags import shown_tags
from nephele.domain.levels import ORDER, Level
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.resources import Resource
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.archives.request import ArchiveRequest, Root
from nephele.services.hierarchy import in_parallel
from nephele.services.retrieve import file_of

_AT_ONCE = 100
_STUDY_DATE, _STUDY_TIME = "0008,0020", "0008,0030"
_SERIES_DATE, _SERIES_TIME = "0008,0021", "0008,0031"
_DATES = ((0x00080022, 0x00080032), (0x00080023, 0x00080033))
"""Date and time of acquisition, and of content."""
_INSTANCE_NUMBER = "0020,0013"
_SOP_INSTANCE_UID = "0008,0018"


def read_tree(archive: Archive, request: ArchiveRequest) -> list[Branch]:
    """Return the patients of an archive with all that is wanted beneath them.

    Raises
    ------
    UnknownResource
        One of the resources does not exist.
    """
    chosen = require_all(archive, request.resources)
    instances = _instances(archive, chosen)
    above = {one for instance in instances for one in instance.ancestors.values()}
    known = {one.orthanc_id: one for one in _resources(archive, above)}
    branches: dict[str, Branch] = {}
    for instance in instances:
        if all(one in known for one in instance.ancestors.values()):
            _hang(branches, known, instance, request.root)
    patients = [one for one in branches.values() if one.level is Level.PATIENT]
    if request.is_media:
        _complete_studies(archive, patients)
    return ordered(patients)


def require_all(archive: Archive, identifiers: Iterable[str]) -> list[Resource]:
    """Return resources of any levels by their ids.

    Raises
    ------
    UnknownResource
        One of them does not exist.
    """
    wanted = set(identifiers)
    found = _resources(archive, {OrthancId(one) for one in wanted if is_orthanc_id(one)})
    if len(found) < len(wanted):
        raise UnknownResource("There is no such resource")
    return found


def _resources(archive: Archive, ids: Iterable[OrthancId]) -> list[Resource]:
    wanted = sorted(ids)
    batches = [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]
    found = in_parallel(lambda batch: archive.index.resources(batch), batches)
    return [resource for resources in found for resource in resources.values()]


def _instances(archive: Archive, chosen: list[Resource]) -> list[Resource]:
    """Return the instances that are, or are beneath, some resources, each once."""
    wanted: set[OrthancId] = set()
    for level in ORDER:
        here = {one.orthanc_id for one in chosen if one.level is level}
        parents = sorted(wanted | here)
        if level is Level.INSTANCE:
            return _resources(archive, parents)
        families = in_parallel(archive.index.children, parents)
        wanted = {child.orthanc_id for family in families for child in family}
    return []


def _hang(
    branches: dict[str, Branch], known: dict[OrthancId, Resource], instance: Resource, root: Root
) -> None:
    """Put an instance in its place; a patient goes by its own values or by those of a study."""
    study = known[instance.ancestors[Level.STUDY]]
    parent: Branch | None = None
    for level in ORDER[:-1]:
        orthanc_id = instance.ancestors[level]
        branch = branches.get(orthanc_id)
        if branch is None:
            tags = dict(known[orthanc_id].main_tags)
            if level is Level.PATIENT and root is not Root.PATIENT:
                tags = _patient_tags(study) or tags
            branch = branches[orthanc_id] = Branch(level, str(orthanc_id), tags)
            if parent is not None:
                parent.branches.append(branch)
        parent = branch
    if parent is not None:
        parent.leaves.append(_leaf(instance))


def _patient_tags(study: Resource) -> dict[str, str]:
    """Return the patient's tags as a study has them."""
    tags = shown_tags(Level.PATIENT)
    return {tag: value for tag, value in study.main_tags.items() if tag in tags}


def _leaf(instance: Resource) -> Leaf:
    file = file_of(instance)
    return Leaf(
        orthanc_id=str(instance.orthanc_id),
        key=file.key,
        size_bytes=file.size_bytes,
        transfer_syntax_uid=instance.metadata.get("TransferSyntax", ""),
        sop_class_uid=instance.metadata.get("SopClassUid", ""),
        sop_instance_uid=instance.main_tags.get(_SOP_INSTANCE_UID, ""),
        instance_number=instance.main_tags.get(_INSTANCE_NUMBER, ""),
        index_in_series=instance.metadata.get("IndexInSeries"),
        received=file.provenance.received.partition(".")[0],
        is_compressed=file.is_compressed,
    )


def _complete_studies(archive: Archive, patients: list[Branch]) -> None:
    """Let studies know their character set, and a date where they have none."""
    studies = [study for patient in patients for study in patient.branches]
    in_parallel(lambda study: _complete_study(archive, study), studies)


def _complete_study(archive: Archive, study: Branch) -> None:
    """Take from a study's first instance what its DICOMDIR record may need."""
    series = ordered(study.branches)[0]
    leaf = series.ordered_leaves()[0]
    instance = archive.index.resource(OrthancId(leaf.orthanc_id))
    if instance is None:
        return
    elements, _ = read_data_set(archive.index.header(instance, archive.bucket))

    def value(tag: int) -> str:
        found = elements.get(tag)
        return "" if found is None else bytes(found.value).decode("ascii", "ignore").strip(" \0")

    if character_set := value(0x00080005):
        study.tags[CHARACTER_SET] = character_set
    if not study.tags.get(_STUDY_DATE):
        dates = [(series.tags.get(_SERIES_DATE, ""), series.tags.get(_SERIES_TIME, ""))]
        dates += [(value(date), value(time)) for date, time in _DATES]
        dates.append((leaf.received[:8], leaf.received[9:15]))
        date, time = next(pair for pair in dates if pair[0] or pair is dates[-1])
        study.tags[_STUDY_DATE] = date
        study.tags[_STUDY_TIME] = study.tags.get(_STUDY_TIME) or time
