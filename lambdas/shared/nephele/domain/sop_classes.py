"""Which SOP classes can be stored: the standard ones, and what the configuration makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

from nephele.domain.wildcard import has_wildcard, match_wildcard

VERIFICATION = "1.2.840.10008.1.1"
"""Verification, the class of C-ECHO."""

PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"

STORAGE_COMMITMENT_PUSH = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The well-known instance of storage commitment. See PS3.4 J.3.5."""

QUERY_CLASSES: frozenset[str] = frozenset({PATIENT_ROOT_FIND, STUDY_ROOT_FIND})
MOVE_CLASSES: frozenset[str] = frozenset({PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE})
GET_CLASSES: frozenset[str] = frozenset({PATIENT_ROOT_GET, STUDY_ROOT_GET})

_NOT_COMPOSITE = frozenset(
    {
        "1.2.840.10008.1.3.10",  # media storage directory
        "1.2.840.10008.5.1.4.1.1.200.1",  # CT defined procedure protocol
        "1.2.840.10008.5.1.4.1.1.200.3",  # protocol approval
        "1.2.840.10008.5.1.4.1.1.200.7",  # XA defined procedure protocol
        "1.2.840.10008.5.1.4.1.1.201.1",  # inventory
        "1.2.840.10008.5.1.4.38.1",  # hanging protocol
        "1.2.840.10008.5.1.4.39.1",  # color palette
        "1.2.840.10008.5.1.4.43.1",  # generic implant template
        "1.2.840.10008.5.1.4.44.1",  # implant assembly template
        "1.2.840.10008.5.1.4.45.1",  # implant template group
    }
)
"""Storage classes whose objects belong to no study, which Orthanc does not accept either."""


class SopClassOptions(Protocol):
    """The options that say which SOP classes are accepted, named as in Orthanc."""

    @property
    def accepted_sop_classes(self) -> Sequence[str]:
        """UIDs or wildcards; none stands for every storage class."""

    @property
    def rejected_sop_classes(self) -> Sequence[str]:
        """UIDs or wildcards, taken away afterwards."""

    @property
    def reject_sop_classes(self) -> Sequence[str]:
        """Alias of `rejected_sop_classes`."""

    @property
    def unknown_sop_class_accepted(self) -> bool:
        """Accept abstract syntaxes that are in no dictionary."""


@lru_cache(maxsize=1)
def storage_sop_classes() -> tuple[str, ...]:
    """Return the UIDs of every standard storage class of patients' objects, retired ones too."""
    from pydicom._uid_dict import UID_dictionary

    return tuple(
        uid
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class"
        and "Storage" in name
        and "Commitment" not in name
        and uid not in _NOT_COMPOSITE
    )


def is_known_uid(uid: str) -> bool:
    """Tell whether a UID is registered by PS3.6."""
    from pydicom._uid_dict import UID_dictionary

    return uid in UID_dictionary


def accepted_sop_classes(options: SopClassOptions) -> tuple[str, ...]:
    """Return the UIDs of the accepted storage classes.

    A wildcard stands for the standard classes it matches; a plain UID is accepted unchecked.
    """
    accepted = storage_sop_classes()
    if options.accepted_sop_classes:
        accepted = tuple(dict.fromkeys(_expand(options.accepted_sop_classes)))
    rejected = (*options.rejected_sop_classes, *options.reject_sop_classes)
    return tuple(
        uid for uid in accepted if not any(match_wildcard(uid, pattern) for pattern in rejected)
    )


def _expand(patterns: Iterable[str]) -> Iterable[str]:
    for pattern in patterns:
        if has_wildcard(pattern):
            yield from (uid for uid in storage_sop_classes() if match_wildcard(uid, pattern))
        else:
            yield pattern


def is_accepted_unknown(uid: str, options: SopClassOptions) -> bool:
    """Tell whether an abstract syntax is accepted for being in no dictionary.

    A class that is known, or that the options reject, is never accepted so.
    """
    rejected = (*options.rejected_sop_classes, *options.reject_sop_classes)
    return (
        options.unknown_sop_class_accepted
        and not is_known_uid(uid)
        and not any(match_wildcard(uid, pattern) for pattern in rejected)
    )
