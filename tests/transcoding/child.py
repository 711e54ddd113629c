"""A process that transcodes what it is given, with little memory: `python -m …child MEBIBYTES`.

It reads the length of a UID, the UID, the length of a file and the file, and answers with one line
of JSON. Whatever kills or halts a codec kills or halts this process, and its parent sees it.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

from nephele.domain.transcoding import transcode
from nephele.errors import BadFileFormat, NotTranscodable

_REFUSALS = (BadFileFormat, NotTranscodable)


def _warm_up() -> None:
    """Load what is imported late, so that it does not count as memory of the first case."""
    import imagecodecs
    import numpy as np
    import openjpeg  # noqa: F401
    import pydicom.datadict  # noqa: F401

    imagecodecs.jpeg8_encode(np.zeros((8, 8), "u1"))
    for codec in ("jpegls", "jpeg2k", "htj2k", "jpegxl", "dicomrle"):
        getattr(imagecodecs, f"{codec}_decode")  # loads its library


def _limit(mebibytes: int) -> None:
    """Limit the address space to so much more than it takes now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    most = pages * resource.getpagesize() + (mebibytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_kib() -> int:
    """Return the most memory so far; `getrusage` would count what the parent had when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _read_block(file: BinaryIO) -> bytes | None:
    header = file.read(4)
    if len(header) < 4:
        return None
    return file.read(struct.unpack("<I", header)[0])


def _answer(uid: str, encoded: bytes) -> dict[str, Any]:
    try:
        result = transcode(encoded, uid)
    except _REFUSALS as exc:
        return {"outcome": "refused", "message": f"{type(exc).__name__}: {exc}"}
    except BaseException as exc:  # noqa: BLE001  what the parent is looking for
        return {"outcome": "escaped", "message": f"{type(exc).__name__}: {exc}"}
    return {"outcome": "result", "message": result.transfer_syntax_uid}


def main() -> None:
    """Answer until the input ends."""
    _warm_up()
    _limit(int(sys.argv[1]))
    idle_kib = _peak_kib()
    while (uid := _read_block(sys.stdin.buffer)) is not None:
        encoded = _read_block(sys.stdin.buffer) or b""
        answer = _answer(uid.decode("ascii"), encoded)
        answer["peak_mebibytes"] = (_peak_kib() - idle_kib) >> 10
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
