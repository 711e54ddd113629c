"""`RequestedTags`: tags a client wants beside the main ones, stored or computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nephele.domain.attributes import MAIN_ATTRIBUTES, tag_of
from nephele.domain.dicom_json import TagFormat, in_format
from nephele.domain.dictionary import name_of, parse_tag
from nephele.domain.levels import Level
from nephele.domain.main_sequences import shown_sequences
from nephele.domain.resources import Counts, Resource
from nephele.errors import BadRequest
from nephele.services.archive import Archive
from nephele.services.hierarchy import any_instance, descendants, resources_in_order
from nephele.services.retrieve import data_set

_META_GROUP = 0x0002
_MAIN_TAGS = {level: {a.tag for a in MAIN_ATTRIBUTES if a.level is level} for level in Level}
_SEQUENCES = frozenset(attribute.tag for attribute in MAIN_ATTRIBUTES if attribute.vr == "SQ")

Compute = Callable[[Archive, Resource], str]
Count = Callable[[Counts | Resource], str]


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
    family = _family(archive, resource)
    known = {tag: text for one in family for tag, text in one.main_tags.items()}
    sequences = _sequences(family, tag_format)
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
        elif text in sequences:
            answer |= sequences[text]
        elif text not in main or text in _SEQUENCES:
            missing.append(tag)
    for tag in missing:
        answer |= {} if tag_of(tag) in main else _show(tag, None, tag_format)
    return answer | _from_instance(archive, resource, missing, tag_format)


def _parse(name: str) -> int:
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest("Unknown DICOM tag among the requested tags")
    return tag


def _family(archive: Archive, resource: Resource) -> list[Resource]:
    """Return what is above a resource, the highest first, and itself."""
    ancestors = archive.index.resources(resource.ancestors.values())
    above = (ancestors.get(resource.ancestors[level]) for level in resource.ancestors)
    return [*(one for one in above if one is not None), resource]


def _sequences(family: list[Resource], tag_format: TagFormat) -> dict[str, dict[str, object]]:
    """Return the main sequences of some resources as they are answered, by tag."""
    by_tag = {
        tag: one for holder in family for tag, one in shown_sequences(holder.metadata).items()
    }
    return {tag: in_format({tag: one}, tag_format) for tag, one in by_tag.items()}


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
    """Return those of some tags that one instance beneath has."""
    instance = any_instance(archive, resource) if tags else None
    if instance is None:
        return {}
    found = data_set(archive, instance, tag_format)
    keys = [key for tag in tags for key in _show(tag, None, tag_format)]
    return {key: found[key] for key in keys if key in found}


def _distinct(values: Iterable[str]) -> str:
    return "\\".join(sorted({value for value in values if value}))


def _sop_classes(archive: Archive, study: Resource) -> str:
    instances = resources_in_order(archive, descendants(archive, study, Level.INSTANCE))
    return _distinct(one.metadata.get("SopClassUid", "") for one in instances)


COUNTED: dict[tuple[Level, str], Count] = {
    (Level.PATIENT, "0020,1200"): lambda patient: str(patient.totals.studies),
    (Level.PATIENT, "0020,1202"): lambda patient: str(patient.totals.series),
    (Level.PATIENT, "0020,1204"): lambda patient: str(patient.totals.instances),
    (Level.STUDY, "0020,1206"): lambda study: str(study.totals.series),
    (Level.STUDY, "0020,1208"): lambda study: str(study.totals.instances),
    (Level.STUDY, "0008,0061"): lambda study: _distinct(study.modalities),
    (Level.SERIES, "0020,1209"): lambda series: str(series.totals.instances),
}
"""Tags no file holds, of which a resource's own row tells: counts, modalities (PS3.4 C.3.4)."""


def _computed(count: Count) -> Compute:
    return lambda _, resource: count(resource)


COMPUTED: dict[tuple[Level, str], Compute] = {
    **{place: _computed(count) for place, count in COUNTED.items()},
    (Level.STUDY, "0008,0062"): _sop_classes,
    (Level.INSTANCE, "0008,0056"): lambda *_: "ONLINE",
}
"""All tags no file holds."""
