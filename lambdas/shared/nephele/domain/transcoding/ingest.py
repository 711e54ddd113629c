"""Orthanc's rules for transcoding on reception: the options `IngestTranscoding*`."""

from __future__ import annotations

from typing import Protocol

from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    is_known,
    transfer_syntax,
)

_UNCOMPRESSED = frozenset(
    {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN}
)
_NEVER = frozenset(f"1.2.840.10008.1.2.{number}" for number in ("4.94", "4.95", "6.1", "6.2"))
"""JPIP, whose pixels are elsewhere, RFC 2557 and XML encoding."""


class IngestOptions(Protocol):
    """The options that say what is transcoded on reception, named as in Orthanc."""

    @property
    def ingest_transcoding(self) -> str | None:
        """The target's UID, None for no transcoding."""

    @property
    def ingest_transcoding_of_uncompressed(self) -> bool:
        """Transcode what comes in Implicit or Explicit VR."""

    @property
    def ingest_transcoding_of_compressed(self) -> bool:
        """Transcode what comes in any other syntax."""


def is_never_transcoded(source_uid: str) -> bool:
    """Tell whether files of a syntax pass as they are: video, what is no data set, unknown ones."""
    return not is_known(source_uid) or transfer_syntax(source_uid).is_video or source_uid in _NEVER


def ingest_target(source_uid: str, options: IngestOptions) -> str | None:
    """Return the transfer syntax to transcode a received file to, None to keep it as it is."""
    target_uid = options.ingest_transcoding
    if not target_uid or target_uid == source_uid or is_never_transcoded(source_uid):
        return None
    is_wanted = (
        options.ingest_transcoding_of_uncompressed
        if source_uid in _UNCOMPRESSED
        else options.ingest_transcoding_of_compressed
    )
    return target_uid if is_wanted else None
