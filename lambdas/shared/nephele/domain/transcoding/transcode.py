"""Transcoding one file."""

from __future__ import annotations

import io
from dataclasses import dataclass

from nephele.domain.attributes import PIXEL_DATA, SOP_INSTANCE_UID
from nephele.domain.character_set import strip_uid
from nephele.domain.decoding import decode_frame
from nephele.domain.elements import DataSet, Element, read_elements
from nephele.domain.frames import Image, open_image, read_frame
from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES, InflatingReader
from nephele.domain.part10 import read_file_meta
from nephele.domain.pixel_description import (
    BITS_ALLOCATED,
    PHOTOMETRIC_INTERPRETATION,
    PIXEL_REPRESENTATION,
    PLANAR_CONFIGURATION,
    describe_pixels,
)
from nephele.domain.transcoding.derivation import derivation, derived_uid, number, text
from nephele.domain.transcoding.encoding import (
    check_encodable,
    encode_frame,
    encoded_photometric,
)
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
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from nephele.domain.walk import UNDEFINED_LENGTH
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

_EXTENDED_OFFSETS = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
_MAXIMUM_NATIVE_BYTES = UNDEFINED_LENGTH - 1
_META_START = 132


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A transcoded file.

    `is_lossy` tells that it is a new instance, whose UID `sop_instance_uid` then is.
    """

    encoded: bytes
    transfer_syntax_uid: str
    sop_instance_uid: str
    is_lossy: bool


@dataclass(frozen=True, slots=True)
class _Source:
    """A parsed file; `data` holds the data set, inflated, and is what `elements` refer to."""

    encoded: bytes
    meta: DataSet
    syntax: TransferSyntax
    data: bytes
    elements: DataSet

    @property
    def sop_instance_uid(self) -> str:
        element = self.elements.get(SOP_INSTANCE_UID)
        return (
            "" if element is None else strip_uid(bytes(element.value).decode("latin-1").strip("\0"))
        )


@dataclass(frozen=True, slots=True)
class _Pixels:
    """What transcoding makes of the pixels: the element, encoded, and what describes it."""

    element: bytes
    changes: tuple[Element, ...]
    compressed_bytes: int


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
    source = _open(encoded)
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
        ratio = _native_bytes(source) / max(pixels.compressed_bytes, 1)
        changes |= {element.tag: element for element in derivation(source.elements, uid, ratio)}
    data_set = _write_data_set(source, target, changes, pixels)
    meta = _write_meta(source, target.uid, uid)
    return Transcoded(meta + data_set, target.uid, uid, is_lossy=target.is_lossy)


def _open(encoded: bytes) -> _Source:
    file = io.BytesIO(encoded)
    meta = read_file_meta(file)
    explicit = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)
    syntax = transfer_syntax(meta.transfer_syntax_uid)
    if syntax.is_deflated:
        data = InflatingReader(file).read(MAXIMUM_INFLATED_BYTES)
    else:
        data = encoded[meta.data_set_offset :]
    return _Source(
        encoded=encoded,
        meta=read_elements(encoded[: meta.data_set_offset], explicit, _META_START),
        syntax=syntax,
        data=data,
        elements=read_elements(data, syntax),
    )


def _transcode_pixels(
    source: _Source, target: TransferSyntax, lossy_quality: int
) -> _Pixels | None:
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
    return _Pixels(
        element=_pixel_element(target, frames, image.description.bits_allocated),
        changes=tuple(_description_changes(source, image, photometric)),
        compressed_bytes=sum(map(len, frames)),
    )


def _swap_pixels(source: _Source, pixel_data: Element, target: TransferSyntax) -> _Pixels | None:
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
    return _Pixels(header + value, (), len(value))


def _pixel_element(target: TransferSyntax, frames: list[bytes], bits_allocated: int) -> bytes:
    writer = ElementWriter(target.is_implicit_vr)
    if target.is_encapsulated:
        return writer.header(PIXEL_DATA, "OB", UNDEFINED_LENGTH) + encapsulate(frames)
    value = b"".join(frames)
    value += b"\0" * (len(value) % 2)
    if len(value) > _MAXIMUM_NATIVE_BYTES:
        raise NotTranscodable("NumberOfFrames (0028,0008): native pixels take 4 GiB or more")
    return writer.header(PIXEL_DATA, "OW" if bits_allocated > 8 else "OB", len(value)) + value


def _description_changes(source: _Source, image: Image, photometric: str) -> list[Element]:
    """Return the elements of the Image Pixel module that no longer hold."""
    changes = []
    if photometric != image.description.photometric_interpretation:
        changes.append(text(PHOTOMETRIC_INTERPRETATION, "CS", photometric.encode("ascii")))
    if image.description.is_planar and image.description.samples_per_pixel > 1:
        is_little_endian = source.syntax.is_little_endian
        changes.append(number(PLANAR_CONFIGURATION, 0, is_little_endian=is_little_endian))
    return changes


def _native_bytes(source: _Source) -> int:
    description = describe_pixels(source.elements, is_little_endian=source.syntax.is_little_endian)
    return description.native_frame_bits * description.number_of_frames // 8


def _write_data_set(
    source: _Source, target: TransferSyntax, changes: dict[int, Element], pixels: _Pixels | None
) -> bytes:
    """Encode all elements; those in an encoding that stays are copied as they stand."""
    writer = ElementWriter(
        is_implicit_vr=target.is_implicit_vr,
        is_big_endian_source=not source.syntax.is_little_endian,
        is_implicit_source=source.syntax.is_implicit_vr,
    )
    stays = source.syntax.is_little_endian and not (
        source.syntax.is_implicit_vr or target.is_implicit_vr
    )
    changed_groups = {tag >> 16 for tag in (*changes, *((PIXEL_DATA,) if pixels else ()))}
    is_signed = _is_signed(source)
    parts = []
    for tag in sorted(source.elements | changes):
        element = changes.get(tag) or source.elements[tag]
        if tag & 0xFFFF == 0 and (not stays or tag >> 16 in changed_groups):
            continue
        if pixels is not None and tag in _EXTENDED_OFFSETS:
            continue
        if pixels is not None and tag == PIXEL_DATA:
            parts.append(pixels.element)
        elif stays and tag not in changes:
            parts.append(source.data[element.start : element.stop])
        else:
            parts.append(writer.element(element, is_signed=is_signed))
    return b"".join(parts)


def _is_signed(source: _Source) -> bool:
    element = source.elements.get(PIXEL_REPRESENTATION)
    return element is not None and 1 in bytes(element.value[:2])


def _write_meta(source: _Source, transfer_syntax_uid: str, sop_instance_uid: str) -> bytes:
    """Encode the preamble and the file meta information, Nephele being their writer now."""
    writer = ElementWriter()
    meta = source.meta | {
        element.tag: element
        for element in (
            Element(0x00020001, "OB", memoryview(b"\0\1")),
            text(0x00020003, "UI", sop_instance_uid.encode("latin-1")),
            text(0x00020010, "UI", transfer_syntax_uid.encode("ascii")),
            text(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode("ascii")),
            text(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii")),
        )
    }
    content = b"".join(writer.element(meta[tag]) for tag in sorted(meta) if tag & 0xFFFF)
    length = len(content).to_bytes(4, "little")
    return source.encoded[:_META_START] + writer.header(0x00020000, "UL", 4) + length + content
