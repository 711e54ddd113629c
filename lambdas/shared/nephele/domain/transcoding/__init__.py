"""Transcoding whole files from one transfer syntax to another."""

from nephele.domain.transcoding.derivation import makes_new_instance
from nephele.domain.transcoding.ingest import ingest_target, is_never_transcoded
from nephele.domain.transcoding.transcode import (
    Transcoded,
    Transcoding,
    open_transcoding,
    transcode,
)
from nephele.domain.transfer_syntax import TARGETS

__all__ = [
    "TARGETS",
    "Transcoded",
    "Transcoding",
    "ingest_target",
    "is_never_transcoded",
    "makes_new_instance",
    "open_transcoding",
    "transcode",
]
