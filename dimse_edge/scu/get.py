"""The job `DicomGetScu`: C-GET from others, received over the same association. PS3.4 C.4.3."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from dimse_edge.backlog import Backlog, Indexing
from dimse_edge.command import Command, Field
from dimse_edge.reception import Reception
from dimse_edge.responses import encode_response
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import PENDING, UNCOMPRESSED, destination_of, send_identifier
from dimse_edge.scu.incoming import Message, Sink
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from dimse_edge.scu.retrieving import Progress, Retrieved, retrieve_all
from dimse_edge.statuses import SUCCESS, store_status
from dimse_edge.store import store
from nephele.aws import clock
from nephele.batches import batched
from nephele.domain.character_set import encoding_named
from nephele.domain.common_classes import by_frequency
from nephele.domain.levels import Level
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.query_keys import Query, with_level
from nephele.domain.sop_classes import (
    PATIENT_ROOT_GET,
    STUDY_ROOT_GET,
    SopClassOptions,
    accepted_sop_classes,
    is_accepted_unknown,
)
from nephele.errors import GetUnavailable, NepheleError, NetworkProtocol
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.overrides import followed
from nephele.services.receive import unindexed

_MOST_CLASSES = 120
_indexing = Indexing()


def run(archive: Archive, piece: Slice) -> bool:
    """Ask a modality for what is left, and store what comes."""
    getting = _Get(archive, piece.request)
    with getting:
        is_done = retrieve_all(archive, piece, "C-GET", getting.retrieve)
    getting.settle()
    return is_done


def proposals(
    options: SopClassOptions, sop_class_uid: str, expected: Sequence[str]
) -> list[Proposal]:
    """Return what to propose for a C-GET, association by association.

    The roles of an SCP are proposed for as many storage classes as there is room for: those that
    are expected, then the common ones. See PS3.7 D.3.3.4. No class is in two proposals.
    """
    accepted = accepted_sop_classes(options)
    known = set(accepted)
    first = [uid for uid in expected if uid in known or is_accepted_unknown(uid, options)]
    storage = list(dict.fromkeys([*first, *by_frequency(accepted)]))
    rounds = list(batched(storage, _MOST_CLASSES)) or [[]]
    return [_proposal(sop_class_uid, some) for some in rounds]


def _proposal(sop_class_uid: str, storage: Sequence[str]) -> Proposal:
    contexts = [ProposedContext(uid, UNCOMPRESSED) for uid in (sop_class_uid, *storage)]
    return Proposal(contexts, dict.fromkeys(storage, (False, True)))


class _Get:
    """Retrievals over one association, or another where it has no context for what failed.

    A context manager: leaving it releases the association, or aborts it after an error.
    """

    def __init__(self, archive: Archive, request: dict[str, Any]) -> None:
        self._archive = archive
        self._level = Level(request["Level"])
        is_patient = self._level is Level.PATIENT
        self._sop_class_uid = PATIENT_ROOT_GET if is_patient else STUDY_ROOT_GET
        self._peer = destination_of(archive, request)
        self._proposals = proposals(
            followed(archive), self._sop_class_uid, request.get("SOPClassesInStudy", ())
        )
        self._proposed = 0
        self._association = Association(self._peer, self._proposals[0])
        self._reception: Reception | None = None
        self._received: list[str] = []
        self._backlog = Backlog(lambda receipts: unindexed(archive, receipts), _indexing)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._association.__exit__(kind, value, traceback)

    def settle(self) -> None:
        """Wait until all that has come can be read."""
        if not self._backlog.settle(threading.Event().wait):
            logger.info("got before indexed", extra={"pending": len(self._backlog)})

    def retrieve(self, query: Query, progress: Progress) -> Retrieved:
        """Ask for one resource; where some of it failed, again for the classes that are left.

        A peer that stops at the first failure may leave both incomplete; that is a failure then.
        """
        self._open(0)
        retrieved = self._retrieve(query, progress)
        for number in range(1, len(self._proposals)):
            if not retrieved.failed:
                break
            try:
                self._open(number)
                if len(self._association.contexts) > 1:
                    retrieved = retrieved.completed_by(self._retrieve(query, progress))
            except (GetUnavailable, NetworkProtocol) as error:
                logger.warning("other classes cannot be got", extra={"reason": str(error)})
                break
        return retrieved

    def _open(self, number: int) -> None:
        """Open an association for one of the proposals, unless it is open."""
        if self._proposed == number and self._association.is_open:
            return
        self._association.release()
        self._association = Association(self._peer, self._proposals[number])
        self._proposed = number

    def _retrieve(self, query: Query, progress: Progress) -> Retrieved:
        """Ask for one resource, and take what comes until it is there."""
        message_id = self._association.next_message_id()
        self._received = []
        self._ask(message_id, query)
        try:
            while True:
                message = self._association.receive(sink_for=self._sink_for)
                if message.command.field == Field.C_STORE:
                    self._store(message)
                    continue
                self._association.check_response(message, message_id)
                if message.command.status not in PENDING:
                    break
                progress(message.command)
        finally:
            self._discard()
        return Retrieved.of(self._association, message, self._received)

    def _ask(self, message_id: int, query: Query) -> None:
        context_id = self._association.context(self._sop_class_uid)
        if context_id is None:
            raise GetUnavailable(f"{self._peer}: it does not offer C-GET")
        encoding = encoding_named(followed(self._archive).default_encoding)
        named = with_level(query, self._level)
        send_identifier(self._association, context_id, Field.C_GET, message_id, named, encoding)

    def _sink_for(self, context_id: int, command: Command) -> Sink | None:
        """Return where the data set of a C-STORE goes; those of responses are kept."""
        if command.is_response:
            return None
        context = self._association.contexts.get(context_id)
        if command.field != Field.C_STORE or context is None:
            return lambda _: None
        self._discard()
        self._reception = Reception(command, context_id, context.transfer_syntaxes[0], None)
        return self._reception.write

    def _store(self, message: Message) -> None:
        """Store an instance and answer it."""
        status, comment = 0xC000, "there is no data set"
        if self._reception is not None:
            status, comment = self._keep(self._reception)
        self._discard()
        self._association.answer(
            message.context_id, encode_response(message.command, status, comment)
        )

    def _keep(self, reception: Reception) -> tuple[int, str]:
        try:
            receipt = store(self._archive, reception, _provenance(self._association.destination))
        except NepheleError as error:
            facts = {"error": type(error).__name__, "reason": str(error)}
            logger.warning("retrieved instance refused", extra=facts)
            return store_status(error), str(error)
        self._backlog.add(receipt)
        self._backlog.hold(threading.Event().wait)
        self._received.append(str(receipt.orthanc_id))
        return SUCCESS, ""

    def _discard(self) -> None:
        if self._reception is not None:
            self._reception.close()
            self._reception = None


def _provenance(peer: Destination) -> Provenance:
    return Provenance(
        origin=Origin.DICOM_PROTOCOL,
        received=clock.now(),
        remote_aet=peer.called_aet,
        called_aet=peer.calling_aet,
        remote_ip=peer.host,
    )
