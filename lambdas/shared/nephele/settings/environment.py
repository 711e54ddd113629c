"""The environment of each function and of the edge, as typed models.

The stacks take the names of the variables from these classes, so neither side can drift.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from nephele.settings.configuration import Configuration, parse_configuration

PREFIX = "NEPHELE_"


def function_memory_bytes() -> int | None:
    """Return the memory that Lambda gives the process, None where it is no function."""
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return None if megabytes is None else int(megabytes) << 20


class Environment(BaseSettings):
    """What every process needs to know.

    `configuration` is Orthanc's configuration as JSON, or a path relative to the function's code
    (Lambda allows 4 KB of environment, so functions carry it as a file).
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, defer_build=True)

    configuration: str

    def load_configuration(self) -> Configuration:
        """Parse the configuration; ConfigurationError names a wrong option."""
        if self.configuration.lstrip().startswith("{"):
            return parse_configuration(self.configuration)
        path = Path(os.environ.get("LAMBDA_TASK_ROOT", "."), self.configuration)
        return parse_configuration(path.read_text(encoding="utf-8"))

    @classmethod
    def variable_names(cls) -> frozenset[str]:
        """Return the names of the environment variables this process reads."""
        return frozenset(PREFIX + name.upper() for name in cls.model_fields)


class AuthorizeEnvironment(Environment):
    """The authorizer: it reads users and touches no image."""

    users_secret: str


class ArchiveEnvironment(Environment):
    """Processes that work on the archive: names of the bucket and the table."""

    bucket: str
    table: str


class IndexEnvironment(ArchiveEnvironment):
    """The index function."""


class TranscodeEnvironment(ArchiveEnvironment):
    """The transcode function."""


class JobsEnvironment(ArchiveEnvironment):
    """The jobs function; the queues' URLs are for what its jobs start."""

    transcode_queue: str
    jobs_queue: str
    edge_jobs_queue: str
    peers_secret: str


class PurgeEnvironment(ArchiveEnvironment):
    """The purge function, which removes the objects of deleted instances."""


class DeadLettersEnvironment(ArchiveEnvironment):
    """The dead_letters function."""


class StableEnvironment(ArchiveEnvironment):
    """The stable function; the queue's URL is for waits longer than one SQS delay."""

    stable_queue: str


class MetadataEnvironment(ArchiveEnvironment):
    """The metadata function, the stream's consumer; the bus is named."""

    stable_queue: str
    purge_queue: str
    recycle_queue: str
    jobs_queue: str
    edge_jobs_queue: str
    event_bus: str


class RecycleEnvironment(ArchiveEnvironment):
    """The recycle function; the queue's URL is for what one call leaves to the next."""

    recycle_queue: str


class ReconcileEnvironment(ArchiveEnvironment):
    """The reconcile function, which sends lost objects through ingest again."""

    recycle_queue: str
    index_queue: str
    transcode_queue: str
    purge_queue: str
    jobs_queue: str
    edge_jobs_queue: str


class ApiEnvironment(ArchiveEnvironment):
    """The REST API; the queues' URLs are for retries of dead letters.

    Attributes
    ----------
    blob_key_id, blob_key_name, blob_keys_secret : str
        The key that signs `/blobs/…` for CloudFront: its name there, ours, and the secret that
        holds it. Empty where there is no CloudFront: then S3 checks its own signature.
    viewer_header : str
        Header in which CloudFront tells who asks; empty without CloudFront.
    """

    index_queue: str
    transcode_queue: str
    stable_queue: str
    purge_queue: str
    jobs_queue: str
    edge_jobs_queue: str
    peers_secret: str

    blob_key_id: str = ""
    blob_key_name: str = ""
    blob_keys_secret: str = ""
    viewer_header: str = ""


class EdgeEnvironment(ArchiveEnvironment):
    """The DIMSE edge.

    Attributes
    ----------
    bind_address : str
        Address the DICOM port is bound to.
    worker_processes : int
        Processes that share the DICOM port; 0 takes one for each core.
    temporary_directory : str
        Where data sets are kept while they are received; "" takes the system's.
    executor_threads : int
        Jobs that are worked on at a time; 0 leaves them to other tasks.
    drain_seconds : float
        How long associations may finish after SIGTERM (Fargate kills after 120 s at most).
    side_port : int
        Where a load balancer asks whether connections may come; 0 has none.
    """

    jobs_queue: str
    edge_jobs_queue: str
    peers_secret: str

    bind_address: str = "0.0.0.0"  # noqa: S104  a container's own network interface
    worker_processes: int = 0
    temporary_directory: str = ""
    executor_threads: int = 16
    drain_seconds: float = 100.0
    side_port: int = 0
