"""Native pixel data: copied from a native source, or made of decoded frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.elements import DataSet
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.pixel_description import BITS_ALLOCATED, PixelDescription
from nephele.domain.transcoding.source import PixelElement, Source, iter_range
from nephele.domain.transcoding.writing import swap_bytes, word_bytes
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import NotTranscodable

_MAXIMUM_BYTES = UNDEFINED_LENGTH - 1


def check_copied(source: Source, pixels: PixelElement, target: TransferSyntax) -> None:
    """Raise NotTranscodable unless native pixels may be copied as they stand, or word by word."""
    if pixels.tag == PIXEL_DATA and source.syntax.is_encapsulated and pixels.size:
        expected = native_size(source.image.description)
        if pixels.size not in (expected, expected + 1):
            raise NotTranscodable(
                "PixelData (7fe0,0010) has the size of neither native nor encapsulated pixels: the"
                " file is damaged"
            )
    if source.layout.is_little_endian == target.is_little_endian or pixels.tag != PIXEL_DATA:
        return
    bits = _bits_allocated(source.elements, is_little_endian=source.layout.is_little_endian)
    if pixels.vr not in ("OB", "OW"):
        raise NotTranscodable(
            f"PixelData (7fe0,0010): its VR is {pixels.vr}, neither OB nor OW, so the order of its"
            " bytes is unknown: choose a little endian transfer syntax"
        )
    check_words(bits)


def check_words(bits_allocated: int) -> None:
    """Raise NotTranscodable where writers of big endian disagree about the order of bytes.

    Some swap the bytes of each OW word of 16 bits, as DCMTK and GDCM do, others those of a whole
    sample.
    """
    if bits_allocated > 16:
        raise NotTranscodable(
            f"BitsAllocated (0028,0100) is {bits_allocated}: no order of bytes is agreed upon in"
            " Explicit VR Big Endian: choose a little endian transfer syntax"
        )


def native_size(description: PixelDescription) -> int:
    """Return how many bytes all frames take natively, without padding."""
    return (description.native_frame_bits * description.number_of_frames + 7) // 8


def decoded_size(description: PixelDescription) -> int:
    """Return how many bytes all frames take when they are decoded, without padding.

    Raises
    ------
    NotTranscodable
        It is more than the length of an element can say.
    """
    bits = description.samples_per_frame * description.bits_allocated
    size = (bits * description.number_of_frames + 7) // 8
    if size > _MAXIMUM_BYTES:
        raise NotTranscodable(
            f"NumberOfFrames (0028,0008) is {description.number_of_frames}: native pixels would"
            " take 4 GiB or more, which no element can: choose a compressed transfer syntax"
        )
    return size


def iter_copied(source: Source, pixels: PixelElement, target: TransferSyntax) -> Iterator[bytes]:
    """Yield the bytes of a native value in the target's byte order."""
    is_swapped = source.layout.is_little_endian != target.is_little_endian
    width = word_bytes(pixels.vr) if is_swapped else 1
    for chunk in iter_range(source.file, pixels.offset, pixels.offset + pixels.size):
        yield swap_bytes(chunk, width) if width > 1 else chunk


def iter_decoded(
    frames: Iterable[bytes | memoryview], description: PixelDescription, target: TransferSyntax
) -> Iterator[bytes | memoryview]:
    """Yield the bytes of decoded frames, given in Little Endian, in the target's byte order."""
    bits = description.samples_per_frame * description.bits_allocated
    if bits % 8:
        yield from _joined_bits(frames, bits)
    elif description.bits_allocated > 8 and not target.is_little_endian:
        for frame in frames:
            yield swap_bytes(bytes(frame), 2)
    else:
        yield from frames


def _joined_bits(frames: Iterable[bytes | memoryview], frame_bits: int) -> Iterator[bytes]:
    """Join frames that do not end with a byte, the first bit of each in the least place."""
    rest, rest_bits = 0, 0
    for frame in frames:
        value = int.from_bytes(frame, "little") & (1 << frame_bits) - 1
        rest |= value << rest_bits
        rest_bits += frame_bits
        whole = rest_bits // 8
        yield (rest & (1 << 8 * whole) - 1).to_bytes(whole, "little")
        rest >>= 8 * whole
        rest_bits -= 8 * whole
    if rest_bits:
        yield rest.to_bytes(1, "little")


def _bits_allocated(elements: DataSet, *, is_little_endian: bool) -> int:
    element = elements.get(BITS_ALLOCATED)
    if element is None:
        return 0
    return int.from_bytes(element.value, "little" if is_little_endian else "big")
