"""Palettes, plain and segmented. See PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from nephele.domain.frames import Image
from nephele.domain.rendering.lookup_tables import (
    Descriptor,
    LookupTable,
    read_descriptor,
    read_table,
)
from nephele.domain.rendering.segments import expand_segments
from nephele.domain.rendering.strips import map_strips
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_TABLES = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED_TABLES = (0x00281221, 0x00281222, 0x00281223)


def apply_palette(image: Image, samples: Samples) -> tuple[Samples, int]:
    """Look samples up in the red, green and blue tables.

    Returns
    -------
    ndarray
        Shape `(rows, columns, 3)`; of 16 bits where both samples and entries have more than 8, as
        in Orthanc, else of 8.
    int
        How many bits are stored.

    Raises
    ------
    UnsupportedImage
        There is no palette, or it is damaged.
    """
    import numpy as np

    tables = [_table(image, channel) for channel in range(3)]
    is_deep = image.description.bits_allocated > 8 and max(table.bits for table in tables) > 8
    entries = [_entries(table, is_deep) for table in tables]

    def look_up(rows: Samples) -> Samples:
        return np.stack(
            [
                LookupTable(values, table.first, table.bits).look_up(rows)
                for values, table in zip(entries, tables, strict=True)
            ],
            axis=-1,
        )

    return map_strips(look_up, samples, "u2" if is_deep else "u1", 3), 16 if is_deep else 8


def _entries(table: LookupTable, is_deep: bool) -> Samples:
    import numpy as np

    is_wide = table.bits > 8
    if is_deep:
        return table.entries if is_wide else table.entries.astype(np.uint16) * 0x101
    return (table.entries >> (8 if is_wide else 0)).astype(np.uint8)


def _table(image: Image, channel: int) -> LookupTable:
    is_little_endian = image.syntax.is_little_endian
    elements = image.elements
    descriptor = read_descriptor(
        elements.get(_DESCRIPTORS[channel]),
        is_signed=image.description.is_signed,
        is_little_endian=is_little_endian,
    )
    if _TABLES[channel] in elements:
        return read_table(elements[_TABLES[channel]], descriptor, is_little_endian=is_little_endian)
    segmented = elements.get(_SEGMENTED_TABLES[channel])
    if segmented is None:
        raise UnsupportedImage("there is no palette")
    return _segmented_table(bytes(segmented.value), descriptor, "<" if is_little_endian else ">")


def _segmented_table(data: bytes, descriptor: Descriptor, order: str) -> LookupTable:
    """Expand a segmented table; its segments are bytes where the entries are."""
    import numpy as np

    code = "B" if descriptor.bits <= 8 else "H"
    size = struct.calcsize(code)
    words = struct.unpack(f"{order}{len(data) // size}{code}", data[: len(data) // size * size])
    entries = expand_segments(words, descriptor.entries, is_bytes=code == "B")
    return LookupTable(np.array(entries, f"u{size}"), descriptor.first, 8 * size)
