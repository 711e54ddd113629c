"""The order of the slices of a series: by position in space, else by index."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nephele.errors import UnorderedSeries

_FLOAT_EPSILON = 2.0**-23
_NEARLY = 10 * _FLOAT_EPSILON

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Slice:
    """What an instance says of its place; texts are values of attributes, empty where absent.

    Attributes
    ----------
    name : str
        Whatever identifies it.
    index_in_series : str or None
        InstanceNumber, else ImageIndex.
    """

    name: str
    image_position_patient: str
    image_orientation_patient: str
    index_in_series: str | None


@dataclass(frozen=True, slots=True)
class SliceOrder:
    """Names of slices in order; `is_volume` where their positions in space decide."""

    names: tuple[str, ...]
    is_volume: bool


def order_slices(slices: Sequence[Slice], image_orientation_patient: str) -> SliceOrder:
    """Order the slices of a series.

    They are a volume when there are several, all have a position, none is inclined to the series,
    and no two lie in one plane; ascending along the normal then. See PS3.3 C.7.6.2.

    Parameters
    ----------
    image_orientation_patient : str
        Of the series (0020,0037).

    Raises
    ------
    UnorderedSeries
        Positions do not order them and one has no index.
    """
    distances = _distances(slices, image_orientation_patient)
    if distances is not None:
        names = sorted(distances, key=lambda name: distances[name])
        return SliceOrder(tuple(names), is_volume=True)
    if len(slices) == 1:
        return SliceOrder((slices[0].name,), is_volume=False)
    indexed = [(_index(one), position) for position, one in enumerate(slices)]
    return SliceOrder(tuple(slices[position].name for _, position in sorted(indexed)), False)


def _index(one: Slice) -> int:
    try:
        return int(one.index_in_series or "")
    except ValueError:
        raise UnorderedSeries("an instance has neither a position nor an index") from None


def _distances(slices: Sequence[Slice], orientation: str) -> dict[str, float] | None:
    """Return where slices lie along the normal, None where that is no order."""
    normal = _normal(orientation)
    if len(slices) < 2 or normal is None:
        return None
    distances: dict[str, float] = {}
    for one in slices:
        position = _vector(one.image_position_patient, 3)
        own = _normal(one.image_orientation_patient)
        if position is None or (own is not None and not _is_parallel(normal, own)):
            return None
        distances[one.name] = _product(normal, (position[0], position[1], position[2]))
    ordered = sorted(distances.values())
    gaps = (after - before for before, after in pairwise(ordered))
    return distances if min(gaps, default=sys.float_info.max) > _NEARLY else None


def _normal(orientation: str) -> Vector | None:
    """Return the cross product of the two cosines of ImageOrientationPatient."""
    cosines = _vector(orientation, 6)
    if cosines is None:
        return None
    ax, ay, az, bx, by, bz = cosines
    return (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def _vector(text: str, length: int) -> list[float] | None:
    try:
        numbers = [float(number) for number in text.split("\\")]
    except ValueError:
        return None
    is_finite = all(abs(number) <= sys.float_info.max for number in numbers)
    return numbers if len(numbers) == length and is_finite else None


def _product(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _is_parallel(one: Vector, other: Vector) -> bool:
    """Tell whether two unit vectors point the same or the opposite way."""
    return abs(abs(_product(one, other)) - 1) <= _NEARLY
