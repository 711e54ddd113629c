"""The main DICOM tags that are sequences, as Orthanc keeps them: one metadata per resource."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from nephele.domain.attributes import MAIN_ATTRIBUTES
from nephele.domain.dicom_json import TagFormat, in_format, tags_json
from nephele.domain.header import InstanceHeader
from nephele.domain.levels import Level
from nephele.domain.metadata import Metadata
from nephele.domain.transfer_syntax import transfer_syntax

METADATA = Metadata.MAIN_DICOM_SEQUENCES.label

MAXIMUM_CHARACTERS = 16 << 10
"""Longer ones are not kept: a resource's row is read and written often."""
MAIN_SEQUENCES: dict[Level, frozenset[int]] = {
    level: frozenset(
        attribute.number
        for attribute in MAIN_ATTRIBUTES
        if attribute.level is level and attribute.vr == "SQ"
    )
    for level in Level
}
_VERSION = 1


def main_sequences(header: InstanceHeader, level: Level) -> str | None:
    """Return Orthanc's `MainDicomSequences` of a level; None where there is nothing to be kept.

    It is JSON: the sequences in Orthanc's full format below `Sequences`, and a `Version`.
    """
    wanted = MAIN_SEQUENCES[level]
    if not _may_hold(header, wanted):
        return None
    encoding = header.default_encoding
    found = tags_json(header.encoded, TagFormat.FULL, default_encoding=encoding, only=wanted)
    sequences = {tag: shown for tag, shown in found.items() if shown["Type"] == "Sequence"}
    document = {"Sequences": sequences, "Version": _VERSION}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return text if sequences and len(text) <= MAXIMUM_CHARACTERS else None


def _may_hold(header: InstanceHeader, wanted: frozenset[int]) -> bool:
    """Tell whether it is worth it to read all elements of a header: few have such sequences."""
    syntax = transfer_syntax(header.transfer_syntax_uid)
    if syntax.is_deflated:
        return bool(wanted and header.encoded)
    order = "<HH" if syntax.is_little_endian else ">HH"
    tags = (struct.pack(order, number >> 16, number & 0xFFFF) for number in wanted)
    return any(tag in header.encoded for tag in tags)


def shown_sequences(
    metadata: Mapping[str, str], tag_format: TagFormat = TagFormat.FULL
) -> dict[str, Any]:
    """Return the sequences that a resource's metadata hold, in one of Orthanc's formats."""
    text = metadata.get(METADATA)
    return {} if text is None else in_format(json.loads(text)["Sequences"], tag_format)
