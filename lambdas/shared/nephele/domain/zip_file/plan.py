"""Cutting a ZIP file into segments that are made independently, each one part of an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nephele.errors import AnswerTooLarge

SEGMENT_BYTES = 32 << 20
"""Raw bytes of a segment: what a worker holds in memory, together with its result."""
LEAST_PART_BYTES = 5 << 20
"""S3's least size of a part that is not the last."""
_ALONE_BYTES = 8 << 20
"""Raw bytes that make a segment by themselves, in front of what does not fit in."""
_MOST_SEGMENTS = 9_000
_LARGEST_SEGMENT_BYTES = 96 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes `[start, stop)` of a member.

    Attributes
    ----------
    member : int
        Number of the member.
    is_whole : bool
        It is all of the member. The others begin with the one whose `start` is 0, which knows of
        them all: the member's header stands in front of it.
    is_last : bool
        Nothing of the member follows.
    """

    member: int
    start: int
    stop: int
    is_whole: bool = True
    is_last: bool = True

    @property
    def size_bytes(self) -> int:
        """Return how many raw bytes it has."""
        return self.stop - self.start

    @property
    def is_split_head(self) -> bool:
        """Tell whether it is the first of several pieces of a member."""
        return not self.is_whole and self.start == 0


Segment = tuple[Piece, ...]


def plan_segments(sizes: Sequence[int]) -> list[Segment]:
    """Cut members into segments; what ends the file goes behind the last one.

    The last segment may be small or empty. All others have enough raw bytes for a part of an
    upload, and at most 40 MiB of them, more only of an archive of hundreds of gigabytes. Of a
    member that is split, nothing is in the last segment: its first piece waits for all others.

    Raises
    ------
    AnswerTooLarge
        The file would have more parts than an upload may have.
    """
    target = max(SEGMENT_BYTES, -(-sum(sizes) // _MOST_SEGMENTS))
    if target > _LARGEST_SEGMENT_BYTES:
        raise AnswerTooLarge("The archive is larger than what can be made: ask for less at a time")
    segments: list[Segment] = []
    current: list[Piece] = []
    held = 0
    for member, size in enumerate(sizes):
        if held >= _ALONE_BYTES and held + size > target:
            segments.append(tuple(current))
            current, held = [], 0
        if size > target:
            head, *others = _split(member, size, target)
            segments += [(*current, head), *((piece,) for piece in others)]
            current, held = [], 0
        else:
            current.append(Piece(member, 0, size))
            held += size
    segments.append(tuple(current))
    return segments


def _split(member: int, size: int, target: int) -> list[Piece]:
    count = -(-size // target)
    cuts = [size * number // count for number in range(count + 1)]
    return [
        Piece(member, start, stop, is_whole=False, is_last=stop == size)
        for start, stop in pairwise(cuts)
    ]
