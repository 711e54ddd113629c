"""Presentation contexts for sending: what is proposed, and which syntax an instance goes in.

The order of attempts is Orthanc's (dicom.md 3.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dimse_edge.negotiation import MOST_CONTEXTS
from dimse_edge.scu.requests import ProposedContext
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

UNCOMPRESSED = (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
"""What a compressed instance can always become, in Orthanc's order."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an instance needs of an association: SOP class, and the syntax it is stored in."""

    sop_class_uid: str
    transfer_syntax_uid: str


def contexts_for(
    kinds: Iterable[Kind], preferred: str, *, is_transcoding: bool
) -> list[ProposedContext]:
    """Return the contexts to propose for kinds of instances, as many as an association may have.

    Each source syntax has a context of its own, then the preferred one; what is left of the
    uncompressed ones shares one.
    """
    by_class: dict[str, list[str]] = {}
    for kind in kinds:
        syntaxes = by_class.setdefault(kind.sop_class_uid, [])
        if kind.transfer_syntax_uid not in syntaxes:
            syntaxes.append(kind.transfer_syntax_uid)
    contexts: list[ProposedContext] = []
    for sop_class_uid, sources in by_class.items():
        for choice in _choices(sources, preferred, is_transcoding=is_transcoding):
            contexts.append(ProposedContext(sop_class_uid, choice))
    return contexts[:MOST_CONTEXTS]


def _choices(
    sources: list[str], preferred: str, *, is_transcoding: bool
) -> Iterator[tuple[str, ...]]:
    alone = list(sources)
    if is_transcoding and preferred not in alone:
        alone.append(preferred)
    for syntax in alone:
        yield (syntax,)
    rest = tuple(syntax for syntax in UNCOMPRESSED if syntax not in alone)
    if is_transcoding and rest:
        yield rest


def attempts(kind: Kind, accepted: Iterable[str], preferred: str) -> list[str]:
    """Return the syntaxes to transcode an instance to, in turn, when its own is not accepted."""
    offered = set(accepted)
    first = [preferred] if preferred != kind.transfer_syntax_uid else []
    return [syntax for syntax in dict.fromkeys([*first, *UNCOMPRESSED]) if syntax in offered]
