"""Refusing, by the header alone, what cannot be transcoded."""

from __future__ import annotations

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.codecs.code_streams import check_frame_size
from nephele.domain.codecs.working_memory import check_working_memory
from nephele.domain.elements import DataSet
from nephele.domain.frames import Image
from nephele.domain.transcoding.frame_work import frame_work
from nephele.domain.transcoding.ingest import is_never_transcoded
from nephele.domain.transcoding.native import check_copied, check_words, decoded_size, native_size
from nephele.domain.transcoding.plan import Plan
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import NothingToTranscode, NotTranscodable

_OVERLAYS = tuple(range(0x6000, 0x6020, 2))
_OVERLAY_BIT_POSITION = 0x0102
_OVERLAY_DATA = 0x3000


def check_plan(plan: Plan) -> None:
    """Check a plan.

    Raises
    ------
    NothingToTranscode
        There are no pixels to compress, or the source's syntax is never transcoded.
    NotTranscodable
        The target cannot hold the pixels; the message names the attribute.
    UnsupportedImage
        What describes the pixels makes no sense.
    """
    if plan.is_unchanged:
        return
    pixels, syntax = plan.source.pixels, plan.source.syntax
    if is_never_transcoded(syntax.uid):
        raise NothingToTranscode(
            f"TransferSyntaxUID (0002,0010) is {syntax.name}, which is never transcoded"
        )
    if plan.target.is_encapsulated:
        _check_compressible(plan)
    if plan.has_frames:
        _check_frames(plan)
    elif pixels is not None:
        check_copied(plan.source, pixels, plan.target)


def _check_compressible(plan: Plan) -> None:
    """Compressed syntaxes are for data sets with PixelData alone. See PS3.5 A.4."""
    pixels = plan.source.pixels
    if pixels is None:
        raise NothingToTranscode("PixelData (7fe0,0010) is missing: there is no image")
    if pixels.tag != PIXEL_DATA:
        raise NothingToTranscode(
            "PixelData (7fe0,0010) is missing: the pixels are floats, which stay uncompressed"
        )
    if pixels.size == 0:
        raise NothingToTranscode("PixelData (7fe0,0010) is empty: there is no image")


def _check_frames(plan: Plan) -> None:
    source, target = plan.source, plan.target
    image = source.image
    if not image.is_encapsulated:
        _check_native_size(image)
    if not plan.is_recoding:
        check_frame_size(image.description, plan.options)
        check_working_memory(
            image.description,
            plan.options,
            decoded=image.syntax if image.is_encapsulated else None,
            encoded=target if target.is_encapsulated else None,
        )
    if not (source.layout.is_little_endian and target.is_little_endian):
        check_words(image.description.bits_allocated)
    if plan.is_lossy:
        _check_colors(image, target)
        _check_overlays(source.elements, is_little_endian=source.layout.is_little_endian)
    if not target.is_encapsulated:
        decoded_size(image.description)
    frame_work(image, target, plan.lossy_quality, plan.options)


def _check_native_size(image: Image) -> None:
    """Refuse native pixels that are fewer than the header says, or so many that some would go.

    Less than a frame behind the last one is padding.
    """
    description, size = image.description, image.value_size
    expected = native_size(description)
    if size < expected:
        raise NotTranscodable(
            "PixelData (7fe0,0010) is shorter than Rows (0028,0010), Columns (0028,0011) and"
            " NumberOfFrames (0028,0008) say: the file is truncated or its header is wrong"
        )
    bits = description.samples_per_frame * description.bits_allocated
    whole = bits * description.number_of_frames // 8
    if expected < whole <= size <= whole + whole % 2:
        raise NotTranscodable(
            "PhotometricInterpretation (0028,0004) is"
            f" {description.photometric_interpretation}, and PixelData (7fe0,0010) is as long as"
            " that of colours which are not subsampled: the header is wrong"
        )
    if size - expected >= max(description.native_frame_bits // 8, 2):
        raise NotTranscodable(
            f"NumberOfFrames (0028,0008) is {description.number_of_frames}, and PixelData"
            " (7fe0,0010) is longer by a frame or more, which would be lost: the header is wrong"
        )


_MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2"})
_OF_ONE_SAMPLE = _MONOCHROME | {"PALETTE COLOR", ""}
_OF_CODECS = {
    "YBR_RCT": ("jpeg-2000", "htj2k"),
    "YBR_ICT": ("jpeg-2000", "htj2k"),
    "XYB": ("jpeg-xl", "jpeg-xl-jpeg"),
}
"""Colours that are there in code streams of some kinds alone."""


def _check_colors(image: Image, target: TransferSyntax) -> None:
    """Refuse colours that the header contradicts: lossy codecs would take them for others.

    JPEG-LS alone does not look at them.
    """
    description = image.description
    name, samples = description.photometric_interpretation, description.samples_per_pixel
    if target.kind == "jpeg-ls":
        return
    if name not in _OF_ONE_SAMPLE if samples == 1 else name in _MONOCHROME:
        raise NotTranscodable(
            f"PhotometricInterpretation (0028,0004) is {name}, and SamplesPerPixel (0028,0002)"
            f" {samples}: the header contradicts itself: choose a lossless transfer syntax"
        )
    if image.syntax.kind not in _OF_CODECS.get(name, (image.syntax.kind,)):
        raise NotTranscodable(
            f"PhotometricInterpretation (0028,0004) is {name}, which {image.syntax.name} does not"
            " have, so what the colours are is unknown: choose a lossless transfer syntax"
        )


def _check_overlays(elements: DataSet, *, is_little_endian: bool) -> None:
    """Refuse overlays in the bits that pixels do not use: lossy compression would destroy them."""
    for group in _OVERLAYS:
        position = elements.get(group << 16 | _OVERLAY_BIT_POSITION)
        if position is None or group << 16 | _OVERLAY_DATA in elements:
            continue
        raw = position.value[:2]
        if number := int.from_bytes(raw, "little" if is_little_endian else "big"):
            raise NotTranscodable(
                f"OverlayBitPosition ({group:04x},0102) is {number}: lossy compression would"
                " destroy the overlay in the pixels' unused bits: choose a lossless transfer syntax"
            )
