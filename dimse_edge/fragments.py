"""Messages cut into P-DATA-TF PDUs. See PS3.8 9.3.5 and annex E."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from dimse_edge.command import ProtocolError

IS_COMMAND = 0b01
IS_LAST = 0b10

_HEADER = struct.Struct(">BBLLBB")
_VALUE = struct.Struct(">LBB")
_P_DATA_TF = 0x04
_VALUE_HEADER_BYTES = 6
"""Length, context and control of a presentation data value count as parts of the PDU."""
_SHORTEST_VALUE_BYTES = 128
_LONGEST_PDU_BYTES = 131_072
"""More is never sent at once, whatever the peer says it can take."""

Buffer = bytes | bytearray | memoryview


def fragment_bytes(maximum_length: int) -> int:
    """Return how much of a message one PDU carries to a peer; 0 is its word for any length."""
    longest = min(maximum_length or _LONGEST_PDU_BYTES, _LONGEST_PDU_BYTES)
    return max(_SHORTEST_VALUE_BYTES, longest - _VALUE_HEADER_BYTES)


def iter_pdus(
    context_id: int, control: int, chunks: Iterable[Buffer], size: int
) -> Iterator[list[Buffer]]:
    """Yield PDUs, as buffers to be sent one behind the other, for each chunk of a message part.

    Parameters
    ----------
    control : int
        `IS_COMMAND` or 0; that of the last PDU has `IS_LAST` besides.
    chunks : iterable
        The command set or the data set, in pieces of any length; the last one is waited for
        before the one in front of it is given.
    size : int
        Most bytes of the message in one PDU.
    """
    waiting = memoryview(b"")
    for chunk in chunks:
        if len(waiting) and len(chunk):
            yield _cut(context_id, control, waiting, size, is_last=False)
        if len(chunk):
            waiting = memoryview(chunk)
    yield _cut(context_id, control, waiting, size, is_last=True)


def pdu_of(context_id: int, control: int, part: Buffer) -> bytes:
    """Return the one PDU of a message part that is no longer than a PDU may be."""
    return _head(context_id, control | IS_LAST, part) + part


def _head(context_id: int, control: int, part: Buffer) -> bytes:
    length = len(part) + 2
    return _HEADER.pack(_P_DATA_TF, 0, length + 4, length, context_id, control)


def _cut(
    context_id: int, control: int, chunk: memoryview, size: int, *, is_last: bool
) -> list[Buffer]:
    buffers: list[Buffer] = []
    for start in range(0, max(1, len(chunk)), size):
        part = chunk[start : start + size]
        flags = control | IS_LAST if is_last and start + size >= len(chunk) else control
        buffers += [_head(context_id, flags, part), part]
    return buffers


def iter_values(data: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield context, control and bytes of the presentation data values of a P-DATA-TF's body.

    Raises
    ------
    ProtocolError
        They do not fit into it.
    """
    position = 0
    while position < len(data):
        if position + _VALUE.size > len(data):
            raise ProtocolError("a presentation data value is truncated")
        size, context_id, control = _VALUE.unpack_from(data, position)
        end = position + 4 + size
        if size < 2 or end > len(data):
            raise ProtocolError("a presentation data value has a wrong length")
        yield context_id, control, data[position + _VALUE.size : end]
        position = end
