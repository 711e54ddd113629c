"""New unique identifiers, in the forms Orthanc makes them."""

from __future__ import annotations

import hashlib
import os
import time
import uuid

from nephele.domain.levels import Level

IMPLEMENTATION_CLASS_UID = "2.25.178215630412986342119653077114857126221"
"""Nephele's Implementation Class UID (0002,0012), derived from a UUID. See PS3.5 B.2."""

IMPLEMENTATION_VERSION_NAME = "NEPHELE_0_1"
"""Nephele's Implementation Version Name (0002,0013): at most 16 characters."""

_PREFIXES = {
    Level.STUDY: "1.2.276.0.7230010.3.1.2",
    Level.SERIES: "1.2.276.0.7230010.3.1.3",
    Level.INSTANCE: "1.2.276.0.7230010.3.1.4",
}
"""The arcs DCMTK gives its users for studies, series and instances."""


def generate_uid(level: Level) -> str:
    """Make a new identifier: a UUID for a patient, a UID of at most 64 characters otherwise."""
    if level is Level.PATIENT:
        return str(uuid.uuid4())
    random = f"{_random(4)}.{_random(4)}.{int(time.time())}"
    return f"{_PREFIXES[level]}.{random}.{_random(2)}"


def new_transaction_uid() -> str:
    """Make a UID for a storage commitment. See PS3.5 B.2."""
    return f"2.25.{uuid.uuid4().int}"


def _random(size_bytes: int) -> int:
    return int.from_bytes(os.urandom(size_bytes))


def derive_uid(*parts: bytes | str) -> str:
    """Make the UID that always comes of the same parts, in the UUID-derived form of PS3.5 B.2."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode() if isinstance(part, str) else part
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return f"2.25.{uuid.UUID(bytes=digest.digest()[:16], version=5).int}"
