"""What a site decides about the codecs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CodecOrder = Literal["Before", "After", "Disabled"]
"""Orthanc's `BuiltinDecoderTranscoderOrder`, imagecodecs being what is built in.

`Before` takes imagecodecs first and pylibjpeg where that fails, `After` the other way round,
`Disabled` pylibjpeg alone. A syntax that pylibjpeg does not know is imagecodecs' in any case.
"""


@dataclass(frozen=True, slots=True)
class CodecOptions:
    """Which codec is asked first, and how large a frame may be.

    Attributes
    ----------
    maximum_frame_bytes : int
        Of a decoded frame; a larger one is refused before any memory is taken for it.
    threads : int
        Threads within one frame, where there are fewer frames than cores; JPEG 2000 and JPEG XL
        make use of them.
    memory_bytes : int or None
        Of the process; a frame that would take more is refused before. None where it is not known.
    """

    order: CodecOrder = "Before"
    maximum_frame_bytes: int = 512 << 20
    threads: int = 1
    memory_bytes: int | None = None

    def sort(self, builtin: str, other: str) -> tuple[str, ...]:
        """Return the names of the codecs to try, in their order."""
        return {
            "Before": (builtin, other),
            "After": (other, builtin),
            "Disabled": (other,),
        }[self.order]


DEFAULT_OPTIONS = CodecOptions()
