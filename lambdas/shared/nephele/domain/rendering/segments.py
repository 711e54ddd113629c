"""Segments of a segmented palette: discrete, linear, indirect. See PS3.3 C.7.9.2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from nephele.errors import UnsupportedImage

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def expand_segments(words: Sequence[int], count: int, *, is_bytes: bool) -> list[int]:
    """Return the entries of a table.

    Parameters
    ----------
    words : sequence of int
        The segmented data, bytes or words.
    count : int
        How many entries the descriptor promises; no more are made, whatever the segments say.

    Raises
    ------
    UnsupportedImage
        A segment is damaged, or there are too few entries.
    """
    expansion = _Expansion(words, count, is_bytes)
    expansion.expand(0, None)
    if len(expansion.entries) != count:
        raise UnsupportedImage("a segmented palette is not as long as its descriptor says")
    return expansion.entries


class _Expansion:
    """One expansion; `entries` are those found so far."""

    def __init__(self, words: Sequence[int], count: int, is_bytes: bool) -> None:
        self._words = words
        self._count = count
        self._offset_words = 4 if is_bytes else 2
        self._word_bits = 8 if is_bytes else 16
        self.entries: list[int] = []

    def expand(self, position: int, segments: int | None) -> None:
        """Expand segments from a position: so many of them, else until the table is full."""
        done = 0
        while len(self.entries) < self._count and (segments is None or done < segments):
            code, length = self._word(position), self._word(position + 1)
            position += 2
            if code == _DISCRETE:
                self._extend(self._word(position + index) for index in range(length))
                position += length
            elif code == _LINEAR:
                self._extend(self._line(length, self._word(position)))
                position += 1
            elif code == _INDIRECT and segments is None:
                self.expand(self._offset(position), length)
                position += self._offset_words
            else:
                raise UnsupportedImage("a segment of a palette is of no known kind")
            done += 1

    def _extend(self, values: Iterable[int]) -> None:
        self.entries.extend(islice(values, self._count - len(self.entries)))

    def _line(self, length: int, target: int) -> list[int]:
        """Return entries from behind the last one up to a target, evenly spaced."""
        if not self.entries:
            raise UnsupportedImage("a palette begins with a linear segment")
        start = self.entries[-1]
        return [round(start + (target - start) * step / length) for step in range(1, length + 1)]

    def _offset(self, position: int) -> int:
        """Return where an indirect segment points, in words; it is told in bytes, lowest first."""
        parts = (self._word(position + index) for index in range(self._offset_words))
        offset = sum(part << self._word_bits * index for index, part in enumerate(parts))
        return offset // (self._word_bits // 8)

    def _word(self, position: int) -> int:
        if position >= len(self._words):
            raise UnsupportedImage("a segmented palette ends within a segment")
        return self._words[position]
