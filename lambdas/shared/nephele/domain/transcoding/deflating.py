"""Writing a deflated data set. See PS3.5 A.5."""

from __future__ import annotations

import zlib

from nephele.domain.inflate import MAXIMUM_INFLATED_BYTES
from nephele.domain.transcoding.sinks import Sink
from nephele.errors import NotTranscodable

_LEVEL = 6


class DeflatingSink:
    """Deflates what is written; only the file meta information, the front, is left out."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._deflater = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
        self._written = 0
        self._deflated = 0

    def begin(self, front_bytes: int) -> None:
        """Begin the file behind its front."""
        self._sink.begin(front_bytes)

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes; NotTranscodable once they are more than will be inflated again."""
        self._written += len(data)
        if self._written > MAXIMUM_INFLATED_BYTES:
            raise NotTranscodable(
                f"TransferSyntaxUID (0002,0010): above {MAXIMUM_INFLATED_BYTES} bytes no data set"
                " is deflated: choose another transfer syntax"
            )
        self._pass(self._deflater.compress(data))

    def finish(self, front: bytes) -> None:
        """End the stream, padded to an even length, and take the front."""
        self._pass(self._deflater.flush())
        self._pass(b"\0" * (self._deflated % 2))
        self._sink.finish(front)

    def _pass(self, deflated: bytes) -> None:
        if deflated:
            self._deflated += len(deflated)
            self._sink.write(deflated)
