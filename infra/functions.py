"""The functions: one row each, read by every stack that needs a name, a size or a timeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nephele.settings import environment
from nephele.settings.environment import Environment

Requirements = Literal["core", "api", "transcode"]


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """What a function is made of.

    Attributes
    ----------
    name : str
        Folder under `lambdas/`, which holds `handler.py`.
    requirements : {"core", "api", "transcode"}
        Pinned requirements in the zip; all but `core` carry codecs.
    environment : type[Environment]
        Model the names of the environment variables are taken from.
    concurrency : int
        So many run at once at most, and so many always may: what else runs cannot starve it. At
        least what its queues may call at once.
    is_recursive : bool
        It sends messages to the queue it consumes; Lambda stops that after 16 unless told not to.
    """

    name: str
    description: str
    requirements: Requirements
    environment: type[Environment]
    timeout_seconds: int
    memory_mb: int = 1024
    temporary_storage_mb: int = 512
    concurrency: int = 2
    is_recursive: bool = False

    @property
    def visibility_seconds(self) -> int:
        """Visibility timeout of a queue this function consumes: six times its own timeout."""
        return 6 * self.timeout_seconds


AUTHORIZE = FunctionSpec(
    name="authorize",
    description="Checks the Basic login of a REST request",
    requirements="core",
    environment=environment.AuthorizeEnvironment,
    timeout_seconds=10,
    memory_mb=512,
    concurrency=50,
)
API = FunctionSpec(
    name="api",
    description="Answers Orthanc's REST API",
    requirements="api",
    environment=environment.ApiEnvironment,
    timeout_seconds=29,
    memory_mb=1769,
    concurrency=100,
)
TRANSCODE = FunctionSpec(
    name="transcode",
    description="Transcodes received objects, when the configuration asks for it",
    requirements="transcode",
    environment=environment.TranscodeEnvironment,
    timeout_seconds=900,
    memory_mb=1769,
    temporary_storage_mb=1024,
    concurrency=10,
)
INDEX = FunctionSpec(
    name="index",
    description="Reads headers of stored objects and commits them to the index",
    requirements="core",
    environment=environment.IndexEnvironment,
    timeout_seconds=60,
    concurrency=4,
)
METADATA = FunctionSpec(
    name="metadata",
    description="Numbers changes and keeps what is computed of series and studies",
    requirements="core",
    environment=environment.MetadataEnvironment,
    timeout_seconds=60,
    concurrency=20,
)
STABLE = FunctionSpec(
    name="stable",
    description="Reports resources that have not changed for StableAge",
    requirements="core",
    environment=environment.StableEnvironment,
    timeout_seconds=30,
    memory_mb=512,
    is_recursive=True,
)
JOBS = FunctionSpec(
    name="jobs",
    description="Runs slices of jobs",
    requirements="api",
    environment=environment.JobsEnvironment,
    timeout_seconds=900,
    memory_mb=1769,
    temporary_storage_mb=1024,
    concurrency=10,
    is_recursive=True,
)
PURGE = FunctionSpec(
    name="purge",
    description="Removes the objects of deleted instances",
    requirements="core",
    environment=environment.PurgeEnvironment,
    timeout_seconds=60,
    memory_mb=512,
)
RECYCLE = FunctionSpec(
    name="recycle",
    description="Removes the oldest patients where the archive is above its limits",
    requirements="core",
    environment=environment.RecycleEnvironment,
    timeout_seconds=600,
    is_recursive=True,
)
DEAD_LETTERS = FunctionSpec(
    name="dead_letters",
    description="Moves dead letters into the index, where they can be read and retried",
    requirements="core",
    environment=environment.DeadLettersEnvironment,
    timeout_seconds=60,
    memory_mb=512,
    concurrency=20,
)
RECONCILE = FunctionSpec(
    name="reconcile",
    description="Finds objects without index entries and sends them through ingest again",
    requirements="core",
    environment=environment.ReconcileEnvironment,
    timeout_seconds=840,
    concurrency=1,
)

FUNCTIONS = (
    AUTHORIZE,
    API,
    TRANSCODE,
    INDEX,
    METADATA,
    STABLE,
    JOBS,
    PURGE,
    RECYCLE,
    DEAD_LETTERS,
    RECONCILE,
)
