"""Codes of different lengths put together to one stream of bits, many at a time.

Neighbours are joined to longer codes first, then all that begin in the same word of 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[Any]

_WORD_BITS = 64
_JOINED_AT_MOST = 8


class Bits(NamedTuple):
    """A stream of bits, in words whose highest bit is the first; those behind it are 0."""

    words: Codes
    bit_count: int


def pack_codes(codes: Codes, lengths: Codes) -> Bits:
    """Join codes, each in the low bits of its number.

    Parameters
    ----------
    codes : ndarray
        Of uint64, below 2 to the power of their lengths.
    lengths : ndarray
        Of uint8, 1 to 32.
    """
    import numpy as np

    missing = -len(codes) % _JOINED_AT_MOST
    if missing:
        codes, lengths = np.pad(codes, (0, missing)), np.pad(lengths, (0, missing))
    while len(codes) % 2 == 0:
        together = lengths[0::2] + lengths[1::2]
        if int(together.max()) > _WORD_BITS:
            break
        joined = codes[0::2] << lengths[1::2]
        joined |= codes[1::2]
        codes, lengths = joined, together
    return _in_words(codes, lengths)


def iter_bytes(parts: Iterable[Bits]) -> Iterator[bytes]:
    """Put streams behind each other, and yield what is complete; the last byte ends with ones.

    Each part is taken when those before it are yielded: no more than one is held.
    """
    import numpy as np

    rest, held = np.uint64(0), 0
    for words, bit_count in parts:
        used = words[: -(-bit_count // _WORD_BITS)]
        complete, left_over = divmod(held + bit_count, _WORD_BITS)
        joined = np.zeros(complete + 2, np.uint64)
        joined[: len(used)] = used >> np.uint64(held)
        if held:
            joined[1 : len(used) + 1] |= used << np.uint64(_WORD_BITS - held)
        joined[0] |= rest
        rest, held = joined[complete], left_over
        yield joined[:complete].astype(">u8").tobytes()
    filled = int(rest) | (1 << _WORD_BITS - held) - 1
    yield filled.to_bytes(8)[: (held + 7) // 8]


def _in_words(codes: Codes, lengths: Codes) -> Bits:
    """Join codes of 64 bits at most: in each word one of them begins."""
    import numpy as np

    ends = np.cumsum(lengths, dtype=np.int64)
    starts = ends - lengths
    word = starts >> 6
    room = _WORD_BITS - (starts & 63) - lengths
    placed = codes << (room & 63).view(np.uint64)
    firsts = np.concatenate(([0], np.flatnonzero(word[1:] != word[:-1]) + 1))
    lasts = np.concatenate((firsts[1:], [len(codes)])) - 1

    # Of those that begin in a word the last one alone may reach into the next.
    reaching = np.flatnonzero(room[lasts] < 0)
    cut = lasts[reaching]
    over = (-room[cut]).view(np.uint64)
    placed[cut] = codes[cut] >> over
    words = np.zeros(len(firsts) + 1, np.uint64)
    words[:-1] = np.bitwise_or.reduceat(placed, firsts)
    words[reaching + 1] |= codes[cut] << (np.uint64(_WORD_BITS) - over)
    return Bits(words, int(ends[-1]))
