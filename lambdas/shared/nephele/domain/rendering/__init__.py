"""Rendering: frames of instances as pictures and as arrays, by Orthanc's rules and PS3.3's.

It knows files and samples alone, so that every route that shows pixels renders alike. numpy and
the codecs are imported when the first pixel is touched.
"""

from nephele.domain.rendering.arrays import ArrayForm, ArrayWriter, array_of, matlab_of
from nephele.domain.rendering.grayscale import VoiFunction, Window
from nephele.domain.rendering.image_files import ImageFormat, encode_picture
from nephele.domain.rendering.pictures import (
    Picture,
    decode_picture,
    iter_pictures,
    open_pixels,
    read_raw_frame,
)
from nephele.domain.rendering.resizing import Box
from nephele.domain.rendering.unsupported import unsupported_picture
from nephele.domain.rendering.views import clamped, preview, rendered

__all__ = [
    "ArrayForm",
    "ArrayWriter",
    "Box",
    "ImageFormat",
    "Picture",
    "VoiFunction",
    "Window",
    "array_of",
    "clamped",
    "decode_picture",
    "encode_picture",
    "iter_pictures",
    "matlab_of",
    "open_pixels",
    "preview",
    "read_raw_frame",
    "rendered",
    "unsupported_picture",
]
