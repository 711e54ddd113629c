"""Which SOP classes are accepted."""

from typing import Any

import pytest

from nephele.domain.sop_classes import (
    VERIFICATION,
    accepted_sop_classes,
    is_accepted_unknown,
    is_known_uid,
    storage_sop_classes,
)
from nephele.settings.configuration import Configuration

_CT = "1.2.840.10008.5.1.4.1.1.2"
_MR = "1.2.840.10008.5.1.4.1.1.4"
_PRIVATE = "1.2.826.0.1.3680043.2.99"


def options(**given: Any) -> Configuration:
    return Configuration.model_construct(**given)


def test_standard_storage_classes() -> None:
    classes = storage_sop_classes()
    assert len(classes) == len(set(classes)) > 190
    assert {_CT, _MR, "1.2.840.10008.5.1.4.1.1.5"} <= set(classes)


@pytest.mark.parametrize(
    "uid",
    [
        pytest.param(VERIFICATION, id="no storage"),
        pytest.param("1.2.840.10008.1.20.1", id="storage commitment"),
        pytest.param("1.2.840.10008.1.3.10", id="media storage directory"),
        pytest.param("1.2.840.10008.5.1.4.38.1", id="hanging protocol, of no patient"),
    ],
)
def test_is_no_storage_class_of_patients_objects(uid: str) -> None:
    assert is_known_uid(uid)
    assert uid not in storage_sop_classes()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"accepted_sop_classes": (_CT, _PRIVATE)}, (_CT, _PRIVATE), id="unchecked"),
        pytest.param(
            {"accepted_sop_classes": (_CT, f"{_CT}.*"), "rejected_sop_classes": (f"{_CT}.?",)},
            (_CT,),
            id="wildcards, then those rejected",
        ),
        pytest.param(
            {"accepted_sop_classes": (_CT, _MR), "reject_sop_classes": (_MR,)},
            (_CT,),
            id="the alias of RejectedSopClasses",
        ),
    ],
)
def test_accepted(given: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert accepted_sop_classes(options(**given)) == expected


def test_everything_is_accepted_by_default() -> None:
    assert accepted_sop_classes(options()) == storage_sop_classes()


@pytest.mark.parametrize(
    ("uid", "given", "expected"),
    [
        pytest.param(_PRIVATE, {"unknown_sop_class_accepted": True}, True, id="private"),
        pytest.param(_PRIVATE, {}, False, id="off by default"),
        pytest.param(_CT, {"unknown_sop_class_accepted": True}, False, id="known, rejected or not"),
        pytest.param(
            _PRIVATE,
            {"unknown_sop_class_accepted": True, "rejected_sop_classes": (_PRIVATE,)},
            False,
            id="rejected by name",
        ),
    ],
)
def test_unknown(uid: str, given: dict[str, Any], expected: bool) -> None:
    assert is_accepted_unknown(uid, options(**given)) is expected
