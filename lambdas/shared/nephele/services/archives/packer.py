"""Making segments of an archive, several members at a time, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from nephele.domain.dicomdir import NAME, MediaFile
from nephele.domain.zip_file.assembly import Placed, Title, assemble, ending
from nephele.domain.zip_file.packing import Packed, pack_piece, pack_whole
from nephele.domain.zip_file.plan import Piece, Segment, plan_segments
from nephele.services.archive import Archive
from nephele.services.archives.contents import (
    Content,
    is_compressible,
    read_member,
    read_piece,
)
from nephele.services.archives.layout import Layout

_READERS = max(6, 2 * (os.cpu_count() or 1))
"""Members of a segment that are read and packed at once; all of it fits into memory anyway."""


@dataclass(frozen=True, slots=True)
class Made:
    """What is known of a segment that was made.

    Attributes
    ----------
    files : list of [str, str]
        Transfer syntax and SOP Instance UID of each piece's file, as it is in the archive.
    """

    placed: list[Placed]
    files: list[list[str]]

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON."""
        rows = [one.to_row() for one in self.placed]
        return {"placed": rows, "files": self.files}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read what `to_document` returned."""
        placed = [Placed.from_row(row) for row in document["placed"]]
        return cls(placed, document["files"])


@dataclass(frozen=True)
class Packer:
    """Makes the segments of one archive; a context manager.

    Attributes
    ----------
    contents : sequence of Content
        What stands for each instance, in the order of the archive.
    """

    archive: Archive
    layout: Layout
    contents: Sequence[Content]
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_READERS, thread_name_prefix="packer")
    )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    @cached_property
    def segments(self) -> list[Segment]:
        """The segments, the last of which holds the end of the file too."""
        return plan_segments([content.size_bytes for content in self.contents])

    def pack(self, number: int, made: Mapping[int, Made]) -> tuple[bytes, Made]:
        """Make a segment that is not the last.

        Parameters
        ----------
        made : mapping of int to Made
            Segments that were made: those that `needs` names are among them.
        """
        segment = self.segments[number]
        packed, files = self._packed(segment)
        others = {
            piece.member: [
                one
                for other in self._rest(number)
                for one in made[other].placed
                if one.member == piece.member
            ]
            for piece in segment
            if piece.is_split_head
        }
        blocks, placed = assemble(segment, packed, self._title, others, is_part=True)
        return b"".join(blocks), Made(placed, files)

    def order(self) -> list[int]:
        """Return the segments but the last in an order in which they can be made."""
        return sorted(range(len(self.segments) - 1), key=lambda n: (bool(self.needs(n)), n))

    def needs(self, number: int) -> list[int]:
        """Return the segments that have to be made before one can be."""
        is_head = any(piece.is_split_head for piece in self.segments[number])
        return self._rest(number) if is_head else []

    def _rest(self, number: int) -> list[int]:
        """Return the segments that go on with the member a segment ends with."""
        rest = []
        for following in range(number + 1, len(self.segments)):
            rest.append(following)
            if self.segments[following][0].is_last:
                break
        return rest

    def pack_end(self, made: Mapping[int, Made]) -> bytes:
        """Make the last segment and what ends the file, after all others were made."""
        last = len(self.segments) - 1
        packed, files = self._packed(self.segments[last])
        before = [made[number] for number in range(last)]
        segment = self.segments[last]
        if self.layout.request.is_media:
            directory = self._directory([*before, Made([], files)])
            segment = (*segment, Piece(len(self.contents), 0, len(directory)))
            packed.append(pack_whole(directory, is_compressible=True))
        blocks, placed = assemble(segment, packed, self._title, {}, is_part=False)
        everything = [one for segment_made in before for one in segment_made.placed] + placed
        return b"".join((*blocks, ending(everything, self._title)))

    def _directory(self, made: Sequence[Made]) -> bytes:
        """Return the DICOMDIR, which tells of the files as they became."""
        found: dict[int, list[str]] = {}
        for segment, one in zip(self.segments, made, strict=True):
            found |= {p.member: file for p, file in zip(segment, one.files, strict=True)}
        files = [MediaFile(name, *found[n]) for n, name in enumerate(self.layout.names)]
        return self.layout.dicomdir(files)

    def _title(self, member: int) -> Title:
        """Return how a member is called; the one behind the last is the DICOMDIR."""
        if member == len(self.contents):
            latest = max((leaf.received for leaf in self.layout.leaves), default="")
            return Title(NAME, latest)
        return Title(self.layout.names[member], self.layout.leaves[member].received)

    def _packed(self, segment: Segment) -> tuple[list[Packed], list[list[str]]]:
        results = list(self._pool.map(self._pack_piece, segment))
        return [packed for packed, _ in results], [file for _, file in results]

    def _pack_piece(self, piece: Piece) -> tuple[Packed, list[str]]:
        content = self.contents[piece.member]
        if piece.is_whole:
            member = read_member(self.archive, content, self.layout.lossy_quality)
            packed = pack_whole(member.data, is_compressible=member.is_compressible)
            return packed, [member.transfer_syntax_uid, member.sop_instance_uid]
        data = read_piece(self.archive, content, piece.start, piece.stop)
        compressible = is_compressible(content.transfer_syntax_uid)
        packed = pack_piece(data, is_compressible=compressible, is_last=piece.is_last)
        return packed, [content.transfer_syntax_uid, content.sop_instance_uid]
