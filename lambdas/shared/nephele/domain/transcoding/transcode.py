"""Transcoding one file."""

from __future__ import annotations

import io
from dataclasses import dataclass

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.decoding import decode_frame
from nephele.domain.elements import Element
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.frames import Image, open_image, read_frame
from nephele.domain.pixel_description import (
    BITS_ALLOCATED,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
)
from nephele.domain.transcoding.assembly import Pixels, write_data_set, write_meta
from nephele.domain.transcoding.derivation import derivation, derived_uid, number, text
from nephele.domain.transcoding.encoding import (
    check_encodable,
    encode_frame,
    encoded_photometric,
)
from nephele.domain.transcoding.source import Source, open_source
from nephele.domain.transcoding.writing import ElementWriter, encapsulate, swap_bytes
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    RLE_LOSSLESS,
    TransferSyntax,
    transfer_syntax,
)
from nephele.errors import NotTranscodable, UnsupportedImage

TARGETS: frozenset[str] = frozenset(
    {
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        RLE_LOSSLESS,
        JPEG_2000_LOSSLESS,
        JPEG_2000,
    }
)
"""The transfer syntaxes that can be written."""

_MAXIMUM_NATIVE_BYTES = UNDEFINED_LENGTH - 1


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A transcoded file.

    `is_lossy` tells that it is a new instance, whose UID `sop_instance_uid` then is.
    """

    encoded: bytes
    transfer_syntax_uid: str
    sop_instance_uid: str
    is_lossy: bool


def transcode(encoded: bytes, transfer_syntax_uid: str, lossy_quality: int = 90) -> Transcoded:
    """Transcode a file.

    Lossless targets keep every sample and the SOP Instance UID; elements that do not describe the
    pixels' encoding keep their values bit for bit. Group lengths are left out where they would be
    wrong. A lossy target makes a new instance, the same one each time.

    Parameters
    ----------
    encoded : bytes
        A whole DICOM file.
    transfer_syntax_uid : str
        One of `TARGETS`.
    lossy_quality : int
        1 to 100, for lossy targets.

    Raises
    ------
    NotTranscodable
        The target cannot hold such pixels, or no codec reads the source; the message names the
        attribute.
    BadFileFormat
        The file is damaged.
    """
    if transfer_syntax_uid not in TARGETS:
        raise NotTranscodable(f"TransferSyntaxUID (0002,0010): cannot write {transfer_syntax_uid}")
    source = open_source(encoded)
    if source.syntax.uid == transfer_syntax_uid:
        return Transcoded(encoded, transfer_syntax_uid, source.sop_instance_uid, is_lossy=False)
    target = transfer_syntax(transfer_syntax_uid)
    try:
        pixels = _transcode_pixels(source, target, lossy_quality)
    except UnsupportedImage as exc:
        raise NotTranscodable(f"PixelData (7fe0,0010): {exc}") from exc
    changes = {} if pixels is None else {element.tag: element for element in pixels.changes}
    uid = source.sop_instance_uid
    if target.is_lossy and pixels is not None:
        uid = derived_uid(uid, source.data, target.uid, lossy_quality)
        ratio = source.native_bytes / max(pixels.compressed_bytes, 1)
        changes |= {element.tag: element for element in derivation(source.elements, uid, ratio)}
    data_set = write_data_set(source, target, changes, pixels)
    meta = write_meta(source, target.uid, uid)
    return Transcoded(meta + data_set, target.uid, uid, is_lossy=target.is_lossy)


def _transcode_pixels(source: Source, target: TransferSyntax, lossy_quality: int) -> Pixels | None:
    """Transcode the pixels, None where there are none or they stay as they are."""
    pixel_data = source.elements.get(PIXEL_DATA)
    if pixel_data is None:
        if target.is_encapsulated:
            raise NotTranscodable("PixelData (7fe0,0010) is missing")
        return None
    if pixel_data.fragments is None and not target.is_encapsulated:
        return _swap_pixels(source, pixel_data, target)
    image = open_image(io.BytesIO(source.encoded))
    if source.syntax.is_video:
        raise NotTranscodable(f"TransferSyntaxUID (0002,0010) is {source.syntax.name}")
    check_encodable(target.uid, image.description)
    frames: list[bytes] = []
    photometric = ""
    for index in range(image.description.number_of_frames):
        frame = decode_frame(image, read_frame(image, index))
        photometric = encoded_photometric(target.uid, frame)
        frames.append(encode_frame(target.uid, frame, image.description, lossy_quality))
    return Pixels(
        element=_pixel_element(target, frames, image.description.bits_allocated),
        changes=tuple(_description_changes(source, image, photometric)),
        compressed_bytes=sum(map(len, frames)),
    )


def _swap_pixels(source: Source, pixel_data: Element, target: TransferSyntax) -> Pixels | None:
    """Give native samples of more than 16 bits, in big endian, their new order; else leave all.

    Words of 16 bits are swapped like those of any other element.
    """
    bits = source.elements.get(BITS_ALLOCATED)
    if source.syntax.is_little_endian or pixel_data.vr != "OW" or bits is None:
        return None
    width = int.from_bytes(bits.value, "big") // 8
    if width <= 2:
        return None
    value = swap_bytes(bytes(pixel_data.value), width)
    header = ElementWriter(target.is_implicit_vr).header(PIXEL_DATA, "OW", len(value))
    return Pixels(header + value, (), len(value))


def _pixel_element(target: TransferSyntax, frames: list[bytes], bits_allocated: int) -> bytes:
    writer = ElementWriter(target.is_implicit_vr)
    if target.is_encapsulated:
        return writer.header(PIXEL_DATA, "OB", UNDEFINED_LENGTH) + encapsulate(frames)
    value = b"".join(frames)
    value += b"\0" * (len(value) % 2)
    if len(value) > _MAXIMUM_NATIVE_BYTES:
        raise NotTranscodable("NumberOfFrames (0028,0008): native pixels take 4 GiB or more")
    return writer.header(PIXEL_DATA, "OW" if bits_allocated > 8 else "OB", len(value)) + value


def _description_changes(source: Source, image: Image, photometric: str) -> list[Element]:
    """Return the elements of the Image Pixel module that no longer hold."""
    changes = []
    if photometric != image.description.photometric_interpretation:
        changes.append(text(PHOTOMETRIC_INTERPRETATION, "CS", photometric.encode("ascii")))
    if image.description.is_planar and image.description.samples_per_pixel > 1:
        is_little_endian = source.syntax.is_little_endian
        changes.append(number(PLANAR_CONFIGURATION, 0, is_little_endian=is_little_endian))
    return changes
