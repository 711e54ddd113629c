"""Jobs: what is known of a piece of work that outlives the request that asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Document = dict[str, Any]
"""A JSON object."""


class JobState(StrEnum):
    """Orthanc's states of a job."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESS = "Success"
    FAILURE = "Failure"
    PAUSED = "Paused"
    RETRY = "Retry"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing more happens by itself."""
        return self in (JobState.SUCCESS, JobState.FAILURE)


class Executor(StrEnum):
    """Who works on a job: a function, or the edge, which reaches the hospital's network."""

    FUNCTIONS = "functions"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it was last saved.

    Attributes
    ----------
    job_type : str
        Orthanc's type of the job, `DicomModalityStore` for instance.
    is_permissive : bool
        A step that fails is passed over.
    is_hidden : bool
        It is never listed: an answer that took longer than one call may.
    is_forgotten : bool
        It fell out of the history; only whoever waits for it may still read it.
    user_data : Any
        What the client wants to find with the job, None for nothing.
    created, completed : str
        UTC as `YYYYMMDDTHHMMSS.ffffff`; `completed` is "" until then.
    progress : float
        0 to 1.
    request : dict
        What is to be done, as submitted.
    position : dict
        Where it stands; known to its kind alone.
    content : dict
        Orthanc's `Content`.
    error : str
        Why it failed: the name of a class of `nephele.errors`, "" unless it did.
    error_details, error_payload
        What the error says besides.
    output, output_name : str
        Key of the object it made, and the name of the file for the client; "" for none.
    turn : int
        How many slices were begun and handed on; a message of an earlier turn is stale.
    """

    identifier: str
    job_type: str
    executor: Executor
    state: JobState = JobState.PENDING
    priority: int = 0
    is_permissive: bool = False
    is_hidden: bool = False
    is_forgotten: bool = False
    user_data: Any = None
    created: str = ""
    completed: str = ""
    runtime_seconds: float = 0.0
    progress: float = 0.0
    request: Document = field(default_factory=dict)
    position: Document = field(default_factory=dict)
    content: Document = field(default_factory=dict)
    error: str = ""
    error_details: str = ""
    error_payload: Document | None = None
    output: str = ""
    output_name: str = ""
    turn: int = 0
