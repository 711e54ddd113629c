"""An HTTP client of one peer; whatever goes wrong there is a NetworkProtocol error that says so."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx
import orjson

from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.peers.guard import GuardedBackend, resolve
from nephele.services.peers.secrets import authorities, proxy
from nephele.settings.peer import Peer

_DICOM = "application/dicom"
_PEM = "-----BEGIN"
_STORED = frozenset({"Success", "AlreadyStored"})
_BUSY = frozenset({429, 502, 503, 504})
_MOST_CONNECTIONS = 16

Body = bytes | Iterator[bytes]


class Transient(NetworkProtocol):
    """The peer could not be reached, or is busy: another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An instance as it travels; `size_bytes` is what is sent."""

    body: Body
    size_bytes: int
    is_gzip: bool = False


class PeerClient:
    """Connections to a peer, shared by threads; a context manager."""

    def __init__(self, archive: Archive, peer: Peer, timeout_seconds: float | None = None) -> None:
        if peer.pkcs11:
            raise NetworkProtocol("Pkcs11: there are no hardware tokens here")
        self._url = peer.url
        seconds = timeout_seconds or peer.timeout or archive.configuration.http_timeout or None
        self._client = httpx.Client(
            auth=(peer.username, peer.password) if peer.username else None,
            headers=peer.http_headers,
            timeout=seconds,
            transport=_transport(archive, peer),
            trust_env=False,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def system(self) -> dict[str, Any]:
        """Return the peer's `/system`."""
        return self._request("GET", "system")

    def has(self, orthanc_id: str) -> bool:
        """Tell whether the peer has an instance."""
        with _translated():
            answer = self._client.get(f"{self._url}instances/{orthanc_id}")
        return answer.status_code == httpx.codes.OK

    def store(self, upload: Upload) -> dict[str, Any]:
        """Send an instance and return the peer's answer, which confirms that it has it.

        Raises
        ------
        NetworkProtocol
            It was not confirmed.
        """
        headers = {"Content-Type": _DICOM, "Content-Length": str(upload.size_bytes)}
        if upload.is_gzip:
            headers["Content-Encoding"] = "gzip"
        answer = self._request("POST", "instances", content=upload.body, headers=headers)
        if answer.get("Status") not in _STORED or not isinstance(answer.get("ID"), str):
            raise NetworkProtocol(f"The peer did not store it: {str(answer.get('Status'))[:40]}")
        return answer

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        with _translated():
            answer = self._client.request(method, self._url + path, **options)
        _check_status(answer)
        if not answer.content.strip():
            raise NetworkProtocol("The peer answers with nothing")
        try:
            value = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            kind = answer.headers.get("content-type", "no type")[:60]
            raise NetworkProtocol(f"The peer answers with something that is no JSON object: {kind}")
        return value


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == httpx.codes.OK:
        return
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise NetworkProtocol(f"The peer refuses the login: HTTP {status}")
    error = Transient if status in _BUSY else NetworkProtocol
    raise error(f"The peer answers with HTTP {status}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
        raise Transient(f"The peer cannot be reached: {exc}") from exc
    except httpx.TimeoutException as exc:
        raise NetworkProtocol("The peer does not answer in time") from exc
    except httpx.RemoteProtocolError as exc:
        raise Transient(f"The peer closed the connection or speaks no HTTP: {exc}") from exc
    except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as exc:
        raise Transient(f"The connection to the peer broke: {type(exc).__name__}") from exc


def _transport(archive: Archive, peer: Peer) -> httpx.HTTPTransport:
    """Return a transport that connects to addresses a peer may have, or to the proxy alone."""
    configuration = archive.configuration
    allowed = configuration.peers_allowed_addresses
    is_plain = peer.url.startswith("http:")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else _tls_context(archive, peer)
    if proxy_url := proxy(archive):
        parts = urlsplit(peer.url)
        resolve(parts.hostname or "", parts.port or 0, allowed)
        return httpx.HTTPTransport(verify=context, proxy=proxy_url)
    transport = httpx.HTTPTransport(verify=context)
    transport._pool = httpcore.ConnectionPool(
        ssl_context=context,
        max_connections=_MOST_CONNECTIONS,
        network_backend=GuardedBackend(allowed),
    )
    return transport


def _tls_context(archive: Archive, peer: Peer) -> ssl.SSLContext:
    """Return the context for HTTPS: `HttpsVerifyPeers`, the authorities, and a certificate."""
    context = ssl.create_default_context(cadata=authorities(archive) or None)
    if not archive.configuration.https_verify_peers:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if peer.certificate_file:
        _load_certificate(context, peer)
    return context


def _load_certificate(context: ssl.SSLContext, peer: Peer) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            name: _file(folder, name, text)
            for name, text in _given(
                {"certificate": peer.certificate_file, "key": peer.certificate_key_file}
            ).items()
        }
        try:
            context.load_cert_chain(
                paths["certificate"], paths.get("key"), peer.certificate_key_password or None
            )
        except (OSError, ssl.SSLError) as exc:
            raise NetworkProtocol("CertificateFile or CertificateKeyFile cannot be used") from exc


def _given(values: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in values.items() if text}


def _file(folder: str, name: str, text: str) -> str:
    """Return the path of a file: OpenSSL reads certificates from files alone."""
    if _PEM not in text:
        return text
    path = f"{folder}/{name}.pem"
    with open(path, "x", encoding="ascii", opener=_private) as file:
        file.write(text)
    return path


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
