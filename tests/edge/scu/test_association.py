"""Associations the edge requests, with peers that misbehave: a clear reason, in time."""

from __future__ import annotations

import time

import pytest

from dimse_edge.command import HAS_DATA_SET, NO_DATA_SET, Field, Tag
from dimse_edge.scu.association import Association
from dimse_edge.scu.requests import Destination, Proposal, ProposedContext
from nephele.errors import NetworkProtocol
from tests.edge.scu import peers
from tests.edge.scu.peers import Behaviour, peer

_CT = "1.2.840.10008.5.1.4.1.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"
_TIMEOUT = 0.6
_PATIENCE = 3.0
_PROPOSAL = Proposal([ProposedContext(_CT, (_EXPLICIT,))])


def destination(port: int, timeout: float | None = _TIMEOUT) -> Destination:
    return Destination("127.0.0.1", port, "PEER", "NEPHELE", timeout, 16384)


def store(port: int, size_bytes: int = 10_000) -> None:
    """Send an instance of zeros."""
    with Association(destination(port), _PROPOSAL) as association:
        context_id = association.context(_CT, _EXPLICIT)
        assert context_id is not None
        command: dict[Tag, int | str] = {
            Tag.AFFECTED_SOP_CLASS_UID: _CT,
            Tag.COMMAND_FIELD: Field.C_STORE,
            Tag.MESSAGE_ID: association.next_message_id(),
            Tag.COMMAND_DATA_SET_TYPE: HAS_DATA_SET,
            Tag.AFFECTED_SOP_INSTANCE_UID: "1.2.3",
        }
        association.request(context_id, command, [bytes(size_bytes)])


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (peers.hangs, "does not answer in time"),
        (peers.accepts_and_hangs, "does not answer in time"),
        (peers.closes, "closed the connection"),
        (peers.aborts, "aborted the association"),
        (peers.accepts_and_aborts, "aborted the association"),
        (peers.answers_garbage, "no DICOM"),
        (peers.accepts_with_garbage, "cannot be decoded"),
        (peers.accepts_and_answers_garbage, "command set"),
        (peers.answers_in_two_contexts, "several contexts"),
        (peers.announces_gigabytes, "too long"),
        (peers.rejects, "rejects the association: calling ae title not recognised"),
        (peers.trickles, "does not answer in time"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_failures_have_a_reason_and_come_in_time(behaviour: Behaviour, reason: str) -> None:
    with peer(behaviour) as port:
        started = time.monotonic()
        with pytest.raises(NetworkProtocol, match=reason):
            store(port)
        assert time.monotonic() - started < _PATIENCE


def test_a_peer_that_reads_a_byte_now_and_then_is_given_up() -> None:
    with peer(peers.reads_slowly) as port:
        started = time.monotonic()
        with pytest.raises(NetworkProtocol, match=r"does not take|does not answer"):
            store(port, 32 << 20)
        assert time.monotonic() - started < 2 * _PATIENCE


def test_refused_contexts_leave_an_association_without_any() -> None:
    with (
        peer(peers.refuses_contexts) as port,
        Association(destination(port), _PROPOSAL) as association,
    ):
        assert association.contexts == {}
        association.abort()


def test_nobody_there() -> None:
    with peer(peers.hangs) as port:
        pass
    with pytest.raises(NetworkProtocol, match="connection refused"):
        Association(destination(port), _PROPOSAL)


def test_an_association_says_that_it_is_broken() -> None:
    with peer(peers.accepts_and_aborts) as port:
        association = Association(destination(port), _PROPOSAL)
        command: dict[Tag, int | str] = {
            Tag.COMMAND_FIELD: Field.C_ECHO,
            Tag.MESSAGE_ID: 1,
            Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
        }
        with pytest.raises(NetworkProtocol):
            association.request(1, command)
        assert association.is_broken
        assert not association.is_open
