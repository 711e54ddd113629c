"""From the identifiers of a retrieve request to instances, in the order they are sent."""

from __future__ import annotations

import io

import pytest

from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.levels import Level
from nephele.domain.query_identifier import QUERY_RETRIEVE_LEVEL, Key, Keys
from nephele.errors import BadRequest, UnknownResource
from nephele.services.archive import Archive
from nephele.services.resolve import resolve
from nephele.services.store import store
from tests.unit.conftest import dicom_file, provenance

_ACCESSION = 0x00080050


def _keys(level: str, **values: str) -> Keys:
    numbers = {"accession": _ACCESSION} | {
        one.value.lower(): IDENTIFIERS[one].number for one in Level
    }
    keys = {QUERY_RETRIEVE_LEVEL: Key(QUERY_RETRIEVE_LEVEL, "CS", level)}
    return keys | {numbers[name]: Key(numbers[name], "LO", text) for name, text in values.items()}


def _uids(archive: Archive, keys: Keys) -> list[str]:
    ids = resolve(archive, keys)
    found = archive.index.resources(ids)
    return [found[one].main_tags["0008,0018"] for one in ids]


@pytest.fixture
def stocked(archive: Archive) -> Archive:
    for uid, number in (("1.1.1", "10"), ("1.1.2", "9"), ("1.1.3", ""), ("2.1.1", "1")):
        study, series = uid[0], uid[:3]
        file = dicom_file(
            PatientID=f"P{study}",
            AccessionNumber=f"A{study}",
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            SOPInstanceUID=uid,
            InstanceNumber=number,
        )
        store(archive, io.BytesIO(file), provenance())
    return archive


def test_resolving(stocked: Archive) -> None:
    by_index = ["1.1.2", "1.1.1", "1.1.3"]
    for keys, expected in (
        (_keys("PATIENT", patient="p1"), by_index),
        (_keys("STUDY", study="1"), by_index),
        (_keys("STUDY", study="2", accession="a1"), by_index),
        (_keys("STUDY", study="1", accession=""), by_index),
        (_keys("SERIES", series="1.1\\2.1\\9"), [*by_index, "2.1.1"]),
        (_keys("IMAGE", instance="2.1.1\\1.1.1\\2.1.1"), ["2.1.1", "1.1.1"]),
        (_keys("SERIES", series="1.1", study="2"), by_index),
        (_keys("", instance="2.1.1", study="1"), ["2.1.1"]),
        (_keys("", patient="P2"), ["2.1.1"]),
    ):
        assert _uids(stocked, keys) == expected


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        pytest.param(_keys("STUDY", study="9"), UnknownResource, id="unknown"),
        pytest.param(_keys("STUDY", study="*"), UnknownResource, id="a wildcard"),
        pytest.param(_keys("STUDY", patient="P1"), BadRequest, id="no identifier of the level"),
        pytest.param(_keys("STUDY", study=" \\ "), BadRequest, id="blanks"),
        pytest.param(_keys("FRAME", study="1"), BadRequest, id="no such level"),
        pytest.param({}, BadRequest, id="nothing"),
    ],
)
def test_what_names_nothing(stocked: Archive, keys: Keys, error: type[Exception]) -> None:
    with pytest.raises(error):
        resolve(stocked, keys)
