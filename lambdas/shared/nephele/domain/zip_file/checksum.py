"""CRC-32 of what was read in pieces, by whoever."""

from __future__ import annotations

from collections.abc import Iterable

_POLYNOMIAL = 0xEDB88320
_BITS = 32


def combine(checksums: Iterable[tuple[int, int]]) -> int:
    """Return the CRC-32 of pieces in a row, of each its own CRC-32 and its length in bytes.

    A CRC is linear over GF(2): what follows a piece changes it as so many zero bytes would.
    """
    combined = 0
    for checksum, length in checksums:
        combined = _with_zeros(combined, length) ^ checksum
    return combined


def _with_zeros(checksum: int, length: int) -> int:
    """Return what a CRC becomes by zero bytes behind it: the operator of one, squared each turn."""
    if not checksum:
        return 0
    operator = _squared(_squared(_squared(_one_zero_bit())))
    while length and checksum:
        if length & 1:
            checksum = _applied(operator, checksum)
        length >>= 1
        if length:
            operator = _squared(operator)
    return checksum


def _one_zero_bit() -> list[int]:
    return [_POLYNOMIAL, *(1 << bit for bit in range(_BITS - 1))]


def _applied(operator: list[int], checksum: int) -> int:
    result = 0
    for row in operator:
        if checksum & 1:
            result ^= row
        checksum >>= 1
    return result


def _squared(operator: list[int]) -> list[int]:
    return [_applied(operator, row) for row in operator]
