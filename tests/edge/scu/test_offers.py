"""Presentation contexts for sending, and the order of attempts: Orthanc's."""

from __future__ import annotations

import pytest

from dimse_edge.scu.offers import Kind, attempts, contexts_for
from nephele.domain.transfer_syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
)

_CT = "1.2.840.10008.5.1.4.1.1.2"
_MR = "1.2.840.10008.5.1.4.1.1.4"
_IMPLICIT, _EXPLICIT, _BIG = (
    IMPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
)


@pytest.mark.parametrize(
    ("sources", "preferred", "is_transcoding", "proposed"),
    [
        ([_EXPLICIT], _EXPLICIT, True, [(_EXPLICIT,), (_IMPLICIT, _BIG)]),
        ([_IMPLICIT], _EXPLICIT, True, [(_IMPLICIT,), (_EXPLICIT,), (_BIG,)]),
        (
            [JPEG_2000_LOSSLESS],
            _EXPLICIT,
            True,
            [(JPEG_2000_LOSSLESS,), (_EXPLICIT,), (_IMPLICIT, _BIG)],
        ),
        (
            [_EXPLICIT, JPEG_2000_LOSSLESS],
            JPEG_BASELINE,
            True,
            [(_EXPLICIT,), (JPEG_2000_LOSSLESS,), (JPEG_BASELINE,), (_IMPLICIT, _BIG)],
        ),
        ([JPEG_2000_LOSSLESS], _EXPLICIT, False, [(JPEG_2000_LOSSLESS,)]),
    ],
    ids=["explicit", "implicit", "compressed", "several", "no transcoding"],
)
def test_contexts(
    sources: list[str],
    preferred: str,
    *,
    is_transcoding: bool,
    proposed: list[tuple[str, ...]],
) -> None:
    kinds = [Kind(_CT, source) for source in sources]
    contexts = contexts_for(kinds, preferred, is_transcoding=is_transcoding)
    assert [context.transfer_syntaxes for context in contexts] == proposed


def test_no_more_contexts_than_there_may_be() -> None:
    kinds = [Kind(f"1.2.{n}", JPEG_2000_LOSSLESS) for n in range(100)]
    assert len(contexts_for([Kind(_MR, _EXPLICIT), *kinds], _EXPLICIT, is_transcoding=True)) == 128


@pytest.mark.parametrize(
    ("accepted", "preferred", "tried"),
    [
        ({_IMPLICIT, _EXPLICIT, _BIG}, _EXPLICIT, [_EXPLICIT, _IMPLICIT, _BIG]),
        ({_IMPLICIT, _BIG}, _EXPLICIT, [_IMPLICIT, _BIG]),
        ({JPEG_BASELINE, _BIG}, JPEG_BASELINE, [JPEG_BASELINE, _BIG]),
        ({JPEG_BASELINE}, _EXPLICIT, []),
    ],
    ids=["preferred first", "preferred refused", "lossy preferred", "nothing"],
)
def test_attempts(accepted: set[str], preferred: str, tried: list[str]) -> None:
    assert attempts(Kind(_CT, JPEG_2000_LOSSLESS), accepted, preferred) == tried
