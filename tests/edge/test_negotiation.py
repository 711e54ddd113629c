"""Presentation contexts (dicom.md 1.2, 1.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)
from pynetdicom import build_role

from dimse_edge.negotiation import acceptance
from nephele.settings.configuration import parse_configuration
from tests.edge.conftest import Edge, StartEdge
from tests.edge.data_sets import CT, VERIFICATION, associate

MR = "1.2.840.10008.5.1.4.1.1.4"
PRIVATE = "1.2.826.0.1.3680043.9.9999.1"
WORKLIST = "1.2.840.10008.5.1.4.31"

CASES: list[Any] = [
    pytest.param({}, CT, [RLELossless, ImplicitVRLittleEndian], (0, RLELossless), id="first"),
    pytest.param(
        {"RleTransferSyntaxAccepted": False},
        CT,
        [RLELossless, ImplicitVRLittleEndian],
        (0, ImplicitVRLittleEndian),
        id="first accepted",
    ),
    pytest.param(
        {"Jpeg2000TransferSyntaxAccepted": False}, CT, [JPEG2000Lossless], (4, None), id="none"
    ),
    pytest.param(
        {"AcceptedTransferSyntaxes": "1.2.840.10008.1.2.4.5*"},
        CT,
        [ExplicitVRLittleEndian, JPEGBaseline8Bit],
        (0, JPEGBaseline8Bit),
        id="wildcard",
    ),
    pytest.param({}, CT, [MPEG2MPML], (0, MPEG2MPML), id="video"),
    pytest.param(
        {}, CT, [DeflatedExplicitVRLittleEndian], (0, DeflatedExplicitVRLittleEndian), id="deflated"
    ),
    pytest.param(
        {},
        VERIFICATION,
        [ImplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian],
        (0, ExplicitVRLittleEndian),
        id="verification in the server's order",
    ),
    pytest.param({}, VERIFICATION, [RLELossless], (4, None), id="verification compressed"),
    pytest.param({}, WORKLIST, [ExplicitVRLittleEndian], (3, None), id="not served"),
    pytest.param({}, PRIVATE, [ExplicitVRLittleEndian], (3, None), id="private"),
    pytest.param(
        {"UnknownSopClassAccepted": True},
        PRIVATE,
        [ImplicitVRLittleEndian, ExplicitVRLittleEndian],
        (0, ExplicitVRLittleEndian),
        id="private accepted, explicit preferred",
    ),
    pytest.param(
        {"UnknownSopClassAccepted": True}, WORKLIST, [ExplicitVRLittleEndian], (3, None), id="known"
    ),
    pytest.param(
        {"RejectedSopClasses": CT, "UnknownSopClassAccepted": True},
        CT,
        [ExplicitVRLittleEndian],
        (3, None),
        id="rejected stays rejected",
    ),
    pytest.param({"AcceptedSopClasses": MR}, CT, [ExplicitVRLittleEndian], (3, None), id="listed"),
    pytest.param({}, CT, [], (4, None), id="nothing proposed"),
]


@pytest.mark.parametrize(("options", "abstract_syntax", "proposed", "expected"), CASES)
def test_result(
    options: dict[str, Any],
    abstract_syntax: str,
    proposed: list[UID],
    expected: tuple[int, str | None],
) -> None:
    rules = acceptance(parse_configuration(json.dumps(options)))
    assert rules.result(abstract_syntax, [str(uid) for uid in proposed]) == expected


def test_contexts_are_answered(start_edge: StartEdge) -> None:
    edge = start_edge({"UnknownSopClassAccepted": True})
    classes = {
        CT: [JPEG2000Lossless, ExplicitVRLittleEndian],
        PRIVATE: [ImplicitVRLittleEndian],
        WORKLIST: [ExplicitVRLittleEndian],
    }
    association = associate(edge.port, classes)
    accepted = {
        str(context.abstract_syntax): context.transfer_syntax
        for context in association.accepted_contexts
    }
    association.release()
    assert accepted == {CT: [JPEG2000Lossless], PRIVATE: [ImplicitVRLittleEndian]}
    assert [context.result for context in association.rejected_contexts] == [3]


def test_nothing_accepted_is_still_an_association(shared_edge: Edge) -> None:
    association = associate(shared_edge.port, {WORKLIST: [ExplicitVRLittleEndian]})
    assert not association.is_rejected
    answer = association.acceptor.primitive
    assert answer is not None
    assert answer.result == 0


def test_roles_are_granted_as_proposed(shared_edge: Edge) -> None:
    role = build_role(CT, scu_role=True, scp_role=True)
    association = associate(shared_edge.port, ext_neg=[role])
    (context,) = association.accepted_contexts
    association.release()
    assert (context.as_scu, context.as_scp) == (True, True)


def test_maximum_pdu_length_is_told(start_edge: StartEdge) -> None:
    edge = start_edge({"MaximumPduLength": 65536})
    association = associate(edge.port)
    assert association.acceptor.maximum_length == 65536
    association.release()
