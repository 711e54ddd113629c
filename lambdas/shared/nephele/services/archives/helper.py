"""Helpers of the job that makes a large archive: they do the steps of a stage that nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nephele.aws.index import jobs as rows
from nephele.errors import UnknownResource
from nephele.services.archive import Archive
from nephele.services.archives.layout import Layout
from nephele.services.archives.making import (
    MAKING,
    PACKING,
    Parts,
    contents_of,
    make_step,
    steps_before,
)
from nephele.services.archives.packer import Packer
from nephele.services.archives.workshop import Workshop
from nephele.services.derived import NotReady

if TYPE_CHECKING:
    from nephele.services.jobs.slices import Slice

_WAIT_SECONDS = 2


def run(archive: Archive, piece: Slice) -> bool:
    """Help, until nothing is left to claim; the job itself sees to what is not done then."""
    request = piece.request
    job = rows.job(archive.index.table, request["job"])
    if job is None or job.state.is_final:
        return True
    workshop = Workshop(archive, request["digest"], request["workshop"], is_shared=True)
    try:
        layout = workshop.layout()
        help_with = _make if request["stage"] == MAKING else _pack
        return help_with(piece, workshop, layout)
    except NotReady:
        piece.wait(_WAIT_SECONDS)
        return False
    except UnknownResource:  # the job is over, or has begun anew
        return True


def _make(piece: Slice, workshop: Workshop, layout: Layout) -> bool:
    steps = steps_before(layout)

    def make(number: int) -> None:
        workshop.keep(MAKING, number, make_step(workshop.archive, layout, steps[number]))
        piece.checkpoint()

    return workshop.work(MAKING, _from(piece, list(range(len(steps)))), make, piece.has_time)


def _pack(piece: Slice, workshop: Workshop, layout: Layout) -> bool:
    count = len(steps_before(layout))
    results = workshop.results(MAKING, range(count))
    contents = contents_of(layout, [results[number] for number in range(count)])
    request = piece.request

    with (
        Packer(workshop.archive, layout, contents) as packer,
        Parts(workshop, request["key"], request["upload"]) as parts,
    ):

        def pack(number: int) -> None:
            parts.step(packer, number)
            piece.checkpoint()

        order = _from(piece, packer.order())
        is_over = workshop.work(PACKING, order, pack, piece.has_time, packer.needs)
        parts.finish()
        return is_over


def _from(piece: Slice, steps: list[int]) -> list[int]:
    """Return steps in their order, another worker's first ones last."""
    first = piece.request["first"]
    return [*steps[first:], *steps[:first]]
