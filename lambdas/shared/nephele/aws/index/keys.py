"""Formats of the index's keys; no other module writes one."""

from __future__ import annotations

import hashlib
import random

from nephele.domain.identifiers import normalize_identifier
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId

Key = dict[str, dict[str, str]]

RESOURCE = "R"
CHILD = "C#"
HEADER = "H#"
ASIDE = "A#"
COUNTERS = "COUNTERS"
COUNTER_SHARDS = 16
PENDING = "PENDING#"
PENDING_SHARDS = 4
CHANGES = "CHANGES"
HEAD = "HEAD"
DEAD_LETTERS = "DEAD"
ASIDE_LIST = "ASIDE"
_LARGEST_VALUE_BYTES = 256
_RANDOM = random.SystemRandom()
"""Processes restored from one SnapStart image share the state of Python's own generator."""


def key(pk: str, sk: str) -> Key:
    """Return a primary key as DynamoDB wants it."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def resource(orthanc_id: OrthancId) -> Key:
    """Key of a resource's own row."""
    return key(orthanc_id, RESOURCE)


def child(parent: OrthancId, orthanc_id: OrthancId) -> Key:
    """Key of the row that hangs a child under its parent."""
    return key(parent, CHILD + orthanc_id)


def header(orthanc_id: OrthancId, uuid: str) -> Key:
    """Key of the encoded header of one reception."""
    return key(orthanc_id, HEADER + uuid)


def aside(orthanc_id: OrthancId, uuid: str) -> Key:
    """Key of a reception that was kept aside."""
    return key(ASIDE_LIST, f"{orthanc_id}#{uuid}")


def identifier(tag: str, value: str) -> str:
    """Partition of an identifier; long values are hashed, DynamoDB allows 2,048 bytes."""
    normalized = normalize_identifier(value)
    if len(normalized) > _LARGEST_VALUE_BYTES:
        normalized = "sha256:" + hashlib.sha256(normalized.encode()).hexdigest()
    return f"ID#{tag}#{normalized}"


def listing(level: Level, first_character: str) -> str:
    """Partition of a level's list for ids that begin with a character."""
    return f"LIST#{level}#{first_character}"


def listed(level: Level, orthanc_id: OrthancId) -> Key:
    """Key of a resource's row in its level's list."""
    return key(listing(level, orthanc_id[0]), orthanc_id)


def any_counter() -> Key:
    """Key of one of the counters' shards, at random."""
    return key(COUNTERS, f"{_RANDOM.randrange(COUNTER_SHARDS):02}")


def pending(now: str, uuid: str) -> Key:
    """Key of a commit's changes that have no numbers yet."""
    shard = _RANDOM.randrange(PENDING_SHARDS)
    return key(f"{PENDING}{shard}", f"{now}#{uuid}")


def block(first_sequence: int) -> Key:
    """Key of the block of changes that begins with a number."""
    return key(CHANGES, f"{first_sequence:020}")


def head() -> Key:
    """Key of the last number given."""
    return key(CHANGES, HEAD)


def dead_letter(identifier: str) -> Key:
    """Key of a message that could not be processed."""
    return key(DEAD_LETTERS, identifier)


def failure(object_key: str) -> Key:
    """Key of the last reason why an object could not be processed."""
    return key(f"FAILURE#{object_key}", RESOURCE)


def receipt(uuid: str) -> Key:
    """Key of what became of a reception that was transcoded."""
    return key(f"RECEIPT#{uuid}", RESOURCE)


def cursor(name: str) -> Key:
    """Key of where a background walk stands."""
    return key(f"CURSOR#{name}", RESOURCE)
