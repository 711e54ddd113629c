"""Tags of what lies beneath a resource: modules, shared tags, tags of all instances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nephele.aws.index.headers import iter_headers
from nephele.domain.dicom_json import Json, TagFormat, tags_json
from nephele.domain.levels import Level
from nephele.domain.modules import MODULES
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.hierarchy import any_instance, descendants, resources_in_order
from nephele.services.overrides import in_force
from nephele.services.retrieve import data_set, pixel_data_tag

_NOTHING: frozenset[int] = frozenset()


def module(
    archive: Archive,
    resource: Resource,
    level: Level,
    tag_format: TagFormat,
    ignore_length: frozenset[int] = _NOTHING,
) -> Json:
    """Return the tags of a level's module, as the instance with the lowest id beneath has them."""
    instance = any_instance(archive, resource)
    if instance is None:
        raise UnknownResource("")
    return data_set(archive, instance, tag_format, ignore_length, only=MODULES[level])


def instances_beneath(archive: Archive, resource: Resource) -> list[OrthancId]:
    """Return the ids of all instances beneath a resource, ascending."""
    return descendants(archive, resource, Level.INSTANCE)


def iter_instances_tags(
    archive: Archive,
    ids: Sequence[OrthancId],
    tag_format: TagFormat,
    ignore_length: frozenset[int] = _NOTHING,
) -> Iterator[tuple[OrthancId, Json]]:
    """Yield the tags of some instances in their order; those deleted meanwhile are left out."""
    instances = resources_in_order(archive, ids)
    encoding = in_force(archive).default_encoding
    for instance, encoded in iter_headers(archive.index, archive.bucket, instances):
        yield (
            instance.orthanc_id,
            tags_json(
                encoded,
                tag_format,
                default_encoding=encoding,
                ignore_length=ignore_length,
                pixel_data=pixel_data_tag(instance, encoded),
            ),
        )


def shared_tags(
    instances: Iterable[tuple[OrthancId, Json]], before: Json | None = None
) -> Json | None:
    """Return the textual tags that have one value in some instances.

    Parameters
    ----------
    instances : iterable of (OrthancId, Json)
        Their tags in the full format.
    before : Json, optional
        What was shared by those before, which have to have the value, too.

    Returns
    -------
    Json or None
        None where there was no instance yet.
    """
    shared = before
    for _, tags in instances:
        if shared is None:
            shared = {tag: shown for tag, shown in tags.items() if shown["Type"] == "String"}
        else:
            shared = {tag: shown for tag, shown in shared.items() if tags.get(tag) == shown}
    return shared
