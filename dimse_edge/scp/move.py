"""C-MOVE: what is asked for is sent to a third party. See PS3.4 C.4.2."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dimse_edge.command import ProtocolError, Tag
from dimse_edge.request import Request
from dimse_edge.scp.responses import Telling, keys_of, send_outcome
from dimse_edge.scp.sub_operations import Progress
from dimse_edge.scu.store import Sender
from dimse_edge.scu.wire import AssociationEnded, PeerTimeout, Unreachable
from dimse_edge.statuses import OUT_OF_RESOURCES, SUCCESS
from nephele.domain.attributes import IDENTIFIERS
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import NepheleError, UnknownResource
from nephele.logs import logger
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.modalities import begin_modalities, modalities
from nephele.services.resolve import instances_beneath, resolve_resources
from nephele.settings.modality import Modality

if TYPE_CHECKING:
    from dimse_edge.association import EdgeAssociation

_VAIN_ATTEMPTS = 3
"""After so many instances in a row that broke or found no association the rest is given up."""
_SOON_SECONDS = 1.0
"""How far it is may be told later than that only where a single instance takes as long."""
_NO_ASSOCIATION = (Unreachable, PeerTimeout, AssociationEnded, ProtocolError)


def serve(association: EdgeAssociation, request: Request) -> None:
    """Send everything the identifier names to the destination, or let a job do it."""
    modality, level, named = _parties(association, request)
    ids = instances_beneath(association.site.archive, level, named)
    if association.site.configuration.synchronous_c_move:
        _send_now(association, request, modality, ids)
    else:
        _send_later(association, request, modality, level, named, ids)


def _parties(
    association: EdgeAssociation, request: Request
) -> tuple[Modality, Level, list[OrthancId]]:
    """Return the destination, and what is to be sent; both are looked up at the same time."""
    archive = association.site.archive
    keys = keys_of(association, request)
    begun = begin_modalities(archive, association.begun)
    try:
        level, named = resolve_resources(archive, keys)
        modalities(archive, association.begun, begun)
    finally:
        if begun is not None:
            begun.rows.discard()
    return _destination(association, request), level, named


def _destination(association: EdgeAssociation, request: Request) -> Modality:
    """Return the modality that the Move Destination (0000,0600) names.

    Raises
    ------
    UnknownResource
        There is none of this AE title.
    """
    aet = request.command.text(Tag.MOVE_DESTINATION)
    found = association.rules().find_modality(aet) if aet else None
    if found is None:
        raise UnknownResource("the move destination is no known modality")
    return found[1]


def _send_now(
    association: EdgeAssociation, request: Request, modality: Modality, ids: list[OrthancId]
) -> None:
    progress = Progress(len(ids))
    with _sender(association, request, modality) as sender:
        sending = _Sending(association, request, sender, progress)
        sender.expect(ids)
        for orthanc_id in ids:
            if association.is_stopped(request):
                break
            if sending.is_vain:
                sending.give_up(ids[len(ids) - progress.remaining :])
                break
            sending.send(orthanc_id)
        sending.tell()
        sending.telling.flush()
    # A destination may index what it was sent as late as when it is released.
    status = progress.final_status(is_cancelled=association.is_cancelled(request))
    send_outcome(association, request, progress, status)
    facts = {"destination": modality.aet, "status": f"{status:#06x}"}
    counts = {"completed": progress.completed, "failed": progress.failed}
    logger.info("instances moved", extra={**association.facts, **facts, **counts})


def _sender(association: EdgeAssociation, request: Request, modality: Modality) -> Sender:
    originator = association.peer.aet, request.command.message_id
    return Sender(association.site.archive, modality, originator=originator)


class _Sending:
    """Instances on their way to the destination, counted.

    How far they are is told while the destination has the next one to look at, unless that takes
    long: so it takes no time of its own.
    """

    def __init__(
        self, association: EdgeAssociation, request: Request, sender: Sender, progress: Progress
    ) -> None:
        self._archive = association.site.archive
        self._sender = sender
        self._progress = progress
        self.telling = Telling(association, request)
        self._vain = 0
        self._is_told = True
        self._told_at = time.monotonic()

    @property
    def is_vain(self) -> bool:
        """Tell whether the destination cannot be reached."""
        return self._vain >= _VAIN_ATTEMPTS

    def send(self, orthanc_id: OrthancId) -> None:
        """Send one instance; a failure is counted, and the others go on."""
        if time.monotonic() - self._told_at > _SOON_SECONDS:
            self.tell()
        try:
            outcome = self._sender.send(orthanc_id, self.tell)
        except NepheleError as error:
            self._vain = self._vain + 1 if isinstance(error.__cause__, _NO_ASSOCIATION) else 0
            facts = {"orthanc_id": orthanc_id, "error": type(error).__name__, "reason": str(error)}
            logger.warning("instance not sent", extra=facts)
            self._progress.explain(error)
            self.tell()
            self.give_up([orthanc_id])
        else:
            self._vain = 0
            self.tell()
            status = SUCCESS if outcome.is_success and not outcome.status >> 12 else outcome.status
            self._progress.add(outcome.sop_instance_uid, status)
        self._is_told = False

    def tell(self) -> None:
        """Tell how far it is, unless that was told, or the last response will tell it."""
        if not self._is_told and self._progress.remaining:
            self.telling.tell(self._progress)
            self._is_told, self._told_at = True, time.monotonic()

    def give_up(self, ids: list[OrthancId]) -> None:
        """Count instances as failed, and list them."""
        found = self._archive.index.resources(ids)
        for orthanc_id in ids:
            tags = found[orthanc_id].main_tags if orthanc_id in found else {}
            uid = tags.get(IDENTIFIERS[Level.INSTANCE].tag, "")
            self._progress.add(uid, OUT_OF_RESOURCES)


def _send_later(
    association: EdgeAssociation,
    request: Request,
    modality: Modality,
    level: Level,
    named: list[OrthancId],
    ids: list[OrthancId],
) -> None:
    """Submit a job, and answer at once as if all of it were done (`SynchronousCMove` false)."""
    archive = association.site.archive
    job_request, content = _job(association, request, modality, level, named)
    job = submit(
        archive,
        "DicomModalityStore",
        job_request,
        JobOptions(synchronous=False),
        content | {"InstancesCount": len(ids)},
    )
    progress, telling = Progress(len(ids)), Telling(association, request)
    for _ in ids:
        progress.add("", SUCCESS)
        if progress.remaining:
            telling.tell(progress)
    telling.flush()
    send_outcome(association, request, progress, SUCCESS)
    logger.info("move submitted", extra={**association.facts, "job": job.identifier})


def _job(
    association: EdgeAssociation,
    request: Request,
    modality: Modality,
    level: Level,
    named: list[OrthancId],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return request and content of the job."""
    originator = {
        "MoveOriginatorAET": association.peer.aet,
        "MoveOriginatorID": request.command.message_id,
    }
    content = {
        "Description": "C-MOVE",
        "FailedInstancesCount": 0,
        "Resources": [{"ID": one, "Type": level.value} for one in named],
        "ParentResources": named,
        "LocalAet": association.site.configuration.dicom_aet,
        "RemoteAet": modality.aet,
        **originator,
    }
    job_request = {
        "Modality": modality.model_dump(by_alias=True),
        "Resources": named,
        **originator,
    }
    return job_request, content
