"""C-GET over one association after the other: what is sent comes in between, and is stored."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from dimse_edge.backlog import Backlog, Indexing
from dimse_edge.command import Command, Field
from dimse_edge.reception import Reception
from dimse_edge.responses import encode_response
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import PENDING, destination_of, send_identifier
from dimse_edge.scu.incoming import Message, Sink
from dimse_edge.scu.requests import Destination, Proposal
from dimse_edge.scu.retrieved import Retrieved
from dimse_edge.scu.retrieving import Progress
from dimse_edge.statuses import SUCCESS, store_status
from dimse_edge.store import store
from nephele.aws import clock
from nephele.domain.character_set import encoding_named
from nephele.domain.levels import Level
from nephele.domain.provenance import Origin, Provenance
from nephele.domain.query_keys import Query, with_level
from nephele.domain.sop_classes import PATIENT_ROOT_GET, STUDY_ROOT_GET
from nephele.errors import GetUnavailable, NepheleError
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.overrides import followed
from nephele.services.receive import unindexed

_indexing = Indexing()


class Getting:
    """C-GETs of a job's modality; a context manager.

    Leaving it releases the association, or aborts it after an error.

    Attributes
    ----------
    come : set of str
        SOP Instance UIDs that the last retrieval has brought.
    """

    def __init__(self, archive: Archive, request: dict[str, Any]) -> None:
        self._archive = archive
        self.come: set[str] = set()
        self._peer = destination_of(archive, request)
        self._opened: tuple[Association, Proposal] | None = None
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
        if self._opened is not None:
            self._opened[0].__exit__(kind, value, traceback)

    def settle(self) -> None:
        """Wait until all that has come can be read."""
        if not self._backlog.settle(threading.Event().wait):
            logger.info("got before indexed", extra={"pending": len(self._backlog)})

    def open(self, proposal: Proposal) -> None:
        """Open an association for a proposal, unless it is open."""
        if self._opened is not None:
            association, proposed = self._opened
            if proposed is proposal and association.is_open:
                return
            association.release()
        self._opened = Association(self._peer, proposal), proposal

    def release(self) -> None:
        """Release the association that is open: nothing is asked for over it for a while."""
        if self._opened is not None:
            self._opened[0].release()

    @property
    def has_storage(self) -> bool:
        """Tell whether the modality has accepted to send anything."""
        return len(self._association.contexts) > 1

    @property
    def _association(self) -> Association:
        if self._opened is None:
            raise RuntimeError("no association was opened")
        return self._opened[0]

    def retrieve(self, level: Level, query: Query, progress: Progress) -> Retrieved:
        """Ask for one resource, and take what comes until it is there."""
        association = self._association
        message_id = association.next_message_id()
        self._received, self.come = [], set()
        self._ask(message_id, level, query)
        try:
            while True:
                message = association.receive(sink_for=self._sink_for)
                if message.command.field == Field.C_STORE:
                    self._store(message)
                    continue
                association.check_response(message, message_id)
                if message.command.status not in PENDING:
                    break
                progress(message.command)
        finally:
            self._discard()
        return Retrieved.of(association, message, self._received)

    def _ask(self, message_id: int, level: Level, query: Query) -> None:
        association = self._association
        context_id = association.context(root_of(level))
        if context_id is None:
            raise GetUnavailable(f"{self._peer}: it does not offer C-GET")
        encoding = encoding_named(followed(self._archive).default_encoding)
        named = with_level(query, level)
        send_identifier(association, context_id, Field.C_GET, message_id, named, encoding)

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
            receipt = store(self._archive, reception, _provenance(self._peer))
        except NepheleError as error:
            facts = {"error": type(error).__name__, "reason": str(error)}
            logger.warning("retrieved instance refused", extra=facts)
            return store_status(error), str(error)
        self._backlog.add(receipt)
        self._backlog.hold(threading.Event().wait)
        self._received.append(str(receipt.orthanc_id))
        self.come.add(reception.request.sop_instance_uid)
        return SUCCESS, ""

    def _discard(self) -> None:
        if self._reception is not None:
            self._reception.close()
            self._reception = None


def root_of(level: Level) -> str:
    """Return the information model that a level is asked for by."""
    return PATIENT_ROOT_GET if level is Level.PATIENT else STUDY_ROOT_GET


def _provenance(peer: Destination) -> Provenance:
    return Provenance(
        origin=Origin.DICOM_PROTOCOL,
        received=clock.now(),
        remote_aet=peer.called_aet,
        called_aet=peer.calling_aet,
        remote_ip=peer.host,
    )
