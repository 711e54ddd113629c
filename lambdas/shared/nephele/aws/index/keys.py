"""Formats of the index's keys; no module writes one besides this and `search_keys`."""

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
ENDED = "E#"
COUNTERS = "COUNTERS"
COUNTER_SHARDS = 16
PENDING = "PENDING#"
PENDING_SHARDS = 4
CHANGES = "CHANGES"
HEAD = "HEAD"
DEAD_LETTERS = "DEAD"
ASIDE_LIST = "ASIDE"
OVERRIDES = "OVERRIDES"
REFUSALS = "REFUSALS"
EXPORTS = "EXPORTS"
WORKLISTS = "WORKLISTS"
RECYCLING = "RECYCLING"
PROTECTED = "PROTECTED"
DELETED = "DELETED"
BURYING = "BURYING"
RESERVED = "RESERVED"
JOBS = "JOBS"
URGENT_JOBS = "JOBS#URGENT"
QUERIES = "QUERIES"
ANSWERS = "A#"
COMMITMENTS = "COMMITMENTS"
END = "#"
"""Ends a value in a sort key; ids follow."""
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


def ended(orthanc_id: OrthancId, uuid: str) -> Key:
    """Key of a reception that has ended, and that its instance's row has no room for."""
    return key(orthanc_id, ENDED + uuid)


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


def verdict(derived_key: str) -> Key:
    """Key of the reason why a derived object cannot be made."""
    return key(f"VERDICT#{derived_key}", RESOURCE)


def resent(uuid: str) -> Key:
    """Key of the note that a raw object was announced again."""
    return key(f"RESENT#{uuid}", RESOURCE)


def receipt(uuid: str) -> Key:
    """Key of what became of a reception that was transcoded."""
    return key(f"RECEIPT#{uuid}", RESOURCE)


def export(sequence: int) -> Key:
    """Key of a numbered export."""
    return key(EXPORTS, f"{sequence:020}")


def exports_head() -> Key:
    """Key of the last number given to an export."""
    return key(EXPORTS, HEAD)


def override(name: str) -> Key:
    """Key of an option that was changed over REST."""
    return key(OVERRIDES, name)


def query(identifier: str) -> Key:
    """Key of a query to another archive; its answers are in the same partition."""
    return key(f"QUERY#{identifier}", RESOURCE)


def query_answers(identifier: str, first: int) -> Key:
    """Key of a block of answers, by the number of the first one."""
    return key(f"QUERY#{identifier}", f"{ANSWERS}{first:010}")


def listed_query(identifier: str) -> Key:
    """Key of a query's row in the list of queries."""
    return key(QUERIES, identifier)


def commitment(transaction_uid: str) -> Key:
    """Key of a storage commitment that was asked of another archive."""
    return key(f"COMMITMENT#{transaction_uid}", RESOURCE)


def listed_commitment(now: str, transaction_uid: str) -> Key:
    """Key of a storage commitment's row in the list of them, oldest first."""
    return key(COMMITMENTS, f"{now}#{transaction_uid}")


def moved(message_id: int) -> str:
    """Partition of what has come because of a C-MOVE the edge asked for."""
    return f"MOVED#{message_id}"


def moved_instance(message_id: int, orthanc_id: OrthancId) -> Key:
    """Key of an instance that has come because of a C-MOVE the edge asked for."""
    return key(moved(message_id), orthanc_id)


def definitions(kind: str) -> str:
    """Partition of the definitions of a kind that were changed over REST."""
    return f"DEFINED#{kind}"


def definition(kind: str, name: str) -> Key:
    """Key of a definition that was changed over REST."""
    return key(definitions(kind), name)


def job(identifier: str) -> Key:
    """Key of a job's own row."""
    return key(f"JOB#{identifier}", RESOURCE)


def listed_job(identifier: str) -> Key:
    """Key of a job's row in the list of jobs, in the order of ids."""
    return key(JOBS, identifier)


def urgent_job(identifier: str) -> Key:
    """Key of a job's row in the list of those that go before others, while it is unfinished."""
    return key(URGENT_JOBS, identifier)


def labelled(level: Level) -> str:
    """Partition of the labels of a level's resources."""
    return f"LABEL#{level}"


def label(level: Level, text: str, orthanc_id: OrthancId) -> Key:
    """Key of the row that finds a resource by one of its labels."""
    return key(labelled(level), f"{text}{END}{orthanc_id}")


def recycled(order: str, patient: OrthancId) -> Key:
    """Key of a patient's place in the order of recycling: by time, the oldest first."""
    return key(RECYCLING, f"{order}{END}{patient}")


def protected(patient: OrthancId) -> Key:
    """Key of a patient that is never recycled."""
    return key(PROTECTED, patient)


def deletion(identifier: str) -> Key:
    """Key of a deletion that can be undone."""
    return key(DELETED, identifier)


def burying(name: str) -> Key:
    """Key of an object of the journal whose deletions have begun."""
    return key(BURYING, name)


def reservation(uuid: str) -> Key:
    """Key of the room a reception was promised."""
    return key(RESERVED, uuid)


def worklist(identifier: str) -> Key:
    """Key of a modality worklist."""
    return key(WORKLISTS, identifier)


def refusal(now: str, uuid: str) -> Key:
    """Key of an association that was refused."""
    return key(REFUSALS, f"{now}#{uuid}")


def cursor(name: str) -> Key:
    """Key of where a background walk stands."""
    return key(f"CURSOR#{name}", RESOURCE)


def claim(name: str) -> Key:
    """Key of the claim to work that is done once."""
    return key(f"CLAIM#{name}", RESOURCE)
