"""What all associations of a worker share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import pydicom.config
from pynetdicom import _config
from pynetdicom.ae import ApplicationEntity

from dimse_edge.access import Rules
from dimse_edge.backlog import Indexing
from dimse_edge.negotiation import Acceptance, acceptance
from nephele.aws.object_cache import ObjectCache
from nephele.domain.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from nephele.services.archive import Archive
from nephele.services.modalities import modalities
from nephele.services.overrides import followed
from nephele.settings.configuration import Configuration

ASSOCIATE_SECONDS = 30.0
"""How long a connection may take to ask for an association (PS3.8 ARTIM)."""

MAXIMUM_ASSOCIATIONS = 200
"""Associations of one worker; each is a thread and some 300 KB."""

MAXIMUM_CONNECTIONS = 2 * MAXIMUM_ASSOCIATIONS
"""Connections of one worker, those included that have not asked for an association."""


@dataclass(slots=True)
class Site:
    """The archive, the rules of acceptance, and pynetdicom's application entity."""

    archive: Archive
    accepted: Acceptance
    entity: ApplicationEntity
    directory: Path | None = None
    indexing: Indexing = field(default_factory=Indexing)
    associations: int = 0

    @property
    def configuration(self) -> Configuration:
        """Return the configuration."""
        return self.archive.configuration

    def acceptance(self, since: float) -> Acceptance:
        """Return what is accepted: what was changed over REST before a moment counts."""
        configuration = followed(self.archive, since)
        accepted = self.accepted
        if configuration != accepted.configuration:
            # another association that began earlier may put its own in the place at once
            accepted = self.accepted = acceptance(configuration)
        return accepted

    def rules(self, since: float) -> Rules:
        """Return what decides who may do what: modalities changed before a moment count."""
        return Rules(self.configuration, lambda: modalities(self.archive, since))

    @property
    def is_crowded(self) -> bool:
        """Tell whether there are more associations than there may be."""
        return self.associations > MAXIMUM_ASSOCIATIONS


def open_site(archive: Archive, directory: Path | None = None) -> Site:
    """Prepare for associations, pynetdicom and pydicom included."""
    _quieten()
    configuration = archive.configuration
    entity = ApplicationEntity(ae_title=configuration.dicom_aet)
    entity.maximum_pdu_size = configuration.maximum_pdu_length
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.acse_timeout = ASSOCIATE_SECONDS
    entity.network_timeout = entity.dimse_timeout = configuration.dicom_scp_timeout or None
    cache = ObjectCache(configuration.maximum_storage_cache_size << 20)
    cached = replace(archive, object_cache=cache)
    return Site(cached, acceptance(configuration), entity, directory)


def _quieten() -> None:
    """Take peers as they are, as DCMTK does, and keep what they send out of the logs."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.CODECS = ("ascii", "latin-1")
    _config.VALIDATORS = {"AE": _accept_anything, "UI": _accept_anything}
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE


def _accept_anything(_value: object) -> tuple[bool, str]:
    return True, ""
