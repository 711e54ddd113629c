"""The transfer syntaxes that the tests demand, under short names."""

from __future__ import annotations

from typing import Final

_ROOT: Final = "1.2.840.10008.1.2"

UIDS: Final[dict[str, str]] = {
    "implicit": _ROOT,
    "explicit": f"{_ROOT}.1",
    "deflated": f"{_ROOT}.1.99",
    "big endian": f"{_ROOT}.2",
    "rle": f"{_ROOT}.5",
    "jpeg baseline": f"{_ROOT}.4.50",
    "jpeg extended": f"{_ROOT}.4.51",
    "jpeg lossless": f"{_ROOT}.4.57",
    "jpeg lossless sv1": f"{_ROOT}.4.70",
    "jpeg-ls": f"{_ROOT}.4.80",
    "jpeg-ls near": f"{_ROOT}.4.81",
    "j2k lossless": f"{_ROOT}.4.90",
    "j2k": f"{_ROOT}.4.91",
    "htj2k lossless": f"{_ROOT}.4.201",
    "htj2k rpcl": f"{_ROOT}.4.202",
    "htj2k": f"{_ROOT}.4.203",
    "jxl lossless": f"{_ROOT}.4.110",
    "jxl of jpeg": f"{_ROOT}.4.111",
    "jxl": f"{_ROOT}.4.112",
}
"""UID by name."""

NAMES: Final[dict[str, str]] = {uid: name for name, uid in UIDS.items()}
NATIVE: Final = ("implicit", "explicit", "deflated", "big endian")
LOSSY: Final = ("jpeg baseline", "jpeg extended", "jpeg-ls near", "j2k", "htj2k", "jxl")
"""Syntaxes whose encoder loses something. `jxl of jpeg` is lossy too, but keeps what a JPEG has."""
RECODED: Final = "jxl of jpeg"
"""Made of JPEG Baseline streams only."""
LOSSLESS: Final = tuple(name for name in UIDS if name not in (*LOSSY, RECODED))
