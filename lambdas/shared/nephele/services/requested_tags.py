"""`RequestedTags`: tags a client wants beside the main ones, stored or computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nephele.domain.attributes import MAIN_ATTRIBUTES, tag_of
from nephele.domain.dicom_json import TagFormat
from nephele.domain.dictionary import name_of, parse_tag
from nephele.domain.levels import Level
from nephele.domain.resources import Resource
from nephele.errors import BadRequest
from nephele.services.archive import Archive
from nephele.services.hierarchy import any_instance, descendants, resources_in_order
from nephele.services.retrieve import data_set

_META_GROUP = 0x0002
_MAIN_TAGS = {level: {a.tag for a in MAIN_ATTRIBUTES if a.level is level} for level in Level}

Compute = Callable[[Archive, Resource], str]


def requested_tags(
    archive: Archive, resource: Resource, names: Iterable[str], tag_format: TagFormat
) -> dict[str, object]:
    """Return the tags asked for: of this level or those above, else of one instance beneath.

    A tag that is nowhere is null; a main tag without a value is left out.

    Raises
    ------
    BadRequest
        A name is no tag.
    """
    wanted = [_parse(name) for name in names]
    known = _known_tags(archive, resource)
    lineage = (*resource.ancestors, resource.level)
    main = frozenset().union(*(_MAIN_TAGS[level] for level in lineage))
    answer: dict[str, object] = {}
    missing = []
    for tag in (tag for tag in wanted if tag >> 16 != _META_GROUP):
        text = tag_of(tag)
        compute = COMPUTED.get((resource.level, text))
        if compute is not None:
            answer |= _show(tag, compute(archive, resource), tag_format)
        elif text in known:
            answer |= _show(tag, known[text], tag_format)
        elif text not in main:
            missing.append(tag)
    return answer | _from_instance(archive, resource, missing, tag_format)


def _parse(name: str) -> int:
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest("Unknown DICOM tag among the requested tags")
    return tag


def _known_tags(archive: Archive, resource: Resource) -> dict[str, str]:
    ancestors = archive.index.resources(resource.ancestors.values())
    known: dict[str, str] = {}
    for level in Level:
        holder = ancestors.get(resource.ancestors[level]) if level in resource.ancestors else None
        if holder is not None:
            known |= holder.main_tags
    return known | resource.main_tags


def _show(tag: int, value: str | None, tag_format: TagFormat) -> dict[str, object]:
    if tag_format is TagFormat.HUMAN:
        return {name_of(tag): value}
    if tag_format is TagFormat.SHORT:
        return {tag_of(tag): value}
    kind = "Null" if value is None else "String"
    return {tag_of(tag): {"Name": name_of(tag), "Type": kind, "Value": value}}


def _from_instance(
    archive: Archive, resource: Resource, tags: list[int], tag_format: TagFormat
) -> dict[str, object]:
    if not tags:
        return {}
    instance = any_instance(archive, resource)
    found = {} if instance is None else data_set(archive, instance, tag_format)
    answer: dict[str, object] = {}
    for tag in tags:
        (key,) = _show(tag, None, tag_format)
        answer |= {key: found[key]} if key in found else _show(tag, None, tag_format)
    return answer


def _distinct(values: Iterable[str]) -> str:
    return "\\".join(sorted({value for value in values if value}))


def _sop_classes(archive: Archive, study: Resource) -> str:
    instances = resources_in_order(archive, descendants(archive, study, Level.INSTANCE))
    return _distinct(one.metadata.get("SopClassUid", "") for one in instances)


COMPUTED: dict[tuple[Level, str], Compute] = {
    (Level.PATIENT, "0020,1200"): lambda _, patient: str(patient.totals.studies),
    (Level.PATIENT, "0020,1202"): lambda _, patient: str(patient.totals.series),
    (Level.PATIENT, "0020,1204"): lambda _, patient: str(patient.totals.instances),
    (Level.STUDY, "0020,1206"): lambda _, study: str(study.totals.series),
    (Level.STUDY, "0020,1208"): lambda _, study: str(study.totals.instances),
    (Level.STUDY, "0008,0061"): lambda _, study: _distinct(study.modalities),
    (Level.STUDY, "0008,0062"): _sop_classes,
    (Level.SERIES, "0020,1209"): lambda _, series: str(series.totals.instances),
    (Level.INSTANCE, "0008,0056"): lambda *_: "ONLINE",
}
"""Tags no file holds: counts, and what the children of a study have (PS3.4 C.3.4)."""
