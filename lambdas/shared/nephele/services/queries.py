"""Queries to other archives (`/queries`): kept in the table for a week, with their answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from nephele.aws import clock
from nephele.aws.index import queries as rows
from nephele.domain.dicom_json import Json, TagFormat, tags_json
from nephele.domain.levels import Level
from nephele.domain.part10 import write_preamble
from nephele.domain.query_keys import QUERY_RETRIEVE_LEVEL, Query, with_level
from nephele.errors import ParameterOutOfRange, UnknownResource
from nephele.services.archive import Archive

_PREAMBLE = ("", "")


@dataclass(frozen=True, slots=True)
class KeptQuery:
    """A query that was answered.

    Attributes
    ----------
    modality : str
        Symbolic name of who answered.
    query : dict
        The keys as the client gave them.
    """

    identifier: str
    modality: str
    level: str
    query: Query
    count: int


def keep_query(
    archive: Archive,
    identifier: str,
    modality: str,
    level: Level,
    query: Query,
    answers: Iterable[bytes],
) -> int:
    """Keep a query and its answers as they come; return how many they are.

    Parameters
    ----------
    answers : iterable of bytes
        Each one with a preamble, as `as_file` makes it.
    """
    table = archive.index.table
    block: list[bytes] = []
    first = size = 0
    for answer in answers:
        if block and size + len(answer) > rows.BLOCK_BYTES:
            rows.put_answers(table, identifier, first, block)
            first, size, block = first + len(block), 0, []
        block.append(answer)
        size += len(answer)
    if block:
        rows.put_answers(table, identifier, first, block)
    kept = KeptQuery(identifier, modality, level.value, query, first + len(block))
    rows.put_query(table, identifier, clock.now(), asdict(kept))
    _trim(archive)
    return kept.count


def _trim(archive: Archive) -> None:
    """Forget the oldest queries where there are more than `QueryRetrieveSize`."""
    listed = sorted(rows.list_queries(archive.index.table), key=lambda one: one.created)
    for old in listed[: -archive.configuration.query_retrieve_size]:
        rows.forget_query(archive.index.table, old.identifier)


def as_file(data_set: bytes, transfer_syntax_uid: str) -> bytes:
    """Return an answer with a preamble, so that it can be read like any file."""
    return write_preamble(*_PREAMBLE, transfer_syntax_uid) + data_set


def list_queries(archive: Archive) -> list[str]:
    """Return the ids of the queries that are kept."""
    return [one.identifier for one in rows.list_queries(archive.index.table)]


def require_query(archive: Archive, identifier: str) -> KeptQuery:
    """Return a query.

    Raises
    ------
    UnknownResource
        There is none of this id, or not any more.
    """
    found = rows.query(archive.index.table, identifier)
    if found is None:
        raise UnknownResource("")
    return KeptQuery(**found)


def forget_query(archive: Archive, identifier: str) -> None:
    """Remove a query; one that is not there is none the worse."""
    rows.forget_query(archive.index.table, identifier)


def iter_answers(archive: Archive, query: KeptQuery, tag_format: TagFormat) -> Iterator[Json]:
    """Yield the answers of a query, in order."""
    for encoded in rows.iter_answers(archive.index.table, query.identifier):
        yield answer_json(archive, encoded, Level(query.level), tag_format)


def require_answer(
    archive: Archive, query: KeptQuery, number: int, tag_format: TagFormat
) -> dict[str, Any]:
    """Return an answer of a query.

    Raises
    ------
    ParameterOutOfRange
        There is none of this number.
    """
    in_range = 0 <= number < query.count
    encoded = rows.answer(archive.index.table, query.identifier, number) if in_range else None
    if encoded is None:
        raise ParameterOutOfRange("")
    return answer_json(archive, encoded, Level(query.level), tag_format)


def answer_json(
    archive: Archive, encoded: bytes, level: Level | None, tag_format: TagFormat
) -> Json:
    """Return an answer as JSON; its level is added where the peer left it out."""
    shown = tags_json(encoded, tag_format, default_encoding=archive.configuration.default_encoding)
    named = with_level({}, level) if level is not None else {}
    missing = {
        "QueryRetrieveLevel" if tag_format is TagFormat.HUMAN else QUERY_RETRIEVE_LEVEL: (
            {"Name": "QueryRetrieveLevel", "Type": "String", "Value": value}
            if tag_format is TagFormat.FULL
            else value
        )
        for value in named.values()
    }
    return missing | shown
