"""What a file says of showing a frame: Modality LUT and VOI LUT, by Orthanc's rules.

Orthanc reads RescaleSlope, RescaleIntercept, WindowCenter and WindowWidth, at the top or per frame.
Where it finds none of them, the tables of the standard and shared functional groups are used.
"""

from __future__ import annotations

import math

from nephele.domain.attributes import SOP_CLASS_UID
from nephele.domain.character_set import PADDING
from nephele.domain.elements import DataSet
from nephele.domain.frames import Image
from nephele.domain.rendering.float_pixels import is_float
from nephele.domain.rendering.functional_groups import (
    FRAME_VOI_LUT,
    PIXEL_VALUE_TRANSFORMATION,
    first_item,
    iter_places,
)
from nephele.domain.rendering.grayscale import Modality, VoiFunction, VoiTable, Window
from nephele.domain.rendering.lookup_tables import LookupTable, read_descriptor, read_table

_WINDOW_CENTER, _WINDOW_WIDTH, _VOI_LUT_FUNCTION = 0x00281050, 0x00281051, 0x00281056
_RESCALE_INTERCEPT, _RESCALE_SLOPE = 0x00281052, 0x00281053
_MODALITY_LUT_SEQUENCE, _VOI_LUT_SEQUENCE = 0x00283000, 0x00283010
_LUT_DESCRIPTOR, _LUT_DATA = 0x00283002, 0x00283006
_RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_FUNCTIONS = {function.value: function for function in VoiFunction}


def modality_of(image: Image, frame: int) -> Modality:
    """Return the Modality LUT of a frame; the identity where the file has none.

    A dose is not rescaled: it has a scale of its own.

    Raises
    ------
    UnsupportedImage
        A lookup table is damaged.
    """
    if _text(image.elements, SOP_CLASS_UID) == _RT_DOSE:
        return Modality()
    for place in iter_places(image, frame, PIXEL_VALUE_TRANSFORMATION):
        slope, intercept = _number(place, _RESCALE_SLOPE), _number(place, _RESCALE_INTERCEPT)
        if slope is not None and intercept is not None:
            return Modality(slope, intercept)
    table = _table(image, image.elements, _MODALITY_LUT_SEQUENCE, image.description.is_signed)
    return Modality(table=table)


def voi_of(image: Image, frame: int, modality: Modality) -> Window | VoiTable | None:
    """Return the first window or VOI LUT of a frame, None where the file has none.

    Raises
    ------
    UnsupportedImage
        A lookup table is damaged.
    """
    for place in iter_places(image, frame, FRAME_VOI_LUT):
        center, width = _number(place, _WINDOW_CENTER), _number(place, _WINDOW_WIDTH)
        if center is not None and width is not None:
            stated = _FUNCTIONS.get(_text(place, _VOI_LUT_FUNCTION))
            return window_as_orthanc(image, center, width, stated)
    is_signed = modality.table is None and (
        image.description.is_signed or min(modality.slope, modality.intercept) < 0
    )
    for place in iter_places(image, frame, FRAME_VOI_LUT):
        table = _table(image, place, _VOI_LUT_SEQUENCE, is_signed)
        if table is not None:
            return VoiTable(table)
    return None


def window_as_orthanc(
    image: Image, center: float, width: float, stated: VoiFunction | None = None
) -> Window:
    """Return a window as Orthanc applies it, that is LINEAR_EXACT and at least 1 wide.

    A function that the file states is applied as the standard has it; floating point may be within
    less than 1.
    """
    if stated is not None:
        return Window(center, width, stated)
    least = 0.0 if is_float(image) else 1.0
    return Window(center, max(width, least), VoiFunction.LINEAR_EXACT)


def default_window(image: Image, modality: Modality) -> Window:
    """Return Orthanc's window of an image without one: all that the stored bits can hold."""
    bits = image.description.bits_stored
    if modality.table is not None:
        bits = modality.table.bits
    return Window(2.0 ** (bits - 1), 2.0**bits, VoiFunction.LINEAR_EXACT)


def _table(image: Image, place: DataSet, sequence: int, is_signed: bool) -> LookupTable | None:
    item = first_item(place, sequence)
    if item is None:
        return None
    is_little_endian = image.syntax.is_little_endian
    descriptor = read_descriptor(
        item.get(_LUT_DESCRIPTOR), is_signed=is_signed, is_little_endian=is_little_endian
    )
    return read_table(item.get(_LUT_DATA), descriptor, is_little_endian=is_little_endian)


def _text(elements: DataSet, tag: int) -> str:
    element = elements.get(tag)
    return "" if element is None else bytes(element.value).decode("latin-1").strip(PADDING)


def _number(elements: DataSet, tag: int) -> float | None:
    """Return the first value of a decimal string, None where it is no finite number."""
    try:
        number = float(_text(elements, tag).split("\\")[0])
    except ValueError:
        return None
    return number if math.isfinite(number) else None
