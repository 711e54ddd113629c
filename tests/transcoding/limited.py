"""Transcoding in a child process that has little memory and little time."""

from __future__ import annotations

import json
import selectors
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MEBIBYTES = 768
"""Address space of the child, beyond what its libraries take."""
SECONDS = 60
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one file.

    Attributes
    ----------
    kind : str
        `"result"`, `"refused"` (by NotTranscodable or BadFileFormat), `"escaped"` (by any other
        exception), `"died"` or `"hung"`.
    peak_mebibytes : int
        The child's most memory so far, beyond its libraries'.
    """

    kind: str
    message: str
    peak_mebibytes: int = 0

    @property
    def is_sound(self) -> bool:
        """Tell whether it is an answer at all, with a reason if it is no result."""
        reason = self.message.partition(": ")[2]
        return self.kind == "result" or (self.kind == "refused" and bool(reason))


class LimitedChild:
    """A child process that is started again when it ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def transcode(self, encoded: bytes, uid: str) -> Outcome:
        """Transcode a file in the child."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        name = uid.encode("ascii")
        blocks = (name, encoded)
        try:
            for block in blocks:
                process.stdin.write(struct.pack("<I", len(block)) + block)
            process.stdin.flush()
        except BrokenPipeError:
            return self._ended("died", process)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(SECONDS):
                return self._ended("hung", process)
        line = process.stdout.readline()
        if not line:
            return self._ended("died", process)
        answer = json.loads(line)
        return Outcome(answer["outcome"], answer["message"], answer["peak_mebibytes"])

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._ended("closed", self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.transcoding.child", str(MEBIBYTES)]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self._process

    def _ended(self, kind: str, process: subprocess.Popen[bytes]) -> Outcome:
        self._process = None
        if kind != "died":
            process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        return Outcome(kind, f"the child ended with {code}")
