"""The open archive: what every verb works on."""

from __future__ import annotations

from dataclasses import dataclass, field

from nephele.aws.bucket import Bucket
from nephele.aws.index import Index
from nephele.aws.index.table import Table
from nephele.aws.queues import Queue
from nephele.errors import ConfigurationError
from nephele.settings.configuration import Configuration
from nephele.settings.environment import ArchiveEnvironment


@dataclass(frozen=True, slots=True)
class Archive:
    """A bucket, its index, and the configuration they are used under."""

    configuration: Configuration
    bucket: Bucket
    index: Index
    queues: dict[str, Queue] = field(default_factory=dict)

    def queue(self, name: str) -> Queue:
        """Return a queue this process may send to: `index`, `transcode`, `stable` or `purge`."""
        if name not in self.queues:
            raise ConfigurationError(f"NEPHELE_{name.upper()}_QUEUE: not set for this process")
        return self.queues[name]


def open_archive(environment: ArchiveEnvironment) -> Archive:
    """Open the archive a process is configured for."""
    urls = {
        name.removesuffix("_queue"): str(getattr(environment, name))
        for name in type(environment).model_fields
        if name.endswith("_queue")
    }
    return Archive(
        configuration=environment.load_configuration(),
        bucket=Bucket(environment.bucket),
        index=Index(Table(environment.table)),
        queues={name: Queue(url) for name, url in urls.items()},
    )
