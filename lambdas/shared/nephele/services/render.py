"""Pictures and arrays of stored instances."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from nephele.batches import batched
from nephele.domain.resources import Resource
from nephele.errors import (
    AnswerTooLarge,
    BadRequest,
    ParameterOutOfRange,
    UnknownResource,
    UnsupportedImage,
)
from nephele.services import plain_files
from nephele.services.archive import Archive
from nephele.services.hierarchy import in_parallel
from nephele.services.retrieve import file_of, number_of_frames
from nephele.services.slices import ordered_instances

if TYPE_CHECKING:
    from nephele.domain.rendering import ArrayForm, Picture

_READ_WHOLE_BYTES = 4 << 20
"""Objects up to this size are read in one request; of larger ones only frames are."""
_READ_AT_ONCE = 16
_READ_FOR_ARRAYS_BYTES = 128 << 20
"""Where all frames are wanted, objects up to this size are read in one request."""


@contextmanager
def open_file(archive: Archive, instance: Resource) -> Iterator[BinaryIO]:
    """Open the file of an instance: all of it where it is small, else by ranges."""
    file = file_of(instance)
    if file.size_bytes <= _READ_WHOLE_BYTES:
        yield io.BytesIO(plain_files.read_file(archive.bucket, file))
        return
    with plain_files.open_file(archive.bucket, file) as opened:
        yield opened


def picture_of(archive: Archive, instance: Resource, frame: int) -> Picture:
    """Decode a frame.

    Raises
    ------
    InexistentItem
        There is no such frame.
    UnsupportedImage
        There are no pixels, or they cannot be decoded.
    """
    from nephele.domain.rendering import decode_picture, open_pixels
    from nephele.services.transcoding import codec_options

    with open_file(archive, instance) as file:
        return decode_picture(open_pixels(file), frame, codec_options(archive))


def raw_frame(archive: Archive, instance: Resource, frame: int) -> tuple[bytes, str]:
    """Return the bytes of a frame and the transfer syntax they are encoded in.

    Native ones are little endian, whatever the file is.

    Raises
    ------
    BadRequest
        The instance has no pixel data.
    ParameterOutOfRange
        There is no such frame.
    UnsupportedImage
        Where the frame is cannot be told.
    """
    from nephele.domain.rendering import open_pixels, read_raw_frame

    require_frame(instance, frame)
    with open_file(archive, instance) as file:
        try:
            image = open_pixels(file)
        except UnsupportedImage as exc:
            if "PixelDataOffset" in instance.metadata:
                raise
            raise BadRequest("The instance has no pixel data") from exc
        return read_raw_frame(image, frame), image.syntax.uid


def require_frame(instance: Resource, frame: int) -> None:
    """Raise ParameterOutOfRange unless an instance has a frame."""
    if frame >= number_of_frames(instance):
        raise ParameterOutOfRange(f"The instance has no frame {frame}")


def write_array(
    archive: Archive,
    instances: Iterable[Resource],
    form: ArrayForm,
    file: BinaryIO,
    maximum_bytes: int | None,
) -> None:
    """Write all frames of instances as one array, in their order.

    Parameters
    ----------
    maximum_bytes : int or None
        Of the array as it is before it is compressed.

    Raises
    ------
    AnswerTooLarge
        The array would be larger.
    IncompatibleImages
        The frames differ in size or kind.
    UnsupportedImage
        A frame cannot be decoded.
    """
    from nephele.domain.rendering import ArrayWriter, array_of

    wanted = list(instances)
    count = sum(number_of_frames(instance) for instance in wanted)
    arrays = (array_of(picture, form) for picture in _iter_pictures(archive, wanted))
    first = next(arrays, None)
    if first is None:
        raise UnknownResource("")
    _check_size(first.nbytes * count, maximum_bytes)
    with ArrayWriter(file, first, count, form) as writer:
        writer.write(first)
        for array in arrays:
            writer.write(array)


def write_frame_array(
    archive: Archive,
    instance: Resource,
    frame: int,
    form: ArrayForm,
    file: BinaryIO,
    maximum_bytes: int | None,
) -> None:
    """Write one frame as an array; raises as `picture_of` and `write_array` do."""
    from nephele.domain.rendering import ArrayWriter, array_of

    require_frame(instance, frame)
    array = array_of(picture_of(archive, instance, frame), form)
    _check_size(array.nbytes, maximum_bytes)
    with ArrayWriter(file, array, None, form) as writer:
        writer.write(array)


def instances_in_order(archive: Archive, series: Resource) -> list[Resource]:
    """Return the instances of a series as its slices are ordered."""
    return ordered_instances(archive, series)[0]


def _check_size(size_bytes: int, maximum_bytes: int | None) -> None:
    if maximum_bytes is not None and size_bytes > maximum_bytes:
        raise AnswerTooLarge(
            f"The array has {size_bytes} bytes, one answer carries {maximum_bytes}:"
            " ask for less at a time, or without rescale"
        )


def _iter_pictures(archive: Archive, instances: Iterable[Resource]) -> Iterator[Picture]:
    """Yield all frames of instances; small files are read many at a time."""
    from nephele.domain.rendering import iter_pictures, open_pixels
    from nephele.services.transcoding import codec_options

    options = codec_options(archive)
    for batch in batched(instances, _READ_AT_ONCE):
        small = [one for one in batch if file_of(one).size_bytes <= _READ_WHOLE_BYTES]
        read = in_parallel(lambda one: plain_files.read_file(archive.bucket, file_of(one)), small)
        contents = dict(zip((one.orthanc_id for one in small), read, strict=True))
        for instance in batch:
            frames = range(number_of_frames(instance))
            with _opened(archive, instance, contents.pop(instance.orthanc_id, None)) as file:
                yield from iter_pictures(open_pixels(file), frames, options)


@contextmanager
def _opened(archive: Archive, instance: Resource, content: bytes | None) -> Iterator[BinaryIO]:
    """Open what was read, else the object."""
    file = file_of(instance)
    if content is None and file.size_bytes <= _READ_FOR_ARRAYS_BYTES:
        content = plain_files.read_file(archive.bucket, file)
    if content is not None:
        yield io.BytesIO(content)
        return
    with plain_files.open_file(archive.bucket, file) as opened:
        yield opened
