"""The order of slices: in space where they are a volume, else by index."""

from __future__ import annotations

import pytest

from nephele.domain.slice_order import Slice, order_slices
from nephele.errors import UnorderedSeries

AXIAL = r"1\0\0\0\1\0"
FLIPPED = r"1\0\0\0\-1\0"
SAGITTAL = r"0\1\0\0\0\-1"


def _slices(*places: tuple[str, str, str | None]) -> list[Slice]:
    return [Slice(f"s{number}", *place) for number, place in enumerate(places)]


@pytest.mark.parametrize(
    ("places", "series", "names"),
    [
        pytest.param(
            [(r"0\0\5", AXIAL, "1"), (r"0\0\-5", AXIAL, "2")],
            AXIAL,
            "s1 s0",
            id="against the index",
        ),
        pytest.param(
            [(r"0\0\5", AXIAL, None), (r"9\9\4", AXIAL, None)], AXIAL, "s1 s0", id="no index"
        ),
        pytest.param(
            [(r"0\0\5", FLIPPED, "1"), (r"0\0\4", AXIAL, "2")], AXIAL, "s1 s0", id="opposite normal"
        ),
        pytest.param(
            [(r"0\0\5", "", "1"), (r"0\0\4", "", "2")], AXIAL, "s1 s0", id="no own orientation"
        ),
        pytest.param(
            [(r"3\0\0", SAGITTAL, "1"), (r"1\0\0", SAGITTAL, "2")], SAGITTAL, "s0 s1", id="sagittal"
        ),
        pytest.param(
            [(r"0\0\5", AXIAL, "1"), (r"0\0\5.00001", AXIAL, "2")], AXIAL, "s0 s1", id="close"
        ),
    ],
)
def test_volumes(places: list[tuple[str, str, str | None]], series: str, names: str) -> None:
    order = order_slices(_slices(*places), series)
    assert order.is_volume
    assert list(order.names) == names.split()


@pytest.mark.parametrize(
    ("second", "series"),
    [
        pytest.param((r"0\0\4", SAGITTAL, "1"), AXIAL, id="an inclined slice"),
        pytest.param((r"0\9\5", AXIAL, "1"), AXIAL, id="two slices in a plane"),
        pytest.param((r"0\0", AXIAL, "1"), AXIAL, id="half a position"),
        pytest.param((r"0\0\x", AXIAL, "1"), AXIAL, id="a position of no numbers"),
        pytest.param((r"0\0\nan", AXIAL, "1"), AXIAL, id="a position that is not a number"),
        pytest.param((r"0\0\1e999", AXIAL, "1"), AXIAL, id="a position out of this world"),
        pytest.param(("", AXIAL, "1"), AXIAL, id="no position"),
        pytest.param((r"0\0\4", AXIAL, "1"), "", id="no orientation of the series"),
    ],
)
def test_sequences(second: tuple[str, str, str | None], series: str) -> None:
    order = order_slices(_slices((r"0\0\5", AXIAL, "10"), second), series)
    assert not order.is_volume
    assert order.names == ("s1", "s0")


def test_one_slice_needs_no_order() -> None:
    assert order_slices(_slices(("", "", None)), "").names == ("s0",)


def test_equal_indexes_keep_their_order() -> None:
    order = order_slices(_slices(("", "", "3"), ("", "", "1"), ("", "", "3")), "")
    assert order.names == ("s1", "s0", "s2")


@pytest.mark.parametrize("index", [None, "", "one", "1.5"])
def test_no_order_at_all(index: str | None) -> None:
    with pytest.raises(UnorderedSeries):
        order_slices(_slices(("", "", "1"), ("", "", index)), "")
