"""What goes into the codecs and what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nephele.domain.pixel_description import PixelDescription
from nephele.domain.transfer_syntax import TransferSyntax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]


class EncodedImage(Protocol):
    """What a decoder needs to know of the image that a frame belongs to."""

    @property
    def description(self) -> PixelDescription:
        """The Image Pixel module."""

    @property
    def syntax(self) -> TransferSyntax:
        """The transfer syntax of the frames."""

    @property
    def is_encapsulated(self) -> bool:
        """Tell whether the pixel data are fragments, whatever the syntax says."""


class Frame(NamedTuple):
    """A decoded frame.

    Attributes
    ----------
    samples : ndarray
        Shape `(rows, columns)` or `(rows, columns, 3)`, of the description's `dtype`.
    photometric_interpretation : str
        Of the samples: the codec may have changed it.
    """

    samples: Samples
    photometric_interpretation: str
