"""The memory that a frame takes while it is worked on, so that too large a one is refused first.

A process that has not enough is ended by the kernel, or by Lambda, and says nothing.
"""

from __future__ import annotations

from nephele.domain.codecs.options import CodecOptions
from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import UnsupportedImage

_Times = tuple[float, float]
"""Multiples of a decoded frame's size: of 8 bits allocated, and of more."""

_DECODING: dict[str, _Times] = {"jpeg-2000": (8, 6), "htj2k": (8, 6)}
_ENCODING: dict[str, _Times] = {"jpeg-2000": (12.5, 10), "htj2k": (7, 6), "jpeg-xl": (10, 10)}
_OTHERS: _Times = (5, 5)
"""Measured on noise, with all that transcoding holds besides, and a little more."""

_RESERVED_BYTES = 320 << 20
"""For the interpreter, what is kept of freed memory, and what is read and written ahead."""


def check_working_memory(
    description: PixelDescription,
    options: CodecOptions,
    *,
    decoded: TransferSyntax | None = None,
    encoded: TransferSyntax | None = None,
) -> None:
    """Raise UnsupportedImage if a frame would take more memory than the process has.

    Parameters
    ----------
    decoded, encoded : TransferSyntax or None
        The compressed syntaxes that the frame is decoded from and encoded in.
    """
    if options.memory_bytes is None:
        return
    has_words = description.bits_allocated > 8
    size = description.samples_per_frame * max(description.bits_allocated // 8, 1)
    for syntax, table, verb in ((decoded, _DECODING, "from"), (encoded, _ENCODING, "to")):
        if syntax is None:
            continue
        needed = int(size * table.get(syntax.kind, _OTHERS)[has_words]) + _RESERVED_BYTES
        if needed > options.memory_bytes:
            raise UnsupportedImage(
                f"Rows (0028,0010) and Columns (0028,0011) make frames of {size} bytes, which take"
                f" {needed >> 20} MiB {verb} {syntax.name}, and the function has"
                f" {options.memory_bytes >> 20}: `nephele transcode` has what the machine has"
            )
