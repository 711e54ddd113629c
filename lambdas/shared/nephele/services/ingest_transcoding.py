"""Transcoding on the way in: Orthanc's rules, and what is kept where it cannot be done."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO

from nephele.aws.index.originals import find_original
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.provenance import Provenance
from nephele.domain.transcoding import Transcoding
from nephele.domain.transcoding.sinks import SpoolSink
from nephele.errors import BadFileFormat, NothingToTranscode, NotTranscodable, StorageFull
from nephele.logs import logger
from nephele.services import cloudwatch_metrics
from nephele.services.archive import Archive
from nephele.services.receive import md5_of
from nephele.services.transcoding import begin_transcoding


@dataclass(frozen=True, slots=True)
class Ingested:
    """What is to be stored of a received file.

    Attributes
    ----------
    file : BinaryIO
        The transcoded file; the received one where that cannot be transcoded.
    provenance : Provenance
        Tells why not, and which instance a lossy result was.
    known : OrthancId or None
        The instance that was made of the same file before: nothing is to be stored.
    """

    file: BinaryIO
    provenance: Provenance
    known: OrthancId | None = None


def transcode_received(
    archive: Archive, part10: BinaryIO, target: str, provenance: Provenance, stack: ExitStack
) -> Ingested:
    """Transcode a file that is stored at once; one that cannot be transcoded is kept as it came.

    Parameters
    ----------
    stack : ExitStack
        Closes the result.
    """
    try:
        with begin_transcoding(archive, part10, target) as transcoding:
            if (known := known_instance(archive, transcoding)) is not None:
                return Ingested(part10, provenance, known)
            sink = stack.enter_context(SpoolSink())
            transcoding.write(sink)
            md5 = md5_of(part10).hex()
            return Ingested(sink.file, with_original(provenance, transcoding, md5))
    except NothingToTranscode:
        return Ingested(part10, provenance)
    except (NotTranscodable, BadFileFormat, StorageFull) as exc:
        count_failure(target, str(exc))
        return Ingested(part10, replace(provenance, transcoding_failure=str(exc)))


def known_instance(archive: Archive, transcoding: Transcoding) -> OrthancId | None:
    """Return the instance that lossy transcoding has made of the same file before.

    Its syntax and quality may have been others. With `OverwriteInstances` nothing counts as known.
    """
    if not transcoding.is_lossy or archive.configuration.overwrite_instances:
        return None
    uid, digest = transcoding.original_sop_instance_uid, transcoding.content_digest.hex()
    return find_original(archive.index, uid, digest)


def with_original(provenance: Provenance, transcoding: Transcoding, md5: str) -> Provenance:
    """Return a provenance that tells of the received file, and of its instance if that is another.

    Parameters
    ----------
    md5 : str
        Of the received file in hexadecimal, "" where it is not known.
    """
    provenance = replace(provenance, original_md5=md5)
    if not transcoding.is_lossy:
        return provenance
    return replace(
        provenance,
        original_sop_instance_uid=transcoding.original_sop_instance_uid,
        original_digest=transcoding.content_digest.hex(),
    )


def count_failure(target: str, reason: str) -> None:
    """Log and count a file that is stored as it came although it was to be transcoded."""
    logger.warning("ingest transcoding failed", extra={"target": target, "reason": reason})
    cloudwatch_metrics.count(cloudwatch_metrics.INGEST_TRANSCODING_FAILED)
