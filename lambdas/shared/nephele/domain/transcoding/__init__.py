"""Transcoding whole files from one transfer syntax to another."""

from nephele.domain.transcoding.ingest import ingest_target
from nephele.domain.transcoding.transcode import TARGETS, Transcoded, transcode

__all__ = ["TARGETS", "Transcoded", "ingest_target", "transcode"]
