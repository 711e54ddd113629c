"""The table of metadata."""

import pytest

from nephele.domain.metadata import Metadata, is_user_metadata, metadata_named


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("IndexInSeries", 1),
        ("RemoteAET", 3),
        ("ExpectedNumberOfInstances", 4),
        ("SopClassUid", 10),
        ("RemoteIP", 11),
        ("CalledAET", 12),
        ("HttpUsername", 13),
        ("MainDicomTagsSignature", 15),
        ("PixelDataVR", 17),
        ("PatientRecyclingOrder", 19),
    ],
)
def test_names_and_numbers(name: str, number: int) -> None:
    assert metadata_named(name) == metadata_named(str(number)) == number
    assert Metadata(number).label == name


@pytest.mark.parametrize("name", ["indexinseries", "", "0", "20", "1024", "²"])
def test_no_core_metadata(name: str) -> None:
    assert metadata_named(name) is None


def test_user_metadata() -> None:
    assert [is_user_metadata(number) for number in (1023, 1024, 65535, 65536)] == [
        False,
        True,
        True,
        False,
    ]
