"""An HTTP client of one peer; whatever goes wrong there is a NetworkProtocol error that says so."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self

import orjson
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.peers.connections import Connections, Transient, basic_login
from nephele.settings.peer import Peer

_DICOM = "application/dicom"
_STORED = frozenset({"Success", "AlreadyStored"})
_BUSY = frozenset({429, 502, 503, 504})
_LARGEST_ANSWER_BYTES = 1 << 20
_LEAST_SECONDS = 0.2
"""What an answer may take still, when its time is over by the clock: it may be there."""
_FRAMING = frozenset({"content-length", "transfer-encoding"})

Body = bytes | Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Upload:
    """An instance as it travels; `size_bytes` is what is sent."""

    body: Body
    size_bytes: int
    is_gzip: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Pending:
    """What a request will be answered: `read` it once.

    Parameters
    ----------
    failure : NetworkProtocol, optional
        Why nothing was sent; it is raised where the answer is read.

    The peer has its time from when the request was sent, not from when its answer is read.
    """

    def __init__(
        self,
        connections: Connections,
        connection: HTTPConnection | None,
        failure: NetworkProtocol | None = None,
    ) -> None:
        self._connections = connections
        self._connection = connection
        self._failure = failure
        self._sent_at = time.monotonic()

    @property
    def has_failed(self) -> bool:
        """Tell whether nothing was sent."""
        return self._failure is not None

    def read(self) -> Answer:
        """Wait for the answer.

        Raises
        ------
        NetworkProtocol
            There is none, or none that can be read.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            raise self._failure or NetworkProtocol("The answer was read already")
        if (seconds := self._connections.seconds) is not None:
            left = seconds - (time.monotonic() - self._sent_at)
            connection.timeout = max(left, _LEAST_SECONDS)
        try:
            with _translated():
                response = connection.getresponse()
                if response.status < HTTPStatus.OK:  # more of it is on its way
                    raise HTTPException(f"HTTP {response.status}")
                body = response.read(_LARGEST_ANSWER_BYTES + 1)
                answer = Answer(response.status, response.headers, body)
                is_read = response.read(1) == b""
        except NetworkProtocol:
            connection.close()
            raise
        if is_read and connection.sock is not None:
            self._connections.give_back(connection)
        else:
            connection.close()
        if len(body) > _LARGEST_ANSWER_BYTES:
            raise NetworkProtocol("The peer's answer is too long")
        return answer


class PeerClient:
    """Connections to a peer, shared by threads; a context manager."""

    def __init__(self, archive: Archive, peer: Peer, timeout_seconds: float | None = None) -> None:
        if peer.pkcs11:
            raise NetworkProtocol("Pkcs11: there are no hardware tokens here")
        seconds = timeout_seconds or peer.timeout or archive.configuration.http_timeout or None
        self._connections = Connections(archive, peer, seconds)
        own = {"User-Agent": "nephele", "Accept": "*/*", **self._connections.headers}
        if peer.username:
            own["Authorization"] = basic_login(peer.username, peer.password)
        given = {name: text for name, text in peer.http_headers.items() if _is_free(name)}
        self._headers = _merged(own, given)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connections.close()

    def system(self) -> dict[str, Any]:
        """Return the peer's `/system`."""
        return _json(self._begin("GET", "system").read())

    def has(self, orthanc_id: str) -> bool:
        """Tell whether the peer has an instance."""
        return self._begin("GET", f"instances/{orthanc_id}").read().status == HTTPStatus.OK

    def store(self, upload: Upload) -> dict[str, Any]:
        """Send an instance and return the peer's answer, which confirms that it has it.

        Raises
        ------
        NetworkProtocol
            It was not confirmed.
        """
        return confirmed(self.begin_store(upload))

    def begin_store(self, upload: Upload) -> Pending:
        """Send an instance; `confirmed` tells later whether the peer has it."""
        headers = {"Content-Type": _DICOM, "Content-Length": str(upload.size_bytes)}
        if upload.is_gzip:
            headers["Content-Encoding"] = "gzip"
        return self._begin("POST", "instances", upload.body, **headers)

    def _begin(self, method: str, path: str, body: Body | None = None, **headers: str) -> Pending:
        """Send a request; what fails there is told where its answer is read."""
        try:
            connection = self._connections.take()
        except NetworkProtocol as error:
            return Pending(self._connections, None, error)
        target, headers = self._connections.target + path, _merged(self._headers, headers)
        try:
            # a peer that hangs up in the middle may have answered before
            with _translated(), suppress(ConnectionError):
                connection.request(method, target, body, headers, preload_content=False)
        except NetworkProtocol as error:
            connection.close()
            return Pending(self._connections, None, error)
        except BaseException:
            connection.close()
            raise
        return Pending(self._connections, connection)


def _is_free(header: str) -> bool:
    """Tell whether a header is the user's to set: not where it says where a request ends."""
    return header.lower() not in _FRAMING


def _merged(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Return headers of both; the second's win over the first's of the same name in any case."""
    named = {name.lower(): (name, value) for name, value in (*first.items(), *second.items())}
    return dict(named.values())


def confirmed(pending: Pending) -> dict[str, Any]:
    """Return the peer's answer to an instance, which confirms that it has it.

    Raises
    ------
    NetworkProtocol
        It was not confirmed.
    """
    answer = _json(pending.read())
    if answer.get("Status") not in _STORED or not isinstance(answer.get("ID"), str):
        raise NetworkProtocol(f"The peer did not store it: {str(answer.get('Status'))[:40]}")
    return answer


def _json(answer: Answer) -> dict[str, Any]:
    _check_status(answer.status)
    if not answer.body.strip():
        raise NetworkProtocol("The peer answers with nothing")
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        kind = answer.headers.get("content-type", "no type")[:60]
        raise NetworkProtocol(f"The peer answers with something that is no JSON object: {kind}")
    return value


def _check_status(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise NetworkProtocol(f"The peer refuses the login: HTTP {status}")
    error = Transient if status in _BUSY else NetworkProtocol
    raise error(f"The peer answers with HTTP {status}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, ReadTimeoutError) as exc:
        raise NetworkProtocol("The peer does not answer in time") from exc
    except (ConnectionError, HTTPException, ProtocolError) as exc:
        raise Transient("The peer closed the connection or speaks no HTTP") from exc
    except (OSError, HTTPError) as exc:
        raise Transient(f"The connection to the peer broke: {type(exc).__name__}") from exc
    except ValueError as exc:
        raise NetworkProtocol("HttpHeaders: one of them cannot be sent") from exc
