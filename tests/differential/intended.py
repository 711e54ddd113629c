"""One difference that is meant, as the tables of them list it."""

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
    nephele : str
        What Nephele has there, as Python writes it.
    """

    route: str
    path: str
    kind: Kind
    reason: str
    subject: str = ".*"
    nephele: str = ".*"

    def covers(self, difference: Difference) -> bool:
        """Tell whether a difference is this one."""
        told = (difference.route, difference.path, difference.subject, difference.nephele)
        return self.kind is difference.kind and all(
            pattern.fullmatch(text) for pattern, text in zip(self._patterns, told, strict=True)
        )

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        texts = (self.route, self.path, self.subject, self.nephele)
        return tuple(re.compile(text, re.DOTALL) for text in texts)
