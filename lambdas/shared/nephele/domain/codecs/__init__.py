"""The frame codecs: every transfer syntax's frames to samples and back.

numpy and the codecs are imported when the first pixel is touched.
"""

from nephele.domain.codecs.capacity import check_encodable
from nephele.domain.codecs.decoding import decode_frame
from nephele.domain.codecs.encoding import encode_frame, encoded_photometric
from nephele.domain.codecs.frame import EncodedImage, Frame
from nephele.domain.codecs.native import encode_native
from nephele.domain.codecs.options import CodecOptions, CodecOrder
from nephele.domain.codecs.recoding import RECODINGS, recode_frame

__all__ = [
    "RECODINGS",
    "CodecOptions",
    "CodecOrder",
    "EncodedImage",
    "Frame",
    "check_encodable",
    "decode_frame",
    "encode_frame",
    "encode_native",
    "encoded_photometric",
    "recode_frame",
]
