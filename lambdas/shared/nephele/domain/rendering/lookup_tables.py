"""Lookup tables of Modality LUT, VOI LUT and palettes. See PS3.3 C.11.1, C.11.2 and C.7.6.3.1.5."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nephele.domain.elements import Element
from nephele.errors import UnsupportedImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

_WHOLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The three values of a LUT Descriptor: `first` is the input that the first entry is for."""

    entries: int
    first: int
    bits: int


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table; inputs outside of it get its first or last entry.

    Attributes
    ----------
    entries : ndarray
        Unsigned, of `bits` bits.
    """

    entries: Samples
    first: int
    bits: int

    def look_up(self, values: Samples) -> Samples:
        """Return the entries for values, which are rounded down."""
        import numpy as np

        last = len(self.entries) - 1
        index = np.clip(np.floor(values.astype(np.float64)) - self.first, 0, last).astype(np.intp)
        found: Samples = self.entries[index]
        return found


def read_descriptor(
    element: Element | None, *, is_signed: bool, is_little_endian: bool
) -> Descriptor:
    """Read a descriptor; 0 entries stand for 65,536.

    Parameters
    ----------
    is_signed : bool
        Its second value is, because the inputs are.

    Raises
    ------
    UnsupportedImage
        It is missing or short.
    """
    if element is None or len(element.value) < 6:
        raise UnsupportedImage("a lookup table has no descriptor")
    order = "<" if is_little_endian else ">"
    entries, first, bits = struct.unpack_from(f"{order}HHH", element.value)
    if (is_signed or element.vr == "SS") and first > 0x7FFF:
        first -= _WHOLE
    return Descriptor(entries or _WHOLE, first, bits)


def read_table(
    element: Element | None, descriptor: Descriptor, *, is_little_endian: bool
) -> LookupTable:
    """Read a table's entries: words, or bytes where there are as many as entries.

    Raises
    ------
    UnsupportedImage
        There are fewer than the descriptor says.

    Notes
    -----
    Entries that need more bits than the descriptor says are taken for 16 bits.
    """
    import numpy as np

    data = b"" if element is None else element.value
    if len(data) >= 2 * descriptor.entries:
        order = "<" if is_little_endian else ">"
        entries = np.frombuffer(data, f"{order}u2", descriptor.entries).astype("u2")
        is_said = 0 < descriptor.bits <= 16 and entries.max() < 1 << descriptor.bits
        return LookupTable(entries, descriptor.first, descriptor.bits if is_said else 16)
    if len(data) >= descriptor.entries:
        return LookupTable(np.frombuffer(data, "u1", descriptor.entries), descriptor.first, 8)
    raise UnsupportedImage("a lookup table is shorter than its descriptor says")
