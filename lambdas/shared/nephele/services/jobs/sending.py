"""What jobs that send instances have in common: a plan, and how far they are in it."""

from __future__ import annotations

import time
from typing import Any

from nephele.aws.keys import job_key
from nephele.domain.orthanc_id import OrthancId
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.resolve import instances_of

_SAVED_EVERY_SECONDS = 1.0
_DONE = "Done"
_IN_ROW = "Instances"


class Plan:
    """Which instances a job sends: settled by its first slice, whatever comes or goes meanwhile.

    Parameters
    ----------
    most_in_row : int
        So many ids are kept in the job's row, more in an object.
    """

    def __init__(self, archive: Archive, piece: Slice, most_in_row: int = 0) -> None:
        self._archive = archive
        self._piece = piece
        self._most_in_row = most_in_row
        self._key = job_key(f"{piece.job.identifier}.plan")

    @property
    def is_settled(self) -> bool:
        """Tell whether a slice has settled it."""
        return _DONE in self._piece.position

    @property
    def is_sent(self) -> bool:
        """Tell whether nothing is left, even where the plan is forgotten already."""
        position = self._piece.position
        return self.is_settled and bool(position[_DONE] == self._piece.content["InstancesCount"])

    def instances(self, **beginning: Any) -> list[OrthancId]:
        """Return all that is to be sent, in order.

        Parameters
        ----------
        **beginning
            What the job's position has besides when the plan is settled.
        """
        position, bucket = self._piece.position, self._archive.bucket
        if self.is_settled:
            known = position[_IN_ROW] if _IN_ROW in position else bucket.read_json(self._key)
            return [OrthancId(one) for one in known]
        ids = instances_of(self._archive, self._piece.request["Resources"])
        if len(ids) <= self._most_in_row:
            position[_IN_ROW] = ids
        else:
            bucket.put_json(self._key, ids)
        position.update({_DONE: 0, **beginning})
        self._piece.content |= {"InstancesCount": len(ids), "FailedInstancesCount": 0}
        self._piece.checkpoint(0.0)
        return ids

    def forget(self) -> None:
        """Remove what is kept of it outside of the job's row, which says first how far it was."""
        if _IN_ROW not in self._piece.position:
            self._piece.checkpoint()
            self._archive.bucket.delete(self._key)


class Progress:
    """Saves where a job stands: each second, and after so many instances.

    Parameters
    ----------
    first : int, optional
        After how many it is saved first: what a client wants of a small job is seen then.
    """

    def __init__(self, piece: Slice, every: int, first: int | None = None) -> None:
        self._piece = piece
        self._every = every
        self._saved_at = time.monotonic()
        self._due: int = piece.position[_DONE] + (first or every)

    def advance(self, count: int) -> None:
        """Take note that one more instance of `count` is done with."""
        position = self._piece.position
        position[_DONE] += 1
        is_due = time.monotonic() - self._saved_at >= _SAVED_EVERY_SECONDS
        if is_due or position[_DONE] >= self._due:
            self._piece.checkpoint(position[_DONE] / count)
            self._saved_at, self._due = time.monotonic(), position[_DONE] + self._every

    def end(self, count: int) -> None:
        """Save where the slice ends."""
        self._piece.checkpoint(self._piece.position[_DONE] / max(count, 1))
