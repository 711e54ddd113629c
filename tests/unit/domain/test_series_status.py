"""Completeness of series."""

import pytest

from nephele.domain.series_status import SeriesStatus, series_status


@pytest.mark.parametrize(
    ("expected_number", "indexes", "status"),
    [
        pytest.param(None, ["1", "2"], SeriesStatus.UNKNOWN, id="nothing expected"),
        pytest.param(3, ["1", "x"], SeriesStatus.UNKNOWN, id="an index that is no number"),
        pytest.param(3, ["1", None], SeriesStatus.MISSING, id="no index"),
        pytest.param(3, ["1", "3"], SeriesStatus.MISSING, id="one missing"),
        pytest.param(3, ["3", "1", "2"], SeriesStatus.COMPLETE, id="all, in any order"),
        pytest.param(3, ["1", "2", "4"], SeriesStatus.INCONSISTENT, id="one too high"),
        pytest.param(3, ["0", "1", "2"], SeriesStatus.INCONSISTENT, id="they begin with 1"),
        pytest.param(3, ["1", "1", "2"], SeriesStatus.INCONSISTENT, id="one twice"),
    ],
)
def test_status(
    expected_number: int | None, indexes: list[str | None], status: SeriesStatus
) -> None:
    assert series_status(expected_number, indexes) is status
