"""How long a peer may take for what it is sent, on a clock that sending alone moves."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from dimse_edge import transport
from dimse_edge.transport import ConnectionEnded, PduSocket

_TIMEOUT = 10.0
_DATA = bytes(range(256)) * 2048


class SlowPeer:
    """A connection that takes some bytes with each call, which lasts the whole timeout."""

    def __init__(self, amount: int) -> None:
        self.now = 0.0
        self.taken = bytearray()
        self._amount = amount

    def send(self, data: memoryview) -> int:
        self.now += _TIMEOUT
        piece = data[: self._amount]
        self.taken += piece
        return len(piece)

    def sendmsg(self, buffers: Sequence[bytes]) -> int:
        return self.send(memoryview(b"".join(buffers)))


def connected(monkeypatch: pytest.MonkeyPatch, peer: SlowPeer) -> PduSocket:
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=lambda: peer.now))
    connection = Mock(send=peer.send, sendmsg=peer.sendmsg)
    found = PduSocket(Mock(), connection, 16384)
    found._set_timeout(_TIMEOUT)
    return found


def test_a_peer_that_takes_bytes_one_by_one_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = SlowPeer(1)
    with pytest.raises(ConnectionEnded):
        connected(monkeypatch, peer).send_buffers([_DATA, _DATA])
    assert peer.now <= 2 * _TIMEOUT


def test_a_peer_that_takes_enough_gets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = SlowPeer(1 << 16)
    connected(monkeypatch, peer).send_buffers([_DATA, _DATA])
    assert peer.taken == _DATA + _DATA
    assert peer.now > 2 * _TIMEOUT
