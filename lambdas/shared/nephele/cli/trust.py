"""Certificates to trust: the system's, a given bundle's, or also those of a local stack."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

LOCAL_BUNDLE = Path(".nephele") / "tls" / "trusted.pem"
"""What `nephele up`, started in this folder, signs its certificate with."""


class BadBundle(Exception):
    """There are no certificates to read in a file; the message says why."""


def trust(url: str, ca_bundle: Path | None) -> ssl.SSLContext:
    """Return the context for connections to a server and to the bucket behind it.

    Raises
    ------
    BadBundle
        The bundle is missing or has no certificates.
    """
    if ca_bundle is not None:
        # A given bundle stands in place of the system's certificates, as in AWS's own tools.
        with _reading(ca_bundle):
            return ssl.create_default_context(cafile=os.fspath(ca_bundle))
    context = httpx.create_ssl_context()
    if is_loopback(url) and LOCAL_BUNDLE.is_file():
        with _reading(LOCAL_BUNDLE):
            context.load_verify_locations(cafile=LOCAL_BUNDLE)
    return context


@contextmanager
def _reading(bundle: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise BadBundle(f"--ca-bundle {bundle}: {exc.strerror or exc}") from exc


def is_loopback(url: str) -> bool:
    """Return whether a server is on this machine, by its address alone."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
