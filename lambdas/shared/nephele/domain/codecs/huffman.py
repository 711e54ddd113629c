"""Huffman tables made for what they code. See ITU-T T.81 annexes C and K.2."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import count

_LONGEST_CODE = 16
_NO_SYMBOL = -1
"""Takes the code of ones alone, which no symbol may have."""


def code_lengths(counts: Mapping[int, int]) -> dict[int, int]:
    """Return the bits of each symbol's code, 16 at most, the frequent ones' the fewest.

    Parameters
    ----------
    counts : mapping
        How often each symbol comes; one that is counted as 0 gets a code too.
    """
    least = 1
    while True:
        lengths = _unlimited({symbol: max(number, least) for symbol, number in counts.items()})
        if max(lengths.values()) <= _LONGEST_CODE:
            return lengths
        least *= 2


def canonical_codes(lengths: Mapping[int, int]) -> dict[int, int]:
    """Return each symbol's code as T.81 C.2 counts them up, in the order of their lengths."""
    codes, code, before = {}, 0, 0
    for symbol in _ordered(lengths):
        code <<= lengths[symbol] - before
        before = lengths[symbol]
        codes[symbol] = code
        code += 1
    return codes


def table_segment(lengths: Mapping[int, int]) -> bytes:
    """Encode the DHT marker segment of a table for differences, number 0. See T.81 B.2.4.2."""
    ordered = _ordered(lengths)
    by_length = [0] * _LONGEST_CODE
    for symbol in ordered:
        by_length[lengths[symbol] - 1] += 1
    content = bytes((0, *by_length, *ordered))
    return b"\xff\xc4" + (len(content) + 2).to_bytes(2) + content


def _ordered(lengths: Mapping[int, int]) -> list[int]:
    return sorted(lengths, key=lambda symbol: (lengths[symbol], symbol))


def _unlimited(counts: Mapping[int, int]) -> dict[int, int]:
    """Join the two rarest groups until there is one: each joining is one more bit for all in it."""
    lengths = dict.fromkeys(counts, 0)
    tie = count()
    heap = [(number, next(tie), [symbol]) for symbol, number in counts.items()]
    heap.append((0, next(tie), [_NO_SYMBOL]))
    heapq.heapify(heap)
    while len(heap) > 1:
        (rare, _, few), (other, _, more) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (*few, *more):
            if symbol != _NO_SYMBOL:
                lengths[symbol] += 1
        heapq.heappush(heap, (rare + other, next(tie), [*few, *more]))
    return lengths
