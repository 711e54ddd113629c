"""What a C-GET proposes, and how its associations make up one answer."""

from __future__ import annotations

import pytest

from dimse_edge.negotiation import MOST_CONTEXTS
from dimse_edge.scu.proposals import proposals
from dimse_edge.scu.retrieved import Retrieved
from nephele.domain.sop_classes import STUDY_ROOT_GET, storage_sop_classes
from nephele.settings.configuration import parse_configuration

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_COMMON = {
    "computed tomography": "2",
    "magnetic resonance": "4",
    "computed radiography": "1",
    "digital radiography": "1.1",
    "mammography": "1.2",
    "tomosynthesis": "13.1.3",
    "ultrasound": "6.1",
    "ultrasound clips": "3.1",
    "angiography": "12.1",
    "fluoroscopy": "12.2",
    "nuclear medicine": "20",
    "positron emission": "128",
    "secondary capture": "7",
    "structured report": "88.33",
    "dose report": "88.67",
    "key objects": "88.59",
    "document": "104.1",
    "presentation state": "11.1",
    "RT dose": "481.2",
    "RT structures": "481.3",
    "RT plan": "481.5",
    "RT ion plan": "481.8",
    "segmentation": "66.4",
    "enhanced CT": "2.1",
    "ECG": "9.1.1",
    "whole slide": "77.1.6",
    "OCT": "77.1.5.4",
}
_RARE = _STORAGE + "601.2"


def _classes(options: str = "{}", expected: tuple[str, ...] = ()) -> list[list[str]]:
    found = proposals(parse_configuration(options), STUDY_ROOT_GET, expected)
    for proposal in found:
        asked = [context.abstract_syntax for context in proposal.contexts]
        assert asked[0] == STUDY_ROOT_GET
        assert len(asked) <= MOST_CONTEXTS
        assert dict(proposal.roles) == dict.fromkeys(asked[1:], (False, True))
    return [[one.abstract_syntax for one in proposal.contexts[1:]] for proposal in found]


@pytest.mark.parametrize("suffix", _COMMON.values(), ids=_COMMON)
def test_common_classes_are_proposed_at_once(suffix: str) -> None:
    assert _STORAGE + suffix in _classes()[0]


def test_every_class_is_proposed_once() -> None:
    proposed = [uid for classes in _classes() for uid in classes]
    assert sorted(proposed) == sorted(storage_sop_classes())


def test_expected_classes_come_first() -> None:
    assert _RARE not in _classes()[0]
    assert _classes(expected=(_RARE, "1.2.3"))[0][0] == _RARE
    assert "1.2.3" not in _classes(expected=("1.2.3",))[0]
    unknown = '{"UnknownSopClassAccepted": true}'
    assert _classes(unknown, expected=("1.2.3",))[0][0] == "1.2.3"


def test_only_accepted_classes_are_proposed() -> None:
    only = _STORAGE + "481.2"
    assert _classes(f'{{"AcceptedSopClasses": ["{only}"]}}', expected=(_RARE,)) == [[only]]


def test_who_accepts_nothing_proposes_no_storage() -> None:
    assert _classes('{"RejectedSopClasses": ["*"]}') == [[]]


@pytest.mark.parametrize(
    ("first", "second", "status", "failed"),
    [
        pytest.param((2, 1), (1, 2), 0, 0, id="the rest has come"),
        pytest.param((2, 2), (1, 3), 0xB000, 1, id="one is left"),
        pytest.param((0, 1), (1, 1), 0xB000, 0, id="the peer stopped at the first failure"),
    ],
)
def test_two_associations_make_up_one_answer(
    first: tuple[int, int], second: tuple[int, int], status: int, failed: int
) -> None:
    one, other = (
        Retrieved(0xB000, "some failed", [f"{name}{n}" for n in range(done)], done, left)
        for name, (done, left) in (("a", first), ("b", second))
    )
    whole = one.completed_by(other)
    assert (whole.status, whole.failed) == (status, failed)
    assert whole.received == [*one.received, *other.received]
