"""What rows of new resources say: of instances as they came, of parents by their first one."""

from __future__ import annotations

from typing import Any

from nephele.aws import clock
from nephele.aws.index import codec, items, keys, originals
from nephele.aws.index.entries import Entry
from nephele.aws.index.table import Row
from nephele.domain.extra_tags import extended_signature
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import ORDER, Level
from nephele.domain.main_sequences import METADATA as SEQUENCES
from nephele.domain.main_sequences import main_sequences
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import StoredFile, Totals

SIGNATURE = "MainDicomTagsSignature"
"""Kept where the configuration adds main tags: all others are Orthanc's own."""


def instance_attributes(entry: Entry) -> dict[str, Any]:
    """Return the attributes of an instance's row."""
    header, file = entry.header, entry.file
    ids = [header.identity.orthanc_id(level) for level in ORDER[:-1]]
    original = originals.original_row(file.provenance, entry.orthanc_id)
    return {
        "l": codec.text(Level.INSTANCE),
        "a": codec.pack_ids(ids),
        "t": codec.document(header.main_tags[Level.INSTANCE]),
        "m": codec.document(_instance_metadata(entry)),
        "v": codec.text(file.uuid),
        "z": codec.number(file.size_bytes),
        "h": codec.text(file.md5),
        "r": codec.text(file.provenance.received),
        **compression_of(file),
        **digest_of(file),
        **_hidden_lookups(Level.INSTANCE, entry.orthanc_id, header, original),
    }


def parent_row(level: Level, first: Entry, beneath: Totals, now: str) -> Row:
    """Return the row of a patient, study or series that begins with a reception."""
    header = first.header
    orthanc_id = header.identity.orthanc_id(level)
    above = [header.identity.orthanc_id(upper) for upper in ORDER[: ORDER.index(level)]]
    row: Row = {
        **keys.resource(orthanc_id),
        "l": codec.text(level),
        "t": codec.document(_shown_tags(level, header)),
        "m": codec.document(_parent_metadata(level, first)),
        "u": codec.text(now),
        "c": codec.text(now),
        "nt": codec.number(beneath.studies),
        "ns": codec.number(beneath.series),
        "ni": codec.number(beneath.instances),
        "z": codec.number(beneath.size_bytes),
        **_hidden_lookups(level, orthanc_id, header),
    }
    if beneath.saved_bytes:
        row["zs"] = codec.number(beneath.saved_bytes)
    if above:
        row["a"] = codec.pack_ids(above)
    return row


def compression_of(file: StoredFile) -> dict[str, dict[str, str]]:
    """Return what an instance's row says of a compressed object."""
    if file.compressed_bytes is None:
        return {}
    return {"zc": codec.number(file.compressed_bytes), "hc": codec.text(file.compressed_md5)}


def digest_of(file: StoredFile) -> dict[str, dict[str, str]]:
    """Return what an instance's row says of the digest of its data set."""
    return {"hd": codec.data_set_digest(file)} if file.data_set_digest else {}


def _shown_tags(level: Level, header: InstanceHeader) -> dict[str, str]:
    """Return a parent's main tags; a study has its own copy of its patient's, as in Orthanc."""
    own = header.main_tags[level]
    return header.main_tags[Level.PATIENT] | own if level is Level.STUDY else own


def _hidden_lookups(
    level: Level, orthanc_id: OrthancId, header: InstanceHeader, original: Row | None = None
) -> dict[str, dict[str, str]]:
    """Return what a row must remember to find its look-up rows again.

    These are overlong identifiers, and the UID an instance came with.
    """
    main_tags = header.main_tags[level]
    shown = items.shown_identifier_keys(level, orthanc_id, main_tags)
    hidden = [
        key["pk"]["S"]
        for key, _ in items.identifier_keys(level, orthanc_id, main_tags, header.identity)
        if key not in shown
    ]
    if original is not None:
        hidden.append(original["pk"]["S"])
    return {"e": codec.document(hidden)} if hidden else {}


def _instance_metadata(entry: Entry) -> dict[str, str]:
    """Return the metadata of reception (dicom.md 1.5), under Orthanc's names."""
    provenance, header = entry.file.provenance, entry.header
    optional = {
        "IndexInSeries": header.index_in_series,
        "RemoteIP": provenance.remote_ip or None,
        "CalledAET": provenance.called_aet or None,
        "SopClassUid": header.sop_class_uid or None,
        "HttpUsername": provenance.http_username if provenance.origin == "RestApi" else None,
        "PixelDataOffset": header.pixel_data_offset,
        "PixelDataVR": header.pixel_data_vr,
        SIGNATURE: extended_signature(Level.INSTANCE),
        "OriginalMD5": provenance.original_md5 or None,
        "OriginalSOPInstanceUID": provenance.original_sop_instance_uid or None,
        "IngestTranscodingFailure": provenance.transcoding_failure or None,
    }
    return {
        "ReceptionDate": clock.to_seconds(provenance.received),
        "RemoteAET": provenance.remote_aet,
        "Origin": provenance.origin,
        "TransferSyntax": header.transfer_syntax_uid,
    } | {name: str(value) for name, value in optional.items() if value is not None}


def _parent_metadata(level: Level, first: Entry) -> dict[str, str]:
    optional = {
        SIGNATURE: extended_signature(level),
        SEQUENCES: main_sequences(first.header, level),
    }
    kept = {name: text for name, text in optional.items() if text is not None}
    return (_series_metadata(first) if level is Level.SERIES else {}) | kept


def _series_metadata(first: Entry) -> dict[str, str]:
    expected = first.header.expected_number_of_instances
    metadata = {"RemoteAET": first.file.provenance.remote_aet}
    if expected is not None:
        metadata["ExpectedNumberOfInstances"] = str(expected)
    return metadata
