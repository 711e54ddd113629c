"""The body of `/tools/find`: Orthanc's fields, read into a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nephele.domain.attributes import tag_of
from nephele.domain.dictionary import parse_tag
from nephele.domain.find_query import (
    Constraint,
    FindQuery,
    LabelsConstraint,
    Ordering,
    OrderKind,
    parse_constraints,
)
from nephele.domain.levels import Level, level_named
from nephele.domain.matching import Matcher, parse_matcher
from nephele.domain.metadata import MetadataNames, is_user_metadata, metadata_named
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import BadRequest, ParameterOutOfRange
from nephele.rest.fields import Body, count_field, flag_field, object_field, text_field, texts_field

_PARENTS = {
    "ParentPatient": Level.PATIENT,
    "ParentStudy": Level.STUDY,
    "ParentSeries": Level.SERIES,
}
_DIRECTIONS = {"ASC": False, "DESC": True}
_ANY_TEXT = "UT"
"""A VR whose values may be asked for by wildcards and lists, as metadata may."""


def parse_level(body: Body) -> Level:
    """Return the level a body asks for: in any case, singular or plural.

    Raises
    ------
    BadRequest, ParameterOutOfRange
        It is missing, or none.
    """
    level = level_named(text_field(body, "Level"))
    if level is None:
        raise ParameterOutOfRange('Field "Level" is none of Patient, Study, Series, Instance')
    return level


def parse_find(body: Body, names: MetadataNames, *, is_case_sensitive: bool) -> FindQuery:
    """Read what `/tools/find` and `/tools/count-resources` have in common.

    Parameters
    ----------
    names : MetadataNames
        The names metadata have under the archive's configuration.

    Raises
    ------
    BadRequest
        A field has a wrong type, or names no tag.
    ParameterOutOfRange
        A field has a value it cannot have.
    """
    level = parse_level(body)
    parent_level, parent = _parent(body)
    return FindQuery(
        level=level,
        constraints=_constraints(body, level, is_case_sensitive=is_case_sensitive),
        parent_level=parent_level,
        parent=parent,
        metadata=tuple(_metadata(body, names, is_case_sensitive=is_case_sensitive)),
        labels=frozenset(texts_field(body, "Labels")),
        labels_constraint=_labels_constraint(body),
        order=tuple(_order(body, names)),
        since=count_field(body, "Since"),
        limit=count_field(body, "Limit"),
    )


def _constraints(body: Body, level: Level, *, is_case_sensitive: bool) -> tuple[Constraint, ...]:
    query: dict[int, str] = {}
    for name, value in object_field(body, "Query", is_required=True).items():
        if not isinstance(value, str):
            raise BadRequest(f'Tag "{name}" should be associated with a string')
        query[_tag(name, "Query")] = value
    return parse_constraints(level, query, is_case_sensitive=is_case_sensitive)


def _tag(name: str, field: str) -> int:
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest(f'Unknown DICOM tag in field "{field}": {name}')
    return tag


def _parent(body: Body) -> tuple[Level | None, OrthancId | None]:
    for name, level in _PARENTS.items():
        if name in body:
            return level, OrthancId(text_field(body, name))
    return None, None


def _labels_constraint(body: Body) -> LabelsConstraint:
    name = text_field(body, "LabelsConstraint", LabelsConstraint.ALL)
    try:
        return LabelsConstraint(name)
    except ValueError:
        raise ParameterOutOfRange('Field "LabelsConstraint" is none of All, Any, None') from None


def _metadata(
    body: Body, names: MetadataNames, *, is_case_sensitive: bool
) -> Iterator[tuple[str, Matcher]]:
    for name, value in object_field(body, "MetadataQuery").items():
        if not isinstance(value, str):
            raise BadRequest(f'Metadata "{name}" should be associated with a string')
        matcher = parse_matcher(value, _ANY_TEXT, is_case_sensitive=is_case_sensitive)
        if matcher is not None:
            yield _metadata_name(names, name, "MetadataQuery"), matcher


def _metadata_name(names: MetadataNames, name: str, field: str) -> str:
    number = names.number(name)
    if number is not None and (metadata_named(str(number)) or is_user_metadata(number)):
        return names.name(number)
    raise ParameterOutOfRange(f'Unknown metadata in field "{field}": {name}')


def _order(body: Body, names: MetadataNames) -> Iterator[Ordering]:
    value = body.get("OrderBy", [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadRequest('Field "OrderBy" should be an array of objects')
    yield from (_ordering(item, names) for item in value)


def _ordering(item: dict[str, Any], names: MetadataNames) -> Ordering:
    kind_name, key, direction = (text_field(item, name) for name in ("Type", "Key", "Direction"))
    kinds = {kind.value.lower(): kind for kind in OrderKind}
    if kind_name.lower() not in kinds:
        raise ParameterOutOfRange('Field "Type" of "OrderBy" is none there is')
    if direction.upper() not in _DIRECTIONS:
        raise ParameterOutOfRange('Field "Direction" of "OrderBy" is neither ASC nor DESC')
    kind = kinds[kind_name.lower()]
    name = tag_of(_tag(key, "OrderBy")) if kind.is_tag else _metadata_name(names, key, "OrderBy")
    return Ordering(kind, name, _DIRECTIONS[direction.upper()])


def is_case_sensitive(body: Body) -> bool:
    """Return the field `CaseSensitive`."""
    return flag_field(body, "CaseSensitive")


_TEXTS = {"type": "array", "items": {"type": "string"}}
_TEXT_BY_NAME = {"type": "object", "additionalProperties": {"type": "string"}}
_FLAG = {"type": "boolean", "default": False}
_COUNT = {"type": "integer", "minimum": 0, "default": 0}
_LEVEL = {"type": "string", "enum": [level.value for level in Level]}
_FORMATS = {"Full": _FLAG, "Short": _FLAG, "Simplify": _FLAG}
_SELECTION: dict[str, Any] = {
    "Level": _LEVEL,
    "Query": _TEXT_BY_NAME | {"description": "Value of each tag, by keyword or number"},
    "Labels": _TEXTS,
    "LabelsConstraint": {"type": "string", "enum": [one.value for one in LabelsConstraint]},
    "MetadataQuery": _TEXT_BY_NAME,
    **{name: {"type": "string"} for name in _PARENTS},
}
_ORDERING = {
    "type": "object",
    "required": ["Type", "Key", "Direction"],
    "properties": {
        "Type": {"type": "string", "enum": [kind.value for kind in OrderKind]},
        "Key": {"type": "string"},
        "Direction": {"type": "string", "enum": [*_DIRECTIONS]},
    },
}
COUNT_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["Level", "Query"],
    "properties": _SELECTION,
}
FIND_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["Level", "Query"],
    "properties": {
        **_SELECTION,
        **_FORMATS,
        "CaseSensitive": _FLAG,
        "Expand": _FLAG,
        "Explain": _FLAG | {"description": "Answer what was read, too"},
        "Limit": _COUNT,
        "OrderBy": {"type": "array", "items": _ORDERING},
        "RequestedTags": _TEXTS,
        "ResponseContent": _TEXTS,
        "Since": _COUNT,
    },
}
BULK_CONTENT_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["Resources"],
    "properties": {
        **_FORMATS,
        "Level": _LEVEL,
        "Metadata": {"type": "boolean", "default": True},
        "Resources": _TEXTS,
    },
}
"""OpenAPI's schemas of the bodies."""
