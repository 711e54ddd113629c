"""New identifiers."""

import re
import uuid

import pytest

from nephele.domain.levels import Level
from nephele.domain.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    derive_uid,
    generate_uid,
)

_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")


def is_uid(text: str) -> bool:
    return len(text) <= 64 and _UID.fullmatch(text) is not None


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (Level.STUDY, "1.2.276.0.7230010.3.1.2."),
        (Level.SERIES, "1.2.276.0.7230010.3.1.3."),
        (Level.INSTANCE, "1.2.276.0.7230010.3.1.4."),
    ],
)
def test_generated_uid_has_orthanc_s_prefix_and_is_new(level: Level, prefix: str) -> None:
    uids = {generate_uid(level) for _ in range(500)}
    assert len(uids) == 500
    assert all(uid.startswith(prefix) and is_uid(uid) for uid in uids)


def test_generated_patient_id_is_a_uuid() -> None:
    identifier = generate_uid(Level.PATIENT)
    assert str(uuid.UUID(identifier)) == identifier


def test_derived_uid_depends_on_each_part_alone() -> None:
    assert derive_uid("1.2", b"content") == derive_uid("1.2", b"content")
    different = {derive_uid("1.2", "3"), derive_uid("1.23"), derive_uid("1.2", "3", "")}
    assert len(different) == 3
    assert all(is_uid(uid) and uid.startswith("2.25.") for uid in different)


def test_implementation_identifiers_fit_their_vr() -> None:
    assert is_uid(IMPLEMENTATION_CLASS_UID)
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16
