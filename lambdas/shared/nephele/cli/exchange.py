"""Requests to a server that may fail: tried again where that may help, else told why not."""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx

Result = TypeVar("Result")
Sleep = Callable[[float], None]

_ATTEMPTS = 6
_TRANSIENT = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class Refused(Exception):
    """The server does not do what it is asked; the message says why."""


class Absent(Refused):
    """The server has no such thing."""


class Failed(Exception):
    """The server kept failing."""


class Stopped(Exception):
    """Nothing can be sent: a server is down or not trusted; the message is one line."""


class Transient(Exception):
    """An attempt failed, and another one may not."""


def insist(call: Callable[[], Result], sleep: Sleep = time.sleep) -> Result:
    """Make a call, several times where the server is busy or out of reach.

    Raises
    ------
    Failed, Stopped
        No attempt succeeded. What else the call raises passes through, a URL without a scheme too.
    """
    failure: Failed | Stopped = Failed()
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(min(20.0, 0.2 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
        try:
            return call()
        except httpx.UnsupportedProtocol:
            raise
        except httpx.TransportError as exc:
            failure = _explain_transport(exc)
        except Transient as exc:
            failure = Failed(str(exc))
    raise failure


def checked(response: httpx.Response) -> httpx.Response:
    """Return a response that is a success.

    Raises
    ------
    Refused, Absent, Transient
        It is none; the message is the server's own words.
    """
    if response.is_success:
        return response
    reason = _explain(response)
    if response.status_code in _TRANSIENT:
        raise Transient(reason)
    is_absent = response.status_code == HTTPStatus.NOT_FOUND
    raise Absent(reason) if is_absent else Refused(reason)


def _explain_transport(exc: httpx.TransportError) -> Failed | Stopped:
    """Return what to raise when there are no more attempts.

    Raises
    ------
    Stopped
        The server's certificate is not trusted: no attempt will change that.
    """
    # Neither a signed address's signature nor a login: this is printed.
    server = f"{exc.request.url.scheme}://{exc.request.url.netloc.decode()}"
    certificate = _certificate_error(exc)
    if certificate is not None:
        raise Stopped(
            f"The certificate of {server} is not trusted ({certificate.verify_message}): name what "
            "to trust with --ca-bundle, which also stands for AWS_CA_BUNDLE where that is set; a "
            "local stack's is DATA/tls/trusted.pem"
        ) from exc
    reason = f"{type(exc).__name__}: {exc}"
    if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
        return Stopped(f"Cannot reach {server} ({reason})")
    return Failed(reason)


def _certificate_error(exc: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return the cause of an error that is about a certificate."""
    while exc is not None and not isinstance(exc, ssl.SSLCertVerificationError):
        exc = exc.__cause__ or exc.__context__
    return exc


def _explain(response: httpx.Response) -> str:
    """Return the server's own words, else the HTTP status."""
    try:
        error = response.json()
        words = error.get("Details") or error.get("Message")
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        words = None
    return str(words or f"HTTP {response.status_code} {response.reason_phrase}")
