"""Modality worklists: kept over REST, asked for over C-FIND."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from nephele.aws import clock, journal
from nephele.aws.index import definitions
from nephele.aws.index import worklists as rows
from nephele.aws.index.worklists import WorklistRow
from nephele.domain.attributes import STUDY_INSTANCE_UID, tag_of
from nephele.domain.dicom_json import TagFormat, tags_json
from nephele.domain.dictionary import name_of, parse_tag, vr_of
from nephele.domain.levels import Level
from nephele.domain.query_answer import Answer
from nephele.domain.query_identifier import Keys
from nephele.domain.uids import generate_uid
from nephele.domain.worklists import for_station, parse_worklist_query
from nephele.errors import BadRequest, FileTooLarge, UnknownResource
from nephele.services.archive import Archive
from nephele.services.overrides import in_force
from nephele.settings.configuration import Configuration

_LARGEST_BYTES = 300_000
"""DynamoDB's items have 400 KB."""
_DEEPEST = 16
_HOUR_SECONDS = 3600
_STUDY_INSTANCE_UID = tag_of(STUDY_INSTANCE_UID)

Tags = dict[str, Any]


def tags_of_json(tags: Mapping[str, Any], depth: int = 0) -> Tags:
    """Read tags by keyword or number, with texts and arrays of objects, into short JSON.

    Raises
    ------
    BadRequest
        A name is no tag, or a value has a wrong type.
    """
    if depth > _DEEPEST:
        raise BadRequest("Sequences are nested too deeply")
    return {tag_of(_tag(name)): _value(name, value, depth) for name, value in tags.items()}


def _tag(name: str) -> int:
    tag = parse_tag(name)
    if tag is None:
        raise BadRequest(f"Unknown DICOM tag: {name}")
    return tag


def _value(name: str, value: object, depth: int) -> str | list[Tags]:
    is_sequence = vr_of(_tag(name)) == "SQ"
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [tags_of_json(item, depth + 1) for item in value]
    if isinstance(value, str) and not is_sequence:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and not is_sequence:
        return str(value)
    wanted = "an array of objects" if is_sequence else "a string"
    raise BadRequest(f"Tag {name} should be {wanted}")


def tags_of_file(archive: Archive, encoded: bytes) -> Tags:
    """Read the tags of a worklist file.

    Raises
    ------
    BadFileFormat
        It is no DICOM file, or a damaged one.
    """
    default_encoding = in_force(archive).default_encoding
    return tags_json(encoded, TagFormat.SHORT, default_encoding=default_encoding, is_whole=True)


def put_worklist(archive: Archive, tags: Tags, identifier: str = "") -> str:
    """Keep a worklist, under a new identifier unless one is given; return it.

    Raises
    ------
    FileTooLarge
        It does not fit into a row of the table.
    """
    options = archive.configuration.worklists
    if options.set_study_instance_uid_if_missing and not tags.get(_STUDY_INSTANCE_UID):
        tags = {**tags, _STUDY_INSTANCE_UID: generate_uid(Level.STUDY)}
    if len(orjson.dumps(tags)) > _LARGEST_BYTES:
        raise FileTooLarge(f"A worklist has at most {_LARGEST_BYTES} bytes")
    seconds = options.delete_worklists_delay * _HOUR_SECONDS
    identifier = identifier or clock.new_uuid()
    row = WorklistRow(
        identifier=identifier,
        created=clock.to_seconds(clock.now()),
        tags=tags,
        expires=clock.expiry(seconds) if seconds else 0,
        version=rows.next_version(archive.index.table, identifier),
    )
    rows.put_worklist(archive.index.table, row)
    value = {"Created": row.created, "Tags": row.tags, "Expires": row.expires}
    kind = definitions.WORKLISTS
    journal.keep_definition(archive.bucket, kind, identifier, value, row.version, row.expires)
    return identifier


def replay_worklist(
    archive: Archive, identifier: str, value: Mapping[str, Any], version: int
) -> None:
    """Keep a worklist again that the journal tells of, unless it has expired."""
    row = WorklistRow(identifier, value["Created"], value["Tags"], value["Expires"], version)
    if not row.expires or row.expires > clock.epoch_seconds():
        rows.put_worklist(archive.index.table, row)


def worklists(archive: Archive) -> list[WorklistRow]:
    """Return all worklists that have not expired, ascending by identifier."""
    now = clock.epoch_seconds()
    found = rows.iter_worklists(archive.index.table)
    return [one for one in found if not one.expires or one.expires > now]


def require_worklist(archive: Archive, identifier: str) -> WorklistRow:
    """Return a worklist.

    Raises
    ------
    UnknownResource
        There is none of this identifier.
    """
    found = rows.get_worklist(archive.index.table, identifier)
    if found is None or (found.expires and found.expires <= clock.epoch_seconds()):
        raise UnknownResource("")
    return found


def delete_worklist(archive: Archive, identifier: str) -> None:
    """Remove a worklist; UnknownResource if there is none of this identifier."""
    require_worklist(archive, identifier)
    version = rows.next_version(archive.index.table, identifier)
    rows.delete_worklist(archive.index.table, identifier)
    journal.keep_definition(archive.bucket, definitions.WORKLISTS, identifier, None, version)


def named_tags(tags: Tags) -> Tags:
    """Return short JSON under the names of its tags, as `tags_of_json` takes it."""
    return {
        name_of(_tag(tag)): [named_tags(item) for item in value]
        if isinstance(value, list)
        else value
        for tag, value in tags.items()
    }


def iter_worklist_answers(
    archive: Archive, keys: Keys, aet: str, configuration: Configuration
) -> Iterator[Answer]:
    """Yield what is answered to a query for worklists.

    Parameters
    ----------
    aet : str
        Who asks.

    Raises
    ------
    BadRequest
        The query cannot be understood.
    """
    if configuration.worklists.filter_issuer_aet:
        keys = for_station(keys, aet)
    query = parse_worklist_query(keys, is_case_sensitive_name=configuration.case_sensitive_pn)
    for worklist in worklists(archive):
        if query.matches(worklist.tags):
            yield query.answer(worklist.tags)
