"""The transcoding engine under the archive's configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from nephele.domain.codecs.options import CodecOptions
from nephele.domain.transcoding import Transcoding, open_transcoding
from nephele.domain.transcoding.sinks import Sink
from nephele.errors import NotTranscodable
from nephele.services.archive import Archive
from nephele.settings.environment import function_memory_bytes


def codec_options(archive: Archive) -> CodecOptions:
    """Return which codecs are asked first, how large a frame may be, and what memory there is.

    See `BuiltinDecoderTranscoderOrder` and `MaximumFrameSizeMB`.
    """
    return CodecOptions(
        order=archive.configuration.builtin_decoder_transcoder_order,
        maximum_frame_bytes=archive.configuration.maximum_frame_size_mb << 20,
        memory_bytes=function_memory_bytes(),
    )


def begin_transcoding(
    archive: Archive, file: BinaryIO, target: str, lossy_quality: int | None = None
) -> Transcoding:
    """Open a file for transcoding, as `nephele.domain.transcoding.open_transcoding`.

    Parameters
    ----------
    lossy_quality : int, optional
        1 to 100, by default `DicomLossyTranscodingQuality`.
    """
    quality = lossy_quality or archive.configuration.dicom_lossy_transcoding_quality
    return open_transcoding(file, target, quality, options=codec_options(archive))


class TimedSink:
    """Passes a file on for as long as there is time; NotTranscodable then."""

    def __init__(self, sink: Sink, has_time: Callable[[], bool]) -> None:
        self._sink = sink
        self._has_time = has_time

    def begin(self, front_bytes: int) -> None:
        """Begin the file behind its front."""
        self._sink.begin(front_bytes)

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes behind the front."""
        if not self._has_time():
            raise NotTranscodable(
                "PixelData (7fe0,0010): transcoding takes longer than the function may run:"
                " `nephele transcode` takes its time"
            )
        self._sink.write(data)

    def finish(self, front: bytes) -> None:
        """Take the front."""
        self._sink.finish(front)
