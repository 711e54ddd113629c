"""The job `DicomModalityStore`: instances to a modality, one after the other.

What is sent is settled by the first slice, so that it stays the same whatever comes or goes
meanwhile. A peer that gets an instance again after a crash has it already.
"""

from __future__ import annotations

from typing import Any

from dimse_edge.scu.calls import destination_of, modality_of
from dimse_edge.scu.commitment_request import request_commitment
from dimse_edge.scu.store import Outcome, Sender
from nephele.aws.keys import job_key
from nephele.domain.orthanc_id import OrthancId
from nephele.errors import (
    BeingRestored,
    NepheleError,
    NetworkProtocol,
    NoPresentationContext,
    UnknownResource,
)
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.hierarchy import in_parallel
from nephele.services.jobs.sending import Plan, Progress
from nephele.services.jobs.slices import Slice
from nephele.settings.modality import Modality

_SAVED_EVERY = 50
_SENT_IN_ROW = 500
"""Instances whose commitment will be asked for that the job's row names, before an object does."""


def run(archive: Archive, piece: Slice) -> bool:
    """Send what is left, as much as there is time for.

    Its end may be done again, with the plan gone: another worker finds that all was sent.
    """
    plan = Plan(archive, piece)
    if not plan.is_sent and not _send(archive, piece, plan):
        return False
    _ask_for_commitment(archive, piece)
    for number in range(piece.position.get("SentLists", 0)):
        archive.bucket.delete(_sent_key(piece, number))
    plan.forget()
    return True


def _send(archive: Archive, piece: Slice, plan: Plan) -> bool:
    """Send as much as there is time for; tell whether that was all."""
    ids = plan.instances(Sent=[])
    left = ids[piece.position["Done"] :]
    if left:
        try:
            with _sender(archive, piece) as sender:
                sender.expect(left)
                _Sending(archive, piece, sender, modality_of(piece.request)).send(ids)
        except BeingRestored:
            _restore(archive, piece, ids[piece.position["Done"] :])
            raise
    return plan.is_sent


def _ask_for_commitment(archive: Archive, piece: Slice) -> None:
    position = piece.position
    transaction_uid = piece.content.get("StorageCommitmentTransactionUID")
    if not transaction_uid or "Asked" in position:
        return
    peer = destination_of(archive, piece.request)
    request_commitment(archive, peer, transaction_uid, _sent(archive, piece))
    position["Asked"] = True
    piece.checkpoint()


def _restore(archive: Archive, piece: Slice, ids: list[OrthancId]) -> None:
    """Begin the restores of all that is left together: one after the other they would take days."""
    if piece.position.get("Restoring"):
        return
    instances = archive.index.resources(ids).values()
    in_parallel(
        archive.bucket.begin_restore, [one.file.key for one in instances if one.file is not None]
    )
    piece.position["Restoring"] = True


def _sender(archive: Archive, piece: Slice) -> Sender:
    request = piece.request
    originator = None
    if request.get("MoveOriginatorAET"):
        originator = (request["MoveOriginatorAET"], int(request.get("MoveOriginatorID", 0)))
    return Sender(
        archive,
        modality_of(request),
        request.get("LocalAet", ""),
        originator,
        request.get("Timeout"),
    )


def _sent_key(piece: Slice, number: int) -> str:
    return job_key(f"{piece.job.identifier}.sent-{number}")


def _sent(archive: Archive, piece: Slice) -> list[list[str]]:
    """Return class and instance UID of all that was sent."""
    lists = [
        archive.bucket.read_json(_sent_key(piece, number))
        for number in range(piece.position.get("SentLists", 0))
    ]
    return [pair for pairs in (*lists, piece.position["Sent"]) for pair in pairs]


class _Sending:
    """One slice's way through the instances."""

    def __init__(self, archive: Archive, piece: Slice, sender: Sender, modality: Modality) -> None:
        self._archive = archive
        self._piece = piece
        self._sender = sender
        self._modality = modality
        self._progress = Progress(piece, _SAVED_EVERY)

    def send(self, ids: list[OrthancId]) -> None:
        """Send as many as there is time for; a failure ends the job unless it is permissive."""
        for orthanc_id in ids[self._piece.position["Done"] :]:
            if not self._piece.has_time():
                break
            self._send_one(orthanc_id)
            self._progress.advance(len(ids))
        self._progress.end(len(ids))

    def _send_one(self, orthanc_id: OrthancId) -> None:
        try:
            outcome = self._sender.send(orthanc_id)
            outcome.require(self._modality.aet)
            self._note(outcome)
        except UnknownResource as error:
            self._piece.content["FailedInstancesCount"] += 1
            if not self._piece.is_permissive:
                raise NepheleError("An instance was deleted after the job was submitted") from error
        except (NetworkProtocol, NoPresentationContext) as error:
            if not self._piece.is_permissive:
                raise
            facts = {"orthanc_id": orthanc_id, "reason": str(error)}
            logger.warning("instance not sent: passed over", extra=facts)

    def _note(self, outcome: Outcome) -> None:
        if "StorageCommitmentTransactionUID" in self._piece.content:
            sent: list[Any] = self._piece.position["Sent"]
            sent.append([outcome.sop_class_uid, outcome.sop_instance_uid])
            if len(sent) >= _SENT_IN_ROW:
                self._put_sent(sent)

    def _put_sent(self, sent: list[Any]) -> None:
        """Move what the job's row has to an object; another worker would write it again."""
        position = self._piece.position
        number = position.get("SentLists", 0)
        self._archive.bucket.put_json(_sent_key(self._piece, number), sent)
        position["SentLists"] = number + 1
        position["Sent"] = []
