"""One of the two servers, and a client that asks it without being clever."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from time import monotonic

import httpx

from tests.differential import keeping

USER, PASSWORD = "alice", "orthanc-secret"
"""The one registered user of both servers."""

_POLL_SECONDS = 0.25
_REQUEST_SECONDS = 60.0
_IDLE_SECONDS = 0.3
"""Orthanc hangs up after a second: what is reused must be younger."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server answers."""

    name: str
    http: str
    dicom_port: int
    aet: str = "ORTHANC"


def configuration(stable_age: int) -> dict[str, object]:
    """Return the options both servers run under; ports and folders are each server's own."""
    return {
        "AuthenticationEnabled": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowStore": True,
        "HttpCompressionEnabled": False,
        "Name": "differential",
        "RegisteredUsers": {USER: PASSWORD},
        "StableAge": stable_age,
        **keeping.OPTIONS,
    }


def open_client(server: Server) -> httpx.Client:
    """Return a client that logs in and follows no redirect."""
    return httpx.Client(
        base_url=server.http,
        auth=(USER, PASSWORD),
        timeout=_REQUEST_SECONDS,
        limits=httpx.Limits(keepalive_expiry=_IDLE_SECONDS),
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )


def await_stable(client: httpx.Client, seconds: float = 60.0) -> None:
    """Return when every patient, study and series is stable.

    Raises
    ------
    TimeoutError
        Some are not after `seconds`.
    """
    stop = monotonic() + seconds
    pause = Event()
    while unstable := _unstable(client):
        if monotonic() > stop:
            raise TimeoutError(f"not stable after {seconds} s: {unstable}")
        pause.wait(_POLL_SECONDS)


def _unstable(client: httpx.Client) -> list[str]:
    return [
        resource["ID"]
        for collection in ("patients", "studies", "series")
        for resource in client.get(f"/{collection}?expand").raise_for_status().json()
        if not resource["IsStable"]
    ]
