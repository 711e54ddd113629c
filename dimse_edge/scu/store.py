"""C-STORE to others: one association for many instances, transcoded where the peer needs it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from dimse_edge.command import HAS_DATA_SET, MEDIUM_PRIORITY, Field, Tag
from dimse_edge.scu.association import Association
from dimse_edge.scu.channel import Channel, kind_of
from dimse_edge.scu.dialing import destination
from dimse_edge.scu.offers import Kind
from dimse_edge.scu.statuses import failing
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.errors import (
    BadFileFormat,
    NepheleError,
    NetworkProtocol,
    NotTranscodable,
    StorageFull,
    UnknownResource,
)
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.outgoing import iter_outgoing
from nephele.services.outgoing_instance import Outgoing, read_outgoing
from nephele.settings.modality import Modality

STORED = frozenset({0x0000, 0xB000, 0xB006, 0xB007, 0x0111})
"""Statuses of an instance that is with the peer now: as such, coerced, or before already."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a peer answered to one instance.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        As it was sent: a lossy transfer syntax makes a new instance.
    """

    status: int
    comment: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def is_success(self) -> bool:
        """Tell whether the peer has the instance."""
        return self.status in STORED

    def require(self, to: str) -> None:
        """Raise NetworkProtocol unless the peer has the instance."""
        if not self.is_success:
            raise NetworkProtocol(
                f"{to}: {failing('C-STORE', self.status, self.comment)}",
                {"Type": "Dimse", "Content": {"DimseErrorStatus": self.status}},
            )


class Sender:
    """Sends instances to a modality over one association; a context manager.

    The association is opened when the first instance needs it, and again when one comes that it
    has no presentation context for, or when the peer has closed it meanwhile.

    Parameters
    ----------
    calling_aet : str
        As whom; the modality's `LocalAet` wins, and "" is `DicomAet`.
    originator : tuple, optional
        AE title and message id of the C-MOVE that wants this.
    timeout : float, optional
        Seconds, instead of the modality's and the configuration's; 0 is for ever.
    transcode : str, optional
        Transfer syntax that is tried first, before the one an instance is stored in.
    """

    def __init__(
        self,
        archive: Archive,
        modality: Modality,
        calling_aet: str = "",
        originator: tuple[str, int] | None = None,
        timeout: float | None = None,
        transcode: str = "",
    ) -> None:
        self._archive = archive
        self._originator = originator
        configuration = archive.configuration
        self._channel = Channel(
            destination(archive, modality, calling_aet, timeout),
            transcode or configuration.dicom_scu_preferred_transfer_syntax,
            transcode,
            is_transcoding=configuration.transcode_dicom_protocol and modality.allow_transcoding,
        )
        self._expected: deque[OrthancId] = deque()
        self._stream: Generator[Outgoing] | None = None
        self._next: Outgoing | NepheleError | None = None
        self._meanwhile: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()
        self._channel.close(is_failed=kind is not None)

    def expect(self, ids: Iterable[OrthancId]) -> None:
        """Say what will be sent next, in this order: it is read ahead and transcoded meanwhile."""
        self._expected.extend(ids)

    def send(self, instance_id: OrthancId, meanwhile: Callable[[], None] | None = None) -> Outcome:
        """Send an instance, and return what the peer answered.

        Parameters
        ----------
        meanwhile : callable, optional
            What may be done while the peer looks at it; the next one is made ready then, too.

        Raises
        ------
        UnknownResource
            It is not there any more.
        NoPresentationContext
            The peer does not take its SOP class.
        NetworkProtocol
            The peer cannot be reached, fails, or takes it in no transfer syntax it can be had in.
        """
        self._meanwhile = meanwhile
        outgoing = self._read_ahead(instance_id)
        outcome = None if outgoing is None else self._send_read(outgoing)
        return outcome or self._send_by_itself(instance_id)

    def _send_read(self, outgoing: Outgoing) -> Outcome | None:
        """Send an instance that was read ahead; None where the association is not for it."""
        if isinstance(outgoing.error, UnknownResource):
            raise outgoing.error
        association = self._channel.association
        if association is None or not association.is_open or outgoing.error is not None:
            return None
        context_id = association.context(outgoing.sop_class_uid, outgoing.transfer_syntax_uid)
        if context_id is None:
            return None
        try:
            return self._store(association, context_id, outgoing)
        except NetworkProtocol:
            if not association.is_broken:
                raise
        logger.info("association broke: another one is opened")
        return None

    def send_data_set(
        self, kind: Kind, sop_instance_uid: str, pieces: Iterable[bytes | memoryview]
    ) -> Outcome:
        """Send what is not in the archive, in the syntax it is in."""
        self._channel.is_transcoding = False
        association = self._channel.open_for(kind)
        (syntax,) = self._channel.syntaxes(association, kind)
        context_id = association.context(kind.sop_class_uid, syntax) or 0
        return self._ask(association, context_id, kind.sop_class_uid, sop_instance_uid, pieces)

    def _read_ahead(self, instance_id: OrthancId) -> Outgoing | None:
        """Return an instance that was read ahead, None if it was not expected now."""
        if not self._expected or self._expected[0] != instance_id:
            return None
        found, self._next = self._next, None
        if found is None:
            found = self._read_next()
        self._expected.popleft()
        if isinstance(found, NepheleError):
            raise found
        return found

    def _read_next(self) -> Outgoing | NepheleError | None:
        """Return the first one that is expected; the one before is closed."""
        if self._stream is None:
            expected = list(self._expected)
            self._stream = iter_outgoing(
                self._archive, expected, self._channel.wanted, self._prepare
            )
        found: Outgoing | NepheleError | None
        try:
            found = next(self._stream, None)
        except NepheleError as error:
            found = error
        if not isinstance(found, Outgoing):  # it is over: what else is expected needs another one
            self._stream = None
        return found

    def _use_time(self) -> None:
        """Do what can be done while the peer looks at an instance."""
        if self._meanwhile is not None:
            self._meanwhile()
        if self._stream is not None and self._next is None:
            self._next = self._read_next()

    def _prepare(self, following: Sequence[Resource]) -> None:
        self._channel.expect(kind_of(resource) for resource in following)

    def _send_by_itself(self, instance_id: OrthancId) -> Outcome:
        """Send an instance that was not read ahead, or in vain."""
        resource = self._archive.index.resource(instance_id)
        if resource is None:
            raise UnknownResource("An instance was deleted meanwhile")
        kind = kind_of(resource)
        association = self._channel.open_for(kind)
        syntaxes = self._channel.syntaxes(association, kind)
        try:
            outgoing = read_outgoing(self._archive, resource, syntaxes)
        except (NotTranscodable, BadFileFormat, StorageFull) as exc:
            raise NetworkProtocol(f"{self._channel.no_context(kind)}: {exc}") from exc
        try:
            context_id = association.context(kind.sop_class_uid, outgoing.transfer_syntax_uid)
            return self._store(association, context_id or 0, outgoing)
        finally:
            outgoing.close()

    def _store(self, association: Association, context_id: int, outgoing: Outgoing) -> Outcome:
        return self._ask(
            association,
            context_id,
            outgoing.sop_class_uid,
            outgoing.sop_instance_uid,
            outgoing.iter_chunks(),
        )

    def _ask(
        self,
        association: Association,
        context_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        pieces: Iterable[bytes | memoryview],
    ) -> Outcome:
        """Ask the peer to store a data set. See PS3.7 9.3.1."""
        command: dict[Tag, int | str] = {
            Tag.AFFECTED_SOP_CLASS_UID: sop_class_uid,
            Tag.COMMAND_FIELD: Field.C_STORE,
            Tag.MESSAGE_ID: association.next_message_id(),
            Tag.PRIORITY: MEDIUM_PRIORITY,
            Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
            Tag.AFFECTED_SOP_INSTANCE_UID: sop_instance_uid,
        }
        if self._originator is not None:
            command[Tag.MOVE_ORIGINATOR_AET] = self._originator[0]
            command[Tag.MOVE_ORIGINATOR_MESSAGE_ID] = self._originator[1]
        answer = association.request(context_id, command, pieces, self._use_time).command
        return Outcome(answer.status, answer.comment, sop_class_uid, sop_instance_uid)
