"""What a reception knows of a data set when its last fragment has come."""

from __future__ import annotations

import pytest

from dimse_edge import reception as module
from dimse_edge.command import parse_command
from dimse_edge.reception import Reception
from dimse_edge.store import inspect
from nephele.domain import digests
from nephele.domain.digests import digests_of
from tests.edge.data_sets import CT, ct, encode
from tests.edge.test_bad_input import C_STORE

EXPLICIT = "1.2.840.10008.1.2.1"
DATA_SET = encode(ct("1.2.3.4", pixels=4096))


@pytest.mark.parametrize("threshold", [0, 400, 1000, len(DATA_SET), 1 << 20])
@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize("memory", [100, 1 << 20], ids=["on disk", "in memory"])
def test_digests_are_those_of_the_file(
    monkeypatch: pytest.MonkeyPatch, threshold: int, step: int, memory: int
) -> None:
    """They are taken as it comes: from the beginning, whenever it turns out to be large."""
    monkeypatch.setattr(module, "DIGESTED_FROM_BYTES", threshold)
    monkeypatch.setattr(digests, "DIGESTED_FROM_BYTES", threshold)
    monkeypatch.setattr(module, "MEMORY_BYTES", memory)
    reception = Reception(parse_command(C_STORE), 1, EXPLICIT, None)
    for start in range(0, len(DATA_SET), step):
        reception.write(memoryview(DATA_SET)[start : start + step])
    file = reception.open()
    inspected = inspect(file, reception, "Latin1")
    assert inspected.sop_class_uid == CT
    assert reception.digests == digests_of(file, inspected)
    assert bool(reception.digests.data_set) is (reception.size_bytes > threshold)
    reception.close()
