"""A slice: as much of a job as one worker does in one go."""

from __future__ import annotations

from collections.abc import Callable

from nephele.aws.index import job_leases as leases
from nephele.aws.index.table import Table
from nephele.domain.jobs import Document, Job


class Stopped(Exception):
    """The job was cancelled or paused, or another worker has it: let go of it at once."""


class Slice:
    """What a kind is given to work with.

    Attributes
    ----------
    job : Job
        The job as it was when the slice began.
    request : dict
        What is to be done, as submitted.
    position : dict
        Where the job stands; the kind changes it as it likes, a checkpoint keeps it.
    content : dict
        Orthanc's `Content`, kept likewise.
    is_permissive : bool
        A step that fails is passed over.
    """

    def __init__(self, table: Table, lease: leases.Lease, has_time: Callable[[], bool]) -> None:
        self.job: Job = lease.job
        self.request: Document = self.job.request
        self.position: Document = dict(self.job.position)
        self.content: Document = dict(self.job.content)
        self.is_permissive = self.job.is_permissive
        self.progress = self.job.progress
        self.output = (self.job.output, self.job.output_name)
        self.pause_seconds = 0
        self._table = table
        self._lease = lease
        self._has_time = has_time

    def has_time(self) -> bool:
        """Tell whether another step may begin in this slice; no means: return False soon."""
        return self._lease.is_undisturbed and self._has_time()

    def checkpoint(self, progress: float | None = None) -> None:
        """Save position, content and progress (0 to 1), so that nothing up to here is done again.

        Raises
        ------
        Stopped
            The job was cancelled or paused, or another worker has it.
        """
        if progress is not None:
            self.progress = min(max(progress, 0.0), 1.0)
        if not leases.save(self._table, self._lease, self.state()):
            raise Stopped

    def set_output(self, key: str, name: str) -> None:
        """Give the job an object as its output, and the name of the file for the client."""
        self.output = (key, name)

    def wait(self, seconds: int) -> None:
        """Let the next slice begin only after a while, when this one ends with more to do."""
        self.pause_seconds = seconds

    def state(self) -> leases.Standing:
        """Return what a checkpoint saves."""
        return leases.Standing(self.position, self.content, self.progress, *self.output)
