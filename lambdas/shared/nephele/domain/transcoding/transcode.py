"""Transcoding one file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from nephele.domain.codecs.capacity import cannot_write
from nephele.domain.codecs.options import DEFAULT_OPTIONS, CodecOptions
from nephele.domain.transcoding.checks import check_plan
from nephele.domain.transcoding.output import write_output
from nephele.domain.transcoding.plan import Plan
from nephele.domain.transcoding.sinks import MemorySink, Sink
from nephele.domain.transcoding.source import open_source
from nephele.domain.transfer_syntax import TARGETS, transfer_syntax
from nephele.errors import NotTranscodable, UnsupportedImage


@dataclass(frozen=True, slots=True)
class Transcoded:
    """A transcoded file.

    `is_lossy` tells that it is a new instance, whose UID `sop_instance_uid` then is;
    `is_unchanged` that it is the source, which has the syntax already.
    """

    encoded: bytes
    transfer_syntax_uid: str
    sop_instance_uid: str
    is_lossy: bool
    is_unchanged: bool = False


class Transcoding:
    """One file on its way to another syntax, read and written frame by frame.

    It is a context manager, since a deflated source is inflated to a temporary file.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._plan.source.close()

    @property
    def is_unchanged(self) -> bool:
        """Tell whether the source has the target's syntax already."""
        return self._plan.is_unchanged

    @property
    def is_lossy(self) -> bool:
        """Tell whether the result is another instance than the source."""
        return self._plan.is_lossy

    @property
    def original_sop_instance_uid(self) -> str:
        """Return the source's SOP Instance UID."""
        return self._plan.source.sop_instance_uid

    @property
    def sop_instance_uid(self) -> str:
        """Return the result's SOP Instance UID; of a lossy one the whole source is read for it."""
        return self._plan.sop_instance_uid

    @property
    def pixel_bytes(self) -> int:
        """Return how many bytes the pixels take that have to be decoded, encoded or copied."""
        if self._plan.has_frames:
            return self._plan.decoded_bytes
        pixels = self._plan.source.pixels
        return 0 if pixels is None or pixels.is_encapsulated else pixels.size

    @property
    def content_digest(self) -> bytes:
        """Return the SHA-256 of the source's data set, for which the whole source is read."""
        return self._plan.source.content_digest

    def write(self, sink: Sink, *, jobs: int | None = None) -> None:
        """Write the result, once; only a few frames are in memory at a time.

        Parameters
        ----------
        jobs : int, optional
            Threads, by default one for each core.

        Raises
        ------
        NotTranscodable, BadFileFormat
            A frame, or what is behind the pixels, turns out to be damaged; what the sink has got
            is worthless then.
        """
        try:
            write_output(self._plan, sink, jobs)
        except UnsupportedImage as exc:
            raise NotTranscodable(f"PixelData (7fe0,0010): {exc}") from exc


def open_transcoding(
    file: BinaryIO,
    transfer_syntax_uid: str,
    lossy_quality: int = 90,
    *,
    options: CodecOptions = DEFAULT_OPTIONS,
) -> Transcoding:
    """Read a file's header and find out whether it can be transcoded. Raises as `transcode`.

    Parameters
    ----------
    file : BinaryIO
        A DICOM file, seekable; it is read again while the result is written.
    """
    if transfer_syntax_uid not in TARGETS:
        raise cannot_write(transfer_syntax_uid)
    source = open_source(file)
    plan = Plan(source, transfer_syntax(transfer_syntax_uid), lossy_quality, options)
    try:
        check_plan(plan)
    except UnsupportedImage as exc:
        source.close()
        raise NotTranscodable(f"PixelData (7fe0,0010): {exc}") from exc
    except BaseException:
        source.close()
        raise
    return Transcoding(plan)


def transcode(
    source: bytes | BinaryIO,
    transfer_syntax_uid: str,
    lossy_quality: int = 90,
    *,
    jobs: int | None = None,
    options: CodecOptions = DEFAULT_OPTIONS,
) -> Transcoded:
    """Transcode a file, the result in memory.

    Lossless targets keep every sample and the SOP Instance UID; elements that do not describe the
    pixels' encoding keep their values bit for bit. Group lengths are left out where they would be
    wrong. A lossy target makes a new instance, the same one each time.

    Parameters
    ----------
    source : bytes or BinaryIO
        A whole DICOM file; seekable.
    transfer_syntax_uid : str
        One of `TARGETS`.
    lossy_quality : int
        1 to 100, for lossy targets.
    jobs : int, optional
        Threads, by default one for each core.
    options : CodecOptions, optional
        Which codecs are asked first, and how large a frame may be.

    Raises
    ------
    NothingToTranscode
        It has no pixels to compress, or is in a syntax that is never transcoded.
    NotTranscodable
        The target cannot hold such pixels, or no codec reads the source; the message names the
        attribute.
    BadFileFormat
        The file is damaged.
    StorageFull
        The disk has no room for the data set of a deflated file.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with open_transcoding(file, transfer_syntax_uid, lossy_quality, options=options) as transcoding:
        if transcoding.is_unchanged and isinstance(source, bytes):
            encoded = source
        else:
            sink = MemorySink()
            transcoding.write(sink, jobs=jobs)
            encoded = sink.getvalue()
        return Transcoded(
            encoded,
            transfer_syntax_uid,
            transcoding.sop_instance_uid,
            transcoding.is_lossy,
            transcoding.is_unchanged,
        )
