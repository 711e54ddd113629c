"""What the header of a code stream tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """Size and depth of a code stream.

    Attributes
    ----------
    precision : int
        Bits of a sample, of the first component.
    marker : int
        Second byte of the SOF marker of JPEG and JPEG-LS, 0 elsewhere.
    """

    rows: int
    columns: int
    components: int | None
    precision: int
    is_signed: bool = False
    marker: int = 0
