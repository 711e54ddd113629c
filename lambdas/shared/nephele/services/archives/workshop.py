"""Where workers make one archive together: what is done lies in the bucket, claims in the index.

Whoever does a step gets the same result, so that a worker may die, or two may do the same: a claim
saves work and decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from nephele.aws import keys
from nephele.aws.index import records
from nephele.services.archive import Archive
from nephele.services.archives.layout import Layout, read_layout
from nephele.services.hierarchy import in_parallel

Document = dict[str, Any]
_CLAIM_SECONDS = 20
_LAYOUT = "layout"


@dataclass(frozen=True, slots=True)
class Workshop:
    """The workshop of one job.

    Attributes
    ----------
    digest : str
        Of the archive's layout.
    name : str
        Of the job that makes it, and how often it began.
    is_shared : bool
        There are more workers than one.
    """

    archive: Archive
    digest: str
    name: str
    is_shared: bool

    def put_layout(self, layout: Layout) -> None:
        """Keep what is to be made."""
        self._put(_LAYOUT, layout.encoded())

    def layout(self) -> Layout:
        """Return what is to be made."""
        return read_layout(self.archive.bucket.read(self._key(_LAYOUT)))

    def done(self, stage: str) -> set[int]:
        """Return the steps of a stage that are done."""
        found = self.archive.bucket.iter_objects(self._key(f"{stage}/"))
        return {int(key.rpartition("/")[2]) for key, _ in found}

    def result(self, stage: str, number: int) -> Document:
        """Return the result of a step that is done."""
        document: Document = orjson.loads(self.archive.bucket.read(self._key(_step(stage, number))))
        return document

    def results(self, stage: str, numbers: Iterable[int]) -> dict[int, Document]:
        """Return the results of steps that are done."""
        wanted = list(numbers)
        found = in_parallel(lambda number: self.result(stage, number), wanted)
        return dict(zip(wanted, found, strict=True))

    def keep(self, stage: str, number: int, result: Document) -> None:
        """Keep the result of a step."""
        self._put(_step(stage, number), orjson.dumps(result))

    def work(
        self,
        stage: str,
        steps: Iterable[int],
        do: Callable[[int], object],
        has_time: Callable[[], bool],
        needs: Callable[[int], list[int]] = lambda _: [],
    ) -> bool:
        """Do the steps that nobody does; tell whether it came to their end in time.

        Parameters
        ----------
        do : callable
            Does a step; the result is kept when it returns, or soon after.
        needs : callable
            Returns the steps that have to be done before another.
        """
        done = self.done(stage)
        for number in steps:
            if number in done:
                continue
            if not done.issuperset(needs(number)):
                done |= self.done(stage)
                if not done.issuperset(needs(number)):
                    continue
            if not has_time():
                return False
            if self._claim(stage, number):
                do(number)
                done.add(number)
        return True

    def _claim(self, stage: str, number: int) -> bool:
        if not self.is_shared:
            return True
        claim = f"{self.name}/{_step(stage, number)}"
        return records.claim(self.archive.index.table, claim, _CLAIM_SECONDS)

    def _put(self, name: str, body: bytes) -> None:
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        self.archive.bucket.put(self._key(name), body, {}, digest)

    def _key(self, name: str) -> str:
        return keys.archive_work_key(self.digest, self.name, name)


def _step(stage: str, number: int) -> str:
    return f"{stage}/{number:06}"
