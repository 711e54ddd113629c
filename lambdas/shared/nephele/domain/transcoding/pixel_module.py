"""What changes in the Image Pixel module when pixels are encoded anew. See PS3.3 C.7.6.3."""

from __future__ import annotations

from nephele.domain.elements import Element
from nephele.domain.frames import Image
from nephele.domain.pixel_description import PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION
from nephele.domain.transcoding.derivation import number, text


def description_changes(image: Image, photometric: str) -> list[Element]:
    """Return the elements that no longer hold, in the byte order of the source."""
    changes = []
    description = image.description
    if photometric != description.photometric_interpretation:
        changes.append(text(PHOTOMETRIC_INTERPRETATION, "CS", photometric.encode("ascii")))
    if description.is_planar and description.samples_per_pixel > 1:
        is_little_endian = image.syntax.is_little_endian
        changes.append(number(PLANAR_CONFIGURATION, 0, is_little_endian=is_little_endian))
    return changes
