"""Making an archive: what has to be made first, then its segments, then its end."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from nephele.errors import Unavailable
from nephele.services.archive import Archive
from nephele.services.archives.contents import Content, content_of, is_made_first, make_contents
from nephele.services.archives.layout import Layout
from nephele.services.archives.packer import Made, Packer
from nephele.services.archives.workshop import Workshop

MAKING, PACKING = "making", "packing"
_FILES_A_STEP = 16
_BYTES_A_STEP = 16 << 20
"""Little enough that a step is done within a call."""


def steps_before(layout: Layout) -> list[list[int]]:
    """Return the instances whose objects are made before the segments, by steps."""
    target = layout.request.transcode
    steps: list[list[int]] = []
    size_bytes = 0
    for number, leaf in enumerate(layout.leaves):
        if not is_made_first(leaf, target):
            continue
        size_bytes += leaf.size_bytes
        if not steps or size_bytes > _BYTES_A_STEP or len(steps[-1]) == _FILES_A_STEP:
            steps.append([])
            size_bytes = leaf.size_bytes
        steps[-1].append(number)
    return steps


def make_step(archive: Archive, layout: Layout, wanted: list[int]) -> dict[str, Any]:
    """Make the objects that stand for some instances.

    Raises
    ------
    NotReady
        The transcode function is at a large one: trying again will work.
    """
    contents = make_contents(archive, layout, [layout.leaves[n] for n in wanted])
    rows = [asdict(content) for content in contents]
    return {"contents": [[n, row] for n, row in zip(wanted, rows, strict=True)]}


def contents_of(layout: Layout, results: Sequence[dict[str, Any]]) -> list[Content]:
    """Return what stands for each instance, after all was made that comes first."""
    made = {n: Content(**row) for result in results for n, row in result["contents"]}
    target = layout.request.transcode
    return [
        made[n] if n in made else content_of(leaf, target) for n, leaf in enumerate(layout.leaves)
    ]


def make_at_once(archive: Archive, layout: Layout) -> bytes:
    """Return a small archive: the very bytes that a job would make of it."""
    results = [make_step(archive, layout, step) for step in steps_before(layout)]
    with Packer(archive, layout, contents_of(layout, results)) as packer:
        parts: dict[int, bytes] = {}
        made: dict[int, Made] = {}
        for number in packer.order():
            parts[number], made[number] = packer.pack(number, made)
        return b"".join((*(parts[number] for number in sorted(parts)), packer.pack_end(made)))


class Parts:
    """Writes segments as parts of one upload, each while the next is made; a context manager."""

    def __init__(self, workshop: Workshop, key: str, upload_id: str) -> None:
        self._workshop = workshop
        self._upload = workshop.archive.bucket.upload(key, upload_id)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="parts")
        self._writing: Future[None] | None = None
        self.made: dict[int, Made] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def step(self, packer: Packer, number: int) -> None:
        """Make a segment, and begin to write it when the one before is written."""
        lacking = [one for one in packer.needs(number) if one not in self.made]
        self.load(lacking)
        body, made = packer.pack(number, self.made)
        self.made[number] = made
        self.finish()
        self._writing = self._pool.submit(self._write, number, body, made)

    def finish(self) -> None:
        """Return when all is written."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def load(self, numbers: Sequence[int]) -> None:
        """Read what others made."""
        found = self._workshop.results(PACKING, numbers)
        self.made |= {number: Made.from_document(one) for number, one in found.items()}

    def complete(self, packer: Packer) -> None:
        """Write the end, and make an object of all parts."""
        self.finish()
        last = len(packer.segments) - 1
        self.load([number for number in range(last) if number not in self.made])
        self._upload.put(last + 1, packer.pack_end(self.made))
        etags = self._upload.etags()
        if sorted(etags) != list(range(1, last + 2)):
            raise Unavailable("upload: S3 does not have all parts")
        self._upload.complete_own([etags[number] for number in sorted(etags)])

    def _write(self, number: int, body: bytes, made: Made) -> None:
        self._upload.put(number + 1, body)
        self._workshop.keep(PACKING, number, made.to_document())
