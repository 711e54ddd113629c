"""Grayscale: from stored values to shades. See PS3.3 C.11.1 and C.11.2."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nephele.domain.rendering.lookup_tables import LookupTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

FULL_SCALE = 255
_SMALLEST_WIDTH = 1e-30


class VoiFunction(StrEnum):
    """How a window is applied: VOI LUT Function (0028,1056). See PS3.3 C.11.2.1.2 and 1.3."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """A range of values and the function that spreads it over the shades."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR

    def shades(self, values: Samples) -> Samples:
        """Return shades from 0 to 255, not rounded, of values in float64."""
        import numpy as np

        if self.function is VoiFunction.SIGMOID:
            exponent = -4 * (values - self.center) / max(self.width, _SMALLEST_WIDTH)
            return FULL_SCALE / (1 + np.exp(np.clip(exponent, -700, 700)))
        if self.function is VoiFunction.LINEAR_EXACT:
            width = max(self.width, _SMALLEST_WIDTH)
            shades = FULL_SCALE * (values - self.center + width / 2) / width
        elif self.width > 1:
            width = self.width - 1
            shades = FULL_SCALE * ((values - (self.center - 0.5)) / width + 0.5)
        else:
            shades = np.where(values > self.center - 0.5, float(FULL_SCALE), 0.0)
        return np.clip(shades, 0, FULL_SCALE)


@dataclass(frozen=True, slots=True)
class VoiTable:
    """A VOI LUT: its entries are spread over the shades."""

    table: LookupTable

    def shades(self, values: Samples) -> Samples:
        """Return shades from 0 to 255, not rounded, of values in float64."""
        import numpy as np

        entries = self.table.look_up(values).astype(np.float64)
        return np.clip(FULL_SCALE * entries / ((1 << self.table.bits) - 1), 0, FULL_SCALE)


@dataclass(frozen=True, slots=True)
class Modality:
    """From stored values to those of the modality: by a table, else by slope and intercept."""

    slope: float = 1.0
    intercept: float = 0.0
    table: LookupTable | None = None

    def values(self, stored: Samples) -> Samples:
        """Return the modality's values, float64, of stored ones."""
        import numpy as np

        if self.table is not None:
            return self.table.look_up(stored).astype(np.float64)
        return stored.astype(np.float64, copy=False) * self.slope + self.intercept
