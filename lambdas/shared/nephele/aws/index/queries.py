"""The rows of queries to other archives, and of their answers: they expire.

A block of answers is one row: as many as fit, compressed, under the number of the first one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row, Table

_KEPT_SECONDS = 7 * 86_400
_SIZE = struct.Struct("<I")
BLOCK_BYTES = 250_000
"""Bytes of answers, not compressed, that make a block: a row may have 400 KB."""


@dataclass(frozen=True, slots=True)
class ListedQuery:
    """A row of the list of queries; `created` sorts as text."""

    identifier: str
    created: str


def put_query(table: Table, identifier: str, created: str, document: dict[str, Any]) -> None:
    """Keep a query whose answers are there, and list it."""
    expires = {"expires": codec.number(clock.expiry(_KEPT_SECONDS))}
    table.put({**keys.query(identifier), **expires, "c": codec.document(document)})
    table.put({**keys.listed_query(identifier), **expires, "t": codec.text(created)})


def query(table: Table, identifier: str) -> dict[str, Any] | None:
    """Return a query, None if there is none."""
    row = table.get(keys.query(identifier))
    document: dict[str, Any] | None = None if row is None else codec.read_document(row, "c")
    return document


def list_queries(table: Table) -> list[ListedQuery]:
    """Return the list of queries in the order of their ids."""
    rows = table.iter_query(keys.QUERIES)
    return [ListedQuery(row["sk"]["S"], codec.read_text(row, "t")) for row in rows]


def forget_query(table: Table, identifier: str) -> None:
    """Remove a query and its answers."""
    partition = keys.query(identifier)["pk"]["S"]
    rows = table.iter_query(partition, attributes="pk, sk")
    found = [keys.key(row["pk"]["S"], row["sk"]["S"]) for row in rows]
    table.delete_all([*found, keys.listed_query(identifier)])


def put_answers(table: Table, identifier: str, first: int, answers: Sequence[bytes]) -> None:
    """Keep a block of answers, the first of which has this number."""
    joined = b"".join(_SIZE.pack(len(answer)) + answer for answer in answers)
    table.put(
        {
            **keys.query_answers(identifier, first),
            "expires": codec.number(clock.expiry(_KEPT_SECONDS)),
            "b": {"B": zlib.compress(joined, 1)},
        }
    )


def iter_answers(table: Table, identifier: str) -> Iterator[bytes]:
    """Yield the answers of a query in order."""
    partition = keys.query(identifier)["pk"]["S"]
    for row in table.iter_query(partition, prefix=keys.ANSWERS):
        yield from _read_block(row)


def answer(table: Table, identifier: str, number: int) -> bytes | None:
    """Return one answer, None if there is none of this number."""
    key = keys.query_answers(identifier, number)
    between = (keys.ANSWERS, key["sk"]["S"])
    rows = table.iter_query(key["pk"]["S"], between=between, descending=True, limit=1)
    row = next(rows, None)
    if row is None:
        return None
    block = list(_read_block(row))
    place = number - int(row["sk"]["S"][len(keys.ANSWERS) :])
    return block[place] if place < len(block) else None


def _read_block(row: Row) -> Iterator[bytes]:
    block = zlib.decompress(row["b"]["B"])
    position = 0
    while position < len(block):
        (size,) = _SIZE.unpack_from(block, position)
        position += _SIZE.size
        yield block[position : position + size]
        position += size
