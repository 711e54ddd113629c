"""The one table of intended differences between Nephele and Orthanc 1.10.1, with reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.differential.differ import Difference, Kind


@dataclass(frozen=True)
class Intended:
    """A difference that is meant; patterns are regular expressions that match the whole text.

    Attributes
    ----------
    route : str
        Method and path template.
    path : str
        Where in the answer: see `Difference.path`.
    subject : str
        Which requests or files.
    """

    route: str
    path: str
    kind: Kind
    reason: str
    subject: str = ".*"

    def covers(self, difference: Difference) -> bool:
        """Tell whether a difference is this one."""
        return self.kind is difference.kind and all(
            pattern.fullmatch(value)
            for pattern, value in zip(
                self._patterns,
                (difference.route, difference.path, difference.subject),
                strict=True,
            )
        )

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(text, re.DOTALL) for text in (self.route, self.path, self.subject))


INTENDED: tuple[Intended, ...] = ()
