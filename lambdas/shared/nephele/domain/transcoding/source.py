"""A file that is to be transcoded, parsed."""

from __future__ import annotations

import io
from dataclasses import dataclass

from nephele.domain.attributes import SOP_INSTANCE_UID
from nephele.domain.character_set import strip_uid
from nephele.domain.elements import DataSet, read_elements
from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES, InflatingReader
from nephele.domain.part10 import read_file_meta
from nephele.domain.pixel_description import PIXEL_REPRESENTATION, describe_pixels
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    TransferSyntax,
    transfer_syntax,
)

META_START = 132
"""Where the file meta information begins, behind the preamble."""


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file.

    Attributes
    ----------
    encoded : bytes
        The file as it is.
    data : bytes
        Its data set, inflated; what `elements` refer to.
    """

    encoded: bytes
    meta: DataSet
    syntax: TransferSyntax
    data: bytes
    elements: DataSet

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

    @property
    def native_bytes(self) -> int:
        """Return how many bytes the pixels take when they are not compressed."""
        description = describe_pixels(self.elements, is_little_endian=self.syntax.is_little_endian)
        return description.native_frame_bits * description.number_of_frames // 8


def open_source(encoded: bytes) -> Source:
    """Parse a file; BadFileFormat if it is damaged."""
    file = io.BytesIO(encoded)
    meta = read_file_meta(file)
    explicit = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)
    syntax = transfer_syntax(meta.transfer_syntax_uid)
    if syntax.is_deflated:
        data = InflatingReader(file).read(MAXIMUM_INFLATED_BYTES)
    else:
        data = encoded[meta.data_set_offset :]
    return Source(
        encoded=encoded,
        meta=read_elements(encoded[: meta.data_set_offset], explicit, META_START),
        syntax=syntax,
        data=data,
        elements=read_elements(data, syntax),
    )
