"""An association that the edge requests: negotiated, then messages each way, then released."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from types import TracebackType
from typing import Self

from dimse_edge.command import (
    NO_DATA_SET,
    Field,
    ProtocolError,
    Tag,
    encode_command,
)
from dimse_edge.fragments import (
    IS_COMMAND,
    Buffer,
    fragment_bytes,
    iter_pdus,
)
from dimse_edge.scu import requests
from dimse_edge.scu.incoming import A_ABORT, Incoming, Message, SinkFor
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from dimse_edge.scu.wire import AssociationEnded, PeerTimeout, Unreachable, Wire
from nephele.errors import NetworkProtocol
from nephele.logs import logger

_A_ASSOCIATE_AC = 0x02
_A_ASSOCIATE_RJ = 0x03
_A_RELEASE_RP = 0x06
_RELEASE_REQUEST = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"
_SENT_AT_ONCE = 1 << 20
"""Small pieces of a data set are sent together."""


class Association:
    """An association, from the request to its release; a context manager.

    Leaving the context releases it, or aborts it after an error. Every method raises
    NetworkProtocol when the peer fails, and the association is over then.

    Attributes
    ----------
    contexts : dict
        Abstract and transfer syntax of each accepted context, by its id.
    is_open : bool
        Messages can be exchanged.
    is_broken : bool
        The peer ended it: another association may do.
    """

    def __init__(self, destination: Destination, proposal: Proposal) -> None:
        self.destination = destination
        self.is_open = False
        self.is_broken = False
        self._message_id = 0
        self._maximum_bytes = 0
        self.contexts: dict[int, ProposedContext] = {}
        self.roles: dict[str, tuple[bool, bool]] = {}
        self._proposal = proposal
        with self._translated("connecting"):
            self._wire = Wire.connect(
                destination.host, destination.port, destination.timeout, destination.tls
            )
        self._incoming = Incoming(self._wire)
        try:
            with self._translated("opening an association"):
                self._negotiate(proposal)
        except BaseException:
            self._wire.close()
            raise
        self.is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    def _negotiate(self, proposal: Proposal) -> None:
        """Ask for the association. See PS3.8 7.1."""
        self._wire.send(requests.encode_request(self.destination, proposal))
        pdu_type, body = self._wire.read_pdu()
        if pdu_type == _A_ASSOCIATE_RJ:
            raise AssociationEnded(requests.explain_rejection(body))
        if pdu_type == A_ABORT:
            raise AssociationEnded("it has aborted the association")
        if pdu_type != _A_ASSOCIATE_AC:
            raise ProtocolError("it answers with a PDU that has no place here")
        accepted = requests.decode_acceptance(body, proposal)
        self.contexts, self.roles = accepted.contexts, accepted.roles
        self._maximum_bytes = accepted.maximum_bytes
        self._wire.longest_data_bytes = self.destination.maximum_pdu_bytes

    def context(self, abstract_syntax: str, transfer_syntax: str = "") -> int | None:
        """Return the id of an accepted context; of any transfer syntax where none is named."""
        for context_id, accepted in self.contexts.items():
            if accepted.abstract_syntax == abstract_syntax and (
                not transfer_syntax or accepted.transfer_syntaxes[0] == transfer_syntax
            ):
                return context_id
        return None

    def next_message_id(self) -> int:
        """Return a message id that was not used yet."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def send(
        self,
        context_id: int,
        command: dict[Tag, int | str],
        data_set: Iterable[Buffer] | None = None,
    ) -> None:
        """Send a message.

        Parameters
        ----------
        data_set : iterable of bytes or memoryview, optional
            Its data set in pieces of any size.
        """
        self._send(context_id, encode_command(command), data_set)

    def answer(self, context_id: int, command: bytes) -> None:
        """Send a response that is encoded already."""
        self._send(context_id, command, None)

    def _send(self, context_id: int, command: bytes, data_set: Iterable[Buffer] | None) -> None:
        size = fragment_bytes(self._maximum_bytes)
        pdus = iter_pdus(context_id, IS_COMMAND, [command], size)
        if data_set is not None:
            pdus = chain(pdus, iter_pdus(context_id, 0, data_set, size))
        with self._translated("sending"):
            pending: list[Buffer] = []
            size_bytes = 0
            for buffers in pdus:
                pending += buffers
                size_bytes += sum(map(len, buffers))
                if size_bytes >= _SENT_AT_ONCE:
                    self._wire.send_buffers(pending)
                    pending, size_bytes = [], 0
            self._wire.send_buffers(pending)

    def receive(self, timeout: float | None = None, sink_for: SinkFor | None = None) -> Message:
        """Wait for the next message.

        Parameters
        ----------
        timeout : float, optional
            Seconds for its first PDU, instead of the association's.
        sink_for : callable, optional
            Returns where the data set of a command goes; without one it is kept in memory.
        """
        with self._translated("waiting for an answer"):
            return self._incoming.receive(timeout, sink_for)

    def has_message(self) -> bool:
        """Tell whether something has come that was not received yet."""
        with self._translated("waiting for an answer"):
            return self._incoming.has_arrived()

    def request(
        self,
        context_id: int,
        command: dict[Tag, int | str],
        data_set: Iterable[Buffer] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Message:
        """Send a request that has one response, and return this.

        Parameters
        ----------
        meanwhile : callable, optional
            What is done while the peer works on it.
        """
        self.send(context_id, command, data_set)
        if meanwhile is not None:
            meanwhile()
        message = self.receive()
        self.check_response(message, command[Tag.MESSAGE_ID])
        return message

    def check_response(self, message: Message, message_id: int | str) -> None:
        """Raise NetworkProtocol unless a message answers a request."""
        if message.command.is_response and message.command.responded_to == message_id:
            return
        self.abort()
        raise NetworkProtocol(f"{self.destination}: it answers something that was not asked")

    def cancel(self, context_id: int, message_id: int) -> None:
        """Ask the peer to stop answering a request. See PS3.7 9.3.2.3."""
        self.send(
            context_id,
            {
                Tag.COMMAND_FIELD: Field.C_CANCEL,
                Tag.MESSAGE_ID_BEING_RESPONDED_TO: message_id,
                Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
            },
        )

    def release(self) -> None:
        """Release the association; what the peer still says is of no interest."""
        if not self.is_open:
            return
        self.is_open = False
        try:
            self._wire.send(_RELEASE_REQUEST)
            while self._wire.read_pdu()[0] not in (_A_RELEASE_RP, A_ABORT):
                pass
        except (AssociationEnded, PeerTimeout, ProtocolError) as error:
            logger.debug("release was not confirmed", extra={"reason": str(error)})
        self._wire.close(is_released=True)

    def abort(self) -> None:
        """Abort the association, unless it is over."""
        if not self.is_open:
            return
        self.is_open = False
        self._wire.abandon(_ABORT)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        """Let what a peer does wrong be a NetworkProtocol error, and the end."""
        try:
            yield
        except (AssociationEnded, PeerTimeout, ProtocolError, Unreachable) as exc:
            self.is_broken = isinstance(exc, AssociationEnded)
            self.abort()
            raise NetworkProtocol(f"{self.destination}: {exc} ({doing})") from exc
