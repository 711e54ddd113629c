"""Putting packed pieces together: the bytes of a segment, and what ends the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from nephele.domain.zip_file.checksum import combine
from nephele.domain.zip_file.packing import Packed, padded
from nephele.domain.zip_file.plan import LEAST_PART_BYTES, Piece, Segment
from nephele.domain.zip_file.records import Entry, Method, central_directory, local_header


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece as it stands in the file: all that is known of it without its bytes."""

    member: int
    method: Method
    crc: int
    raw_bytes: int
    packed_bytes: int
    header_bytes: int

    def to_row(self) -> list[int]:
        """Return it as JSON."""
        return [getattr(self, name) for name in self.__dataclass_fields__]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Read what `to_row` returned."""
        member, method, *rest = row
        return cls(member, Method(method), *rest)


@dataclass(frozen=True, slots=True)
class Title:
    """How a member is called, and when it was modified: UTC, `YYYYMMDDTHHMMSS`."""

    name: str
    modified: str


def assemble(
    segment: Segment,
    packed: Sequence[Packed],
    title_of: Callable[[int], Title],
    others: Mapping[int, Sequence[Placed]],
    *,
    is_part: bool,
) -> tuple[list[bytes], list[Placed]]:
    """Return the bytes of a segment, in blocks, and what is known of its pieces.

    Parameters
    ----------
    packed : sequence of Packed
        The segment's pieces.
    others : mapping of int to sequence of Placed
        Of each member whose first of several pieces is in the segment, the further ones.
    is_part : bool
        It becomes a part that others follow, which must not be too small.
    """
    rows = list(zip(segment, packed, strict=True))
    blocks, placed = _assembled(rows, title_of, others)
    missing = LEAST_PART_BYTES - sum(len(block) for block in blocks)
    if is_part and missing > 0:
        piece, last = rows[-1]
        rows[-1] = piece, padded(last, missing)
        return _assembled(rows, title_of, others)
    return blocks, placed


def _assembled(
    rows: Sequence[tuple[Piece, Packed]],
    title_of: Callable[[int], Title],
    others: Mapping[int, Sequence[Placed]],
) -> tuple[list[bytes], list[Placed]]:
    blocks: list[bytes] = []
    placed = []
    for piece, one in rows:
        own = Placed(piece.member, one.method, one.crc, one.raw_bytes, len(one.data), 0)
        header = b""
        if piece.start == 0:
            pieces = [own, *others.get(piece.member, ())]
            header = local_header(_entry(title_of(piece.member), pieces))
        blocks += (header, one.data)
        placed.append(replace(own, header_bytes=len(header)))
    return blocks, placed


def _entry(title: Title, pieces: Sequence[Placed]) -> Entry:
    """Return what is told of a member that stands in pieces, in their order."""
    return Entry(
        name=title.name,
        modified=title.modified,
        method=pieces[0].method,
        crc=combine((piece.crc, piece.raw_bytes) for piece in pieces),
        packed_bytes=sum(piece.packed_bytes for piece in pieces),
        raw_bytes=sum(piece.raw_bytes for piece in pieces),
    )


def ending(placed: Sequence[Placed], title_of: Callable[[int], Title]) -> bytes:
    """Return the directory of a file whose pieces stand in this order, and its end."""
    pieces: dict[int, list[Placed]] = {}
    offsets: dict[int, int] = {}
    position = 0
    for one in placed:
        offsets.setdefault(one.member, position)
        pieces.setdefault(one.member, []).append(one)
        position += one.header_bytes + one.packed_bytes
    entries = ((_entry(title_of(member), of), offsets[member]) for member, of in pieces.items())
    return central_directory(entries, position)
