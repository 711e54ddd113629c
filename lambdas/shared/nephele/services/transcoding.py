"""The transcoding engine under the archive's configuration."""

from __future__ import annotations

from typing import BinaryIO

from nephele.domain.codecs.options import CodecOptions
from nephele.domain.transcoding import Transcoding, open_transcoding
from nephele.services.archive import Archive


def codec_options(archive: Archive) -> CodecOptions:
    """Return which codecs are asked first: `BuiltinDecoderTranscoderOrder`."""
    return CodecOptions(order=archive.configuration.builtin_decoder_transcoder_order)


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
