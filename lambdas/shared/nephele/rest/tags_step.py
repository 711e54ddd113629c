"""Tags of many instances, as far as they are little and quickly read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from nephele.domain.dicom_json import Json
from nephele.domain.orthanc_id import OrthancId
from nephele.rest.styled_json import iter_styled


class TagsStep:
    """Some of many tags: one header may be as long as thousands of others are together.

    Attributes
    ----------
    last : OrthancId or None
        The instance that was read last.
    is_cut : bool
        What is behind that one was not read any more.
    """

    def __init__(
        self, tags: Iterable[tuple[OrthancId, Json]], characters: int, seconds: float
    ) -> None:
        self.last: OrthancId | None = None
        self.is_cut = False
        self._tags = tags
        self._left = characters
        self._end = time.monotonic() + seconds

    def __iter__(self) -> Iterator[tuple[OrthancId, Json]]:
        """Yield instances and their tags, until so many characters are written or it is late."""
        for orthanc_id, tags in self._tags:
            yield orthanc_id, tags
            self.last = orthanc_id
            if self._left <= 0 or time.monotonic() > self._end:
                self.is_cut = True
                return

    def styled(self) -> str:
        """Write what there is as an object in Orthanc's style."""
        texts = []
        for text in iter_styled(self):
            texts.append(text)
            self._left -= len(text)
        return "".join(texts)
