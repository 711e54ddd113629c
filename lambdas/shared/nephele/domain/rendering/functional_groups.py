"""Where an attribute of one frame stands: at the top, per frame or shared by all frames.

See PS3.3 C.7.6.16.
"""

from __future__ import annotations

from collections.abc import Iterator

from nephele.domain.elements import DataSet
from nephele.domain.frames import Image

PIXEL_VALUE_TRANSFORMATION = 0x00289145
FRAME_VOI_LUT = 0x00289132
_SHARED = 0x52009229
_PER_FRAME = 0x52009230


def iter_places(image: Image, frame: int, macro: int) -> Iterator[DataSet]:
    """Yield the data sets that may hold attributes of a frame, the first one wins.

    Parameters
    ----------
    macro : int
        Tag of the sequence that holds them in a functional group.
    """
    yield image.elements
    for groups, index in ((_PER_FRAME, frame), (_SHARED, 0)):
        group = _item(image.elements, groups, index)
        held = None if group is None else _item(group, macro, 0)
        if held is not None:
            yield held


def first_item(elements: DataSet, sequence: int) -> DataSet | None:
    """Return the first item of a sequence, None where there is none."""
    return _item(elements, sequence, 0)


def _item(elements: DataSet, sequence: int, index: int) -> DataSet | None:
    element = elements.get(sequence)
    items = () if element is None else element.items or ()
    return items[index] if index < len(items) else None
