"""The job `DicomMoveScu`: C-MOVE from others to wherever. See PS3.4 C.4.2."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from functools import cached_property
from typing import Any

from dimse_edge.command import Field
from dimse_edge.credit import FIRST_MESSAGE_ID
from dimse_edge.scu.association import Association
from dimse_edge.scu.calls import PENDING, destination_of, proposal_of, send_identifier
from dimse_edge.scu.resuming import ask_for_rest
from dimse_edge.scu.retrieved import Retrieved
from dimse_edge.scu.retrieving import Progress, retrieve_all
from nephele.aws.index.moved import forget_moved, moved
from nephele.domain.case import fold_case
from nephele.domain.character_set import encoding_named
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.query_keys import Query, with_level
from nephele.domain.sop_classes import STUDY_ROOT_MOVE
from nephele.errors import MoveUnavailable
from nephele.services.archive import Archive
from nephele.services.jobs.slices import Slice
from nephele.services.overrides import followed

_MESSAGE_IDS = range(FIRST_MESSAGE_ID, 0xFFFF)

_INDEXED_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


def run(archive: Archive, piece: Slice) -> bool:
    """Ask a modality to send what is left."""
    target = piece.request["TargetAet"]
    with ExitStack() as opened:
        ask = _Move(archive, piece.request, opened).ask
        is_here = fold_case(target) == fold_case(archive.configuration.dicom_aet)
        go_on = ask_for_rest(archive, piece, ask) if is_here else None
        return retrieve_all(archive, piece, "C-MOVE", ask, go_on)


class _Move:
    """Retrievals over one association, opened for the first: what is listed is listed before."""

    def __init__(self, archive: Archive, request: dict[str, Any], opened: ExitStack) -> None:
        self._archive = archive
        self._peer = destination_of(archive, request)
        self._target = request["TargetAet"]
        self._opened = opened

    @cached_property
    def _association(self) -> Association:
        return self._opened.enter_context(Association(self._peer, proposal_of(STUDY_ROOT_MOVE)))

    def ask(self, level: Level, query: Query, progress: Progress) -> Retrieved:
        """Ask for one resource, and wait until it was sent."""
        message_id = random.choice(_MESSAGE_IDS)  # noqa: S311  a number that is not in use
        table = self._archive.index.table
        forget_moved(table, message_id)
        self._request(message_id, level, query)
        while True:
            message = self._association.receive()
            self._association.check_response(message, message_id)
            if message.command.status not in PENDING:
                break
            progress(message.command)
        received = moved(table, message_id)
        self._await_indexed(received)
        named = [str(one) for one in received]
        return Retrieved.of(self._association, message, named)

    def _await_indexed(self, received: list[OrthancId]) -> None:
        """Wait a while until what has come here can be read: the peer may be quicker."""
        deadline, pause = time.monotonic() + _INDEXED_SECONDS, _FIRST_PAUSE_SECONDS
        missing = set(received)
        while missing and time.monotonic() < deadline:
            missing -= self._archive.index.resources(missing).keys()
            if missing:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _request(self, message_id: int, level: Level, query: Query) -> None:
        context_id = self._association.context(STUDY_ROOT_MOVE)
        if context_id is None:
            raise MoveUnavailable(f"{self._peer}: it does not offer C-MOVE")
        send_identifier(
            self._association,
            context_id,
            Field.C_MOVE,
            message_id,
            with_level(query, level),
            encoding_named(followed(self._archive).default_encoding),
            move_destination=self._target,
        )
