"""Statuses of DIMSE services in words, for who asked."""

from __future__ import annotations

from typing import Final

from pynetdicom.status import (
    GENERAL_STATUS,
    QR_FIND_SERVICE_CLASS_STATUS,
    QR_GET_SERVICE_CLASS_STATUS,
    QR_MOVE_SERVICE_CLASS_STATUS,
    STORAGE_SERVICE_CLASS_STATUS,
)

_WORDS: Final = {
    "C-FIND": QR_FIND_SERVICE_CLASS_STATUS,
    "C-GET": QR_GET_SERVICE_CLASS_STATUS,
    "C-MOVE": QR_MOVE_SERVICE_CLASS_STATUS,
    "C-STORE": STORAGE_SERVICE_CLASS_STATUS,
}


def failing(service: str, status: int, comment: str = "") -> str:
    """Say that a service fails: its status, the standard's words for it, the peer's own.

    See PS3.4 (B.2.3, C.4.1 to C.4.3) and PS3.7 annex C.
    """
    _, words = _WORDS.get(service, GENERAL_STATUS).get(status, ("", ""))
    said = "; ".join(part for part in (words, comment) if part)
    return f"{service} fails with status 0x{status:04x}" + (f" ({said})" if said else "")
