"""`MaximumStorageMode` Reject, with many writers at once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from nephele.aws import clock
from nephele.aws.index import Index
from nephele.aws.index.capacity import list_reservations, put_reservation
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.resources import Totals
from nephele.errors import StorageFull
from nephele.services.archive import Archive
from nephele.services.store import store
from tests.unit.keeping.conftest import MIB, assert_counters_match, configured
from tests.unit.keeping.files import small_file
from tests.unit.keeping.test_keeping import patient_id, patients, put

WRITERS = 8
PATIENTS = 5
FILE_BYTES = 100_000


def _files() -> Iterator[tuple[int, bytes]]:
    """Yield files of more patients, and of more bytes, than there is room for; with patients."""
    for patient in range(2 * WRITERS):
        for number in (1, 2):
            yield patient, small_file(patient, number=number, size_bytes=FILE_BYTES)


@pytest.mark.parametrize(
    "limit", [{"MaximumPatientCount": PATIENTS}, {"MaximumStorageSize": 1}], ids=["count", "size"]
)
def test_what_is_acknowledged_is_indexed_and_fits(kept: Archive, limit: dict[str, int]) -> None:
    limited = configured(kept, MaximumStorageMode="Reject", **limit)

    def is_stored(patient: int, file: bytes) -> OrthancId | None:
        try:
            provenance = Provenance(Origin.REST_API, clock.now())
            store(limited, io.BytesIO(file), provenance)
        except StorageFull:
            return None
        totals = limited.index.totals()
        assert totals.patients <= limit.get("MaximumPatientCount", totals.patients)
        assert totals.disk_bytes <= limit.get("MaximumStorageSize", totals.disk_bytes) * MIB
        return patient_id(patient)

    files = list(_files())
    with ThreadPoolExecutor(WRITERS) as pool:
        answers = list(pool.map(lambda one: is_stored(*one), files))
    acknowledged = [one for one in answers if one is not None]
    assert patients(limited) == set(acknowledged)
    assert limited.index.totals().instances == len(acknowledged)
    assert list_reservations(limited.index.table) == []
    assert_counters_match(limited)
    answers = [is_stored(*one) for one in files]  # one after the other, until it is full
    fits = PATIENTS * 2 if "MaximumPatientCount" in limit else MIB // (FILE_BYTES + 1_000)
    assert limited.index.totals().instances == fits


@dataclass(frozen=True)
class _Meanwhile(Index):
    """An index where something happens right after the counters were read, once."""

    happens: list[Callable[[], object]]

    def totals(self) -> Totals:
        found = super().totals()
        if self.happens:
            self.happens.pop()()
        return found


def test_a_patient_that_comes_while_room_is_counted(kept: Archive) -> None:
    """A promise for it is seen, then the counters without it, then it itself."""
    limited = configured(kept, MaximumStorageMode="Reject", MaximumPatientCount=2)
    put(limited, 1)
    put_reservation(limited.index.table, "of-the-second", patient_id(2), 1)
    happens: list[Callable[[], object]] = [lambda: put(kept, 2)]
    late = replace(limited, index=_Meanwhile(limited.index.table, happens))
    with pytest.raises(StorageFull):
        put(late, 3)
    assert patients(limited) == {patient_id(1), patient_id(2)}
