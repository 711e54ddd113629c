"""The open archive: what every verb works on."""

from __future__ import annotations

from dataclasses import dataclass, field

from nephele.aws.blob_urls import BlobSigner
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index
from nephele.aws.index.table import Table
from nephele.aws.object_cache import ObjectCache
from nephele.aws.queues import Queue
from nephele.domain.dictionary import use_dictionary
from nephele.domain.extra_tags import use_extra_main_tags
from nephele.errors import ConfigurationError
from nephele.logs import Category, write_as
from nephele.services.modalities import KnownModalities
from nephele.services.overrides import Followed
from nephele.settings.configuration import Configuration
from nephele.settings.environment import ApiEnvironment, ArchiveEnvironment, EdgeEnvironment

_CATEGORIES: dict[type[ArchiveEnvironment], Category] = {
    ApiEnvironment: Category.HTTP,
    EdgeEnvironment: Category.DICOM,
}


@dataclass(frozen=True, slots=True)
class Archive:
    """A bucket, its index, and the configuration they are used under.

    `configuration` is what was deployed; `nephele.services.overrides` tells what was changed since.
    """

    configuration: Configuration
    bucket: Bucket
    index: Index
    queues: dict[str, Queue] = field(default_factory=dict)
    followed: Followed = field(default_factory=Followed, compare=False)
    object_cache: ObjectCache = field(default_factory=ObjectCache, compare=False)
    peers_secret: str = ""
    known_modalities: KnownModalities = field(default_factory=KnownModalities, compare=False)
    blob_signer: BlobSigner | None = None

    def queue(self, name: str) -> Queue:
        """Return a queue this process may send to: `index`, `transcode`, `stable` or `purge`."""
        if name not in self.queues:
            raise ConfigurationError(f"NEPHELE_{name.upper()}_QUEUE: not set for this process")
        return self.queues[name]


def open_archive(environment: ArchiveEnvironment) -> Archive:
    """Open the archive a process is configured for, and learn its data dictionary."""
    urls = {
        name.removesuffix("_queue"): str(getattr(environment, name))
        for name in type(environment).model_fields
        if name.endswith("_queue")
    }
    configuration = environment.load_configuration()
    use_dictionary(
        configuration.dictionary,
        default_private_creator=configuration.default_private_creator,
        has_private_dictionary=configuration.load_private_dictionary,
    )
    use_extra_main_tags(configuration.extra_main_dicom_tags)
    write_as(_CATEGORIES.get(type(environment), Category.GENERIC))
    return Archive(
        configuration=configuration,
        bucket=Bucket(environment.bucket, configuration.storage_tiers.restore_days),
        index=Index(Table(environment.table)),
        queues={name: Queue(url) for name, url in urls.items()},
        peers_secret=getattr(environment, "peers_secret", ""),
        blob_signer=_blob_signer(environment),
    )


def _blob_signer(environment: ArchiveEnvironment) -> BlobSigner | None:
    if not isinstance(environment, ApiEnvironment) or not environment.blob_key_id:
        return None
    return BlobSigner(
        environment.blob_key_id, environment.blob_key_name, environment.blob_keys_secret
    )
