"""Connections of the command line to a server's REST API."""

from __future__ import annotations

import ssl

import httpx

_TIMEOUT = httpx.Timeout(120, connect=10)


def open_client(verify: ssl.SSLContext, url: str = "", user: str = "") -> httpx.Client:
    """Open a client; `user` is `name:password`, or empty for no login."""
    name, _, password = user.partition(":")
    login = httpx.BasicAuth(name, password) if user else None
    return httpx.Client(base_url=url, auth=login, timeout=_TIMEOUT, verify=verify)
