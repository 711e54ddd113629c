"""Who may associate, and who may ask for what: Orthanc's rules (dicom.md 1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from dimse_edge import command
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


Modalities = Mapping[str, Modality]
"""Those that are known, by symbolic name."""

_SERVICES: dict[int, Service] = {
    command.C_STORE_RQ: Service.STORE,
    command.C_GET_RQ: Service.GET,
    command.C_FIND_RQ: Service.FIND,
    command.C_MOVE_RQ: Service.MOVE,
    command.C_ECHO_RQ: Service.ECHO,
    command.N_EVENT_REPORT_RQ: Service.EVENT_REPORT,
    command.N_ACTION_RQ: Service.ACTION,
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


def is_called_aet_accepted(configuration: Configuration, called_aet: str) -> bool:
    """Tell whether an association may be opened under a called AE title."""
    return not configuration.dicom_check_called_aet or _same_aet(
        configuration, called_aet, configuration.dicom_aet
    )


def is_calling_aet_accepted(
    configuration: Configuration, peer: Peer, modalities: Modalities
) -> bool:
    """Tell whether a peer may associate: it is known, or some service is open to everybody."""
    options = (service.option for service in Service)
    if any(getattr(configuration, option) for option in options if option):
        return True
    candidates = _iter_modalities(configuration, peer.aet, modalities)
    return any(_is_at_its_host(configuration, modality, peer) for modality in candidates)


def is_allowed(
    configuration: Configuration, service: Service, peer: Peer, modalities: Modalities
) -> bool:
    """Tell whether a peer may make a request."""
    if service.option and getattr(configuration, service.option):
        return True
    candidates = list(_iter_modalities(configuration, peer.aet, modalities))
    if not candidates:
        return False
    if len(candidates) > 1 and configuration.dicom_check_modality_host:
        return any(
            modality.host == peer.address and getattr(modality, service.flag)
            for modality in candidates
        )
    return all(
        _is_at_its_host(configuration, modality, peer) and getattr(modality, service.flag)
        for modality in candidates
    )


def may_transcode(configuration: Configuration, peer: Peer, modalities: Modalities) -> bool:
    """Tell whether what a peer gets may be transcoded: everywhere, and for it if it is known."""
    known = list(_iter_modalities(configuration, peer.aet, modalities))
    return configuration.transcode_dicom_protocol and all(one.allow_transcoding for one in known)


def find_modality(
    configuration: Configuration, aet: str, modalities: Modalities
) -> tuple[str, Modality] | None:
    """Return symbolic name and modality of an AE title: the first one by name, None for none."""
    for name, modality in sorted(modalities.items()):
        if _same_aet(configuration, modality.aet, aet):
            return name, modality
    return None


def _iter_modalities(
    configuration: Configuration, aet: str, modalities: Modalities
) -> Iterator[Modality]:
    for modality in modalities.values():
        if _same_aet(configuration, modality.aet, aet):
            yield modality


def _is_at_its_host(configuration: Configuration, modality: Modality, peer: Peer) -> bool:
    return not configuration.dicom_check_modality_host or modality.host == peer.address


def _same_aet(configuration: Configuration, one: str, other: str) -> bool:
    if configuration.strict_aet_comparison:
        return one.strip() == other.strip()
    return one.strip().upper() == other.strip().upper()
