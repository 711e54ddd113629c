"""Who may associate, and who may ask for what: Orthanc's rules (dicom.md 1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from dimse_edge.command import Field
from nephele.domain.sop_classes import MODALITY_WORKLIST_FIND
from nephele.settings.configuration import Configuration
from nephele.settings.modality import Modality


class Service(Enum):
    """A DIMSE service: the option that opens it to everybody, and a modality's own flag."""

    value: tuple[str | None, str]

    STORE = ("dicom_always_allow_store", "allow_store")
    FIND = ("dicom_always_allow_find", "allow_find")
    GET = ("dicom_always_allow_get", "allow_get")
    MOVE = ("dicom_always_allow_move", "allow_move")
    ECHO = ("dicom_always_allow_echo", "allow_echo")
    WORKLIST = ("dicom_always_allow_find_worklist", "allow_find_worklist")
    ACTION = (None, "allow_n_action")
    EVENT_REPORT = (None, "allow_event_report")

    @property
    def option(self) -> str | None:
        """Return the option that allows the service whoever asks."""
        return self.value[0]

    @property
    def flag(self) -> str:
        """Return the modality's flag that allows it the service."""
        return self.value[1]


_SERVICES: dict[int, Service] = {
    Field.C_STORE: Service.STORE,
    Field.C_GET: Service.GET,
    Field.C_FIND: Service.FIND,
    Field.C_MOVE: Service.MOVE,
    Field.C_ECHO: Service.ECHO,
    Field.N_EVENT_REPORT: Service.EVENT_REPORT,
    Field.N_ACTION: Service.ACTION,
}
"""The service each request's Command Field (0000,0100) asks for. See PS3.7 E.1."""


def service_of(command_field: int, abstract_syntax: str) -> Service | None:
    """Return the service a request asks for, None if there is no such."""
    service = _SERVICES.get(command_field)
    is_worklist = service is Service.FIND and abstract_syntax == MODALITY_WORKLIST_FIND
    return Service.WORKLIST if is_worklist else service


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side of an association: what it calls itself, and its address."""

    aet: str
    address: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides who may do what.

    Attributes
    ----------
    modalities : callable
        Returns those that are known, by symbolic name; it is called where they matter.
    """

    configuration: Configuration
    modalities: Callable[[], Mapping[str, Modality]]

    def is_called_aet_accepted(self, called_aet: str) -> bool:
        """Tell whether an association may be opened under a called AE title."""
        configuration = self.configuration
        return not configuration.dicom_check_called_aet or self._same_aet(
            called_aet, configuration.dicom_aet
        )

    def is_calling_aet_accepted(self, peer: Peer) -> bool:
        """Tell whether a peer may associate: it is known, or some service is open to everybody."""
        options = (service.option for service in Service)
        if any(getattr(self.configuration, option) for option in options if option):
            return True
        return any(self._is_at_its_host(modality, peer) for modality in self._named(peer.aet))

    def is_allowed(self, service: Service, peer: Peer) -> bool:
        """Tell whether a peer may make a request."""
        if service.option and getattr(self.configuration, service.option):
            return True
        candidates = self._named(peer.aet)
        if not candidates:
            return False
        if len(candidates) > 1 and self.configuration.dicom_check_modality_host:
            return any(
                modality.host == peer.address and getattr(modality, service.flag)
                for modality in candidates
            )
        return all(
            self._is_at_its_host(modality, peer) and getattr(modality, service.flag)
            for modality in candidates
        )

    def may_transcode(self, peer: Peer) -> bool:
        """Tell whether what a peer gets may be transcoded: everywhere, and for it if known."""
        known = self._named(peer.aet)
        return self.configuration.transcode_dicom_protocol and all(
            one.allow_transcoding for one in known
        )

    def find_modality(self, aet: str) -> tuple[str, Modality] | None:
        """Return symbolic name and modality of an AE title: the first by name, None for none."""
        for name, modality in sorted(self.modalities().items()):
            if self._same_aet(modality.aet, aet):
                return name, modality
        return None

    def _named(self, aet: str) -> list[Modality]:
        return [one for one in self.modalities().values() if self._same_aet(one.aet, aet)]

    def _is_at_its_host(self, modality: Modality, peer: Peer) -> bool:
        return not self.configuration.dicom_check_modality_host or modality.host == peer.address

    def _same_aet(self, one: str, other: str) -> bool:
        if self.configuration.strict_aet_comparison:
            return one.strip() == other.strip()
        return one.strip().upper() == other.strip().upper()
