"""A file that is to be transcoded: its elements read, its pixels left where they are."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, cast

from nephele.domain.attributes import PIXEL_DATA, SOP_INSTANCE_UID
from nephele.domain.character_set import strip_uid
from nephele.domain.elements import DataSet, read_elements
from nephele.domain.explicit_vr import UNDEFINED_LENGTH, has_long_length
from nephele.domain.frames import FrameReader, Image
from nephele.domain.full_disk import full_disk_translated
from nephele.domain.inflate import InflatingReader
from nephele.domain.part10 import read_file_meta
from nephele.domain.pixel_description import PIXEL_REPRESENTATION, describe_pixels
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
    transfer_syntax,
)
from nephele.domain.walk import walk_data_set
from nephele.errors import BadFileFormat, NotTranscodable

META_START = 132
"""Where the file meta information begins, behind the preamble."""
MAXIMUM_HEADER_BYTES = 256 << 20
"""What stands in front of the pixels, and behind them, is held in memory up to this size."""

_IMPLICIT_VRS = {0x7FE00008: "OF", 0x7FE00009: "OD", PIXEL_DATA: "OW"}
_CHUNK_BYTES = 1 << 20
_INFLATED_IN_MEMORY_BYTES = 32 << 20
_SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True, slots=True)
class PixelElement:
    """The element that holds pixels: one of the three kinds of pixel data.

    Attributes
    ----------
    vr : str
        As written; of Implicit VR, as PS3.5 A.1 has it.
    offset : int
        Where its value begins, in `Source.file`.
    size : int
        Of the value; `UNDEFINED_LENGTH` where it is encapsulated.
    """

    tag: int
    vr: str
    offset: int
    size: int

    @property
    def is_encapsulated(self) -> bool:
        """Tell whether the value is fragments, whatever the syntax says."""
        return self.size == UNDEFINED_LENGTH


@dataclass(frozen=True)
class Source:
    """A parsed file; a deflated one is inflated to a temporary file, until it is closed.

    Attributes
    ----------
    file : BinaryIO
        Holds the data set from `start`, inflated.
    original : BinaryIO
        The file as it is.
    meta : DataSet
        The file meta information.
    preamble : bytes
        The first bytes, up to the file meta information.
    layout : TransferSyntax
        How the data set in `file` is laid out: of a deflated file, the syntax it inflates to.
    data : bytes
        The encoded elements up to the pixels, which `elements` refer to.
    elements : DataSet
        Those in front of the pixels; all where there are none.
    """

    file: BinaryIO
    original: BinaryIO
    preamble: bytes
    meta: DataSet
    syntax: TransferSyntax
    layout: TransferSyntax
    start: int
    data: bytes
    elements: DataSet
    pixels: PixelElement | None

    def close(self) -> None:
        """Give up what was inflated; the original stays open."""
        if self.file is not self.original:
            self.file.close()

    @property
    def sop_instance_uid(self) -> str:
        """Return the SOP Instance UID without padding, empty where it is missing."""
        element = self.elements.get(SOP_INSTANCE_UID)
        value = b"" if element is None else bytes(element.value).split(b"\0", 1)[0]
        return strip_uid(value.decode("latin-1"))

    @property
    def is_signed(self) -> bool:
        """Tell whether PixelRepresentation is 1."""
        element = self.elements.get(PIXEL_REPRESENTATION)
        return element is not None and 1 in bytes(element.value[:2])

    @cached_property
    def image(self) -> Image:
        """Return the image; UnsupportedImage if what describes it makes no sense."""
        if self.pixels is None or self.pixels.tag != PIXEL_DATA:
            raise ValueError("there is no PixelData")
        return Image(
            file=self.file,
            elements=self.elements,
            description=describe_pixels(
                self.elements, is_little_endian=self.layout.is_little_endian
            ),
            syntax=self.layout,
            pixel_data_vr=self.pixels.vr,
            value_offset=self.pixels.offset,
            value_size=self.pixels.size,
        )

    @cached_property
    def frames(self) -> FrameReader:
        """Return what reads the image's frames."""
        return FrameReader(self.image)

    def read_tail(self) -> tuple[bytes, DataSet]:
        """Return the elements behind the pixels, encoded and parsed; the first of a tag counts."""
        if self.pixels is None:
            return b"", {}
        start = self._pixels_end(self.pixels)
        stop = self.file.seek(0, os.SEEK_END)
        if start > stop:
            raise BadFileFormat("the data set ends within the pixel data")
        _check_size(stop - start)
        self.file.seek(start)
        known = self.elements.keys() | {self.pixels.tag}
        data = self.file.read()
        behind = read_elements(data, self.layout)
        return data, {tag: element for tag, element in behind.items() if tag not in known}

    def _pixels_end(self, pixels: PixelElement) -> int:
        if not pixels.is_encapsulated:
            return pixels.offset + pixels.size
        end = self.frames.end_offset
        self.file.seek(end)
        if self.file.read(8)[:4] != _SEQUENCE_DELIMITER:
            raise BadFileFormat("encapsulated pixel data have no end")
        return end + 8

    @cached_property
    def content_digest(self) -> bytes:
        """Return the SHA-256 of the data set (inflated); the whole file is read."""
        digest = hashlib.sha256()
        for chunk in iter_range(self.file, self.start, None):
            digest.update(chunk)
        return digest.digest()


def open_source(file: BinaryIO) -> Source:
    """Parse a seekable file up to its pixels.

    Raises
    ------
    BadFileFormat
        It is not a DICOM file, or damaged.
    NotTranscodable
        What is in front of the pixels is too large to be held in memory.
    StorageFull
        A deflated data set is larger than the room there is for it when it is inflated.
    """
    file.seek(0)
    meta = read_file_meta(file)
    syntax = layout = transfer_syntax(meta.transfer_syntax_uid)
    explicit = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)
    file.seek(0)
    head = file.read(meta.data_set_offset)
    data_file, start = file, meta.data_set_offset
    if syntax.is_deflated:
        data_file, start, layout = _inflated(file), 0, explicit
    try:
        data, pixels = _read_front(data_file, layout, start)
        return Source(
            file=data_file,
            original=file,
            preamble=head[:META_START],
            meta=read_elements(head, explicit, META_START),
            syntax=syntax,
            layout=layout,
            start=start,
            data=data,
            elements=read_elements(data, layout),
            pixels=pixels,
        )
    except BaseException:
        if data_file is not file:
            data_file.close()
        raise


def iter_range(file: BinaryIO, start: int, stop: int | None) -> Iterator[bytes]:
    """Yield the bytes from one offset to another, or to the end, a MiB at a time."""
    position = start
    while stop is None or position < stop:
        file.seek(position)
        wanted = _CHUNK_BYTES if stop is None else min(_CHUNK_BYTES, stop - position)
        chunk = file.read(wanted)
        if not chunk:
            return
        yield chunk
        position += len(chunk)


def _read_front(
    file: BinaryIO, layout: TransferSyntax, start: int
) -> tuple[bytes, PixelElement | None]:
    """Return the encoded elements in front of the pixels, and where those are."""
    file.seek(start)
    walk = walk_data_set(file, layout.uid, frozenset(), stop_at_pixel_data=True)
    _check_size(walk.header_end_offset - start)
    file.seek(start)
    data = file.read(walk.header_end_offset - start)
    if not walk.has_pixel_data:
        return data, None
    return data, _read_pixel_element(file, layout, walk.header_end_offset)


def _read_pixel_element(file: BinaryIO, layout: TransferSyntax, offset: int) -> PixelElement:
    order = "<" if layout.is_little_endian else ">"
    file.seek(offset)
    header = file.read(12)
    vr = b"OW" if layout.is_implicit_vr else header[4:6]
    at = 4 if layout.is_implicit_vr else 8 if has_long_length(vr) else 6
    size_format = f"{order}H" if at == 6 else f"{order}I"
    end = at + struct.calcsize(size_format)
    if len(header) < end:
        raise BadFileFormat("the file ends within the pixel data")
    group, number = struct.unpack_from(f"{order}HH", header)
    (size,) = struct.unpack_from(size_format, header, at)
    tag = group << 16 | number
    name = _IMPLICIT_VRS[tag] if layout.is_implicit_vr else vr.decode("latin-1")
    return PixelElement(tag, name, offset + end, size)


def _inflated(file: BinaryIO) -> BinaryIO:
    """Inflate what follows a file's position; beyond 32 MiB on the disk, if it has room."""
    inflater = InflatingReader(file)
    spool = tempfile.SpooledTemporaryFile(_INFLATED_IN_MEMORY_BYTES)  # noqa: SIM115  returned
    inflated = cast("BinaryIO", spool)
    try:
        with full_disk_translated("the inflated data set in temporary storage"):
            while chunk := inflater.read(_CHUNK_BYTES):
                inflated.write(chunk)
        if not inflater.is_complete:
            raise BadFileFormat("the deflated data set is truncated")
    except BaseException:
        inflated.close()
        raise
    return inflated


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAXIMUM_HEADER_BYTES:
        raise NotTranscodable(
            f"the elements beside PixelData (7fe0,0010) take {size_bytes} bytes, and"
            f" {MAXIMUM_HEADER_BYTES} are held in memory: the file stays as it is"
        )
