"""Frames as arrays: NumPy's files, and Matlab's text."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from nephele.domain.rendering.display import modality_of
from nephele.domain.rendering.pictures import Picture
from nephele.domain.rendering.strips import map_strips
from nephele.errors import IncompatibleImages

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    Samples = NDArray[Any]

_MEMBER = "arr_0"


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """How frames become an array.

    Attributes
    ----------
    is_rescaled : bool
        Grey becomes the modality's values, in single precision; colours stay as they are.
    is_compressed : bool
        The file is `.npz` instead of `.npy`.
    """

    is_rescaled: bool = True
    is_compressed: bool = False


def array_of(picture: Picture, form: ArrayForm) -> Samples:
    """Return a frame as an array of shape `(rows, columns, channels)`, 1 channel or 3.

    Raises
    ------
    UnsupportedImage
        The Modality LUT is damaged.
    """
    if picture.is_color:
        return picture.samples
    samples = picture.samples
    if form.is_rescaled:
        samples = map_strips(modality_of(picture.image, picture.frame).values, samples, "f4")
    return samples[..., None]


def matlab_of(picture: Picture) -> str:
    """Return a frame's stored values as an expression of Matlab."""
    samples = picture.samples
    if picture.is_color:
        rows, columns, depth = samples.shape
        values = " ".join(map(str, samples.ravel().tolist()))
        return f"double(permute(reshape([ {values} ], [ {depth} {columns} {rows} ]), [ 3 2 1 ]))"
    lines = (" ".join(map(str, row)) for row in samples.tolist())
    return f"double([ {' ; '.join(lines)} ])"


class ArrayWriter:
    """Writes frames into a file of one array.

    It is a context; the file is whole when the context is left.

    Parameters
    ----------
    frame : ndarray
        The first one, whose size and type those of all are; it is not written yet.
    frames : int or None
        How many are written; None where the array is one frame alone, without that dimension.
    """

    def __init__(self, file: BinaryIO, frame: Samples, frames: int | None, form: ArrayForm) -> None:
        self._archive: zipfile.ZipFile | None = None
        self._sink: Any = file
        self._shape, self._dtype = frame.shape, frame.dtype
        if form.is_compressed:
            self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
            self._sink = self._archive.open(_MEMBER, "w", force_zip64=True)
        shape = self._shape if frames is None else (frames, *self._shape)
        self._sink.write(_header(shape, self._dtype))

    def write(self, frame: Samples) -> None:
        """Write the next frame.

        Raises
        ------
        IncompatibleImages
            It is of another size or type than the first.
        """
        if frame.shape != self._shape:
            raise IncompatibleImages("the frames differ in size, or some have colours")
        if frame.dtype != self._dtype:
            raise IncompatibleImages("the frames differ in the type of their samples")
        self._sink.write(frame.tobytes())

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._archive is not None:
            self._sink.close()
            self._archive.close()


def _header(shape: tuple[int, ...], dtype: Any) -> bytes:
    """Return the header of an array in C order. See numpy.lib.format, version 1.0."""
    from numpy.lib import format as npy

    file = io.BytesIO()
    described = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, described)
    return file.getvalue()
