"""Connections to a peer: to an address it may have, or through the proxy.

A request is sent now and its answer read later, so one thread keeps several under way.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import unquote
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util import Url, parse_url

from nephele.errors import NetworkProtocol
from nephele.services.archive import Archive
from nephele.services.peers.guard import resolve
from nephele.services.peers.secrets import authorities, proxy
from nephele.settings.peer import Peer

_PEM = "-----BEGIN"
_PORTS = {"http": 80, "https": 443}
_PROXY_CONFIG = ProxyConfig(
    ssl_context=None, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None
)


class Transient(NetworkProtocol):
    """The peer could not be reached, or is busy: another attempt may succeed."""


class Connections:
    """Connections to a peer that are free, for whichever thread.

    Attributes
    ----------
    target : str
        What a request for the peer's root asks for; it ends with a slash.
    seconds : float or None
        How long the peer may say nothing.
    headers : dict
        What each request has: the host, and the logins of the URL and the proxy.

    Raises
    ------
    NetworkProtocol
        The URL, the certificate or the proxy cannot be used.
    """

    def __init__(self, archive: Archive, peer: Peer, seconds: float | None) -> None:
        self._allowed = archive.configuration.peers_allowed_addresses
        self.seconds = seconds
        url, proxy_url = _parsed(peer.url, "Url"), proxy(archive)
        self._host, self._port = (url.host or "").strip("[]"), _port(url)
        self._tls = _tls_context(archive, peer) if url.scheme == "https" else None
        self._proxy = _parsed(proxy_url, "HttpProxy") if proxy_url else None
        self.target = url.request_uri
        self.headers = {"Host": url.netloc or "", **_login("Authorization", url)}
        if self._proxy is not None and self._tls is None:
            self.target = f"http://{url.netloc}{url.request_uri}"
            self.headers |= _login("Proxy-Authorization", self._proxy)
        self._free: list[HTTPConnection] = []
        self._opened = WeakSet[HTTPConnection]()

    def take(self) -> HTTPConnection:
        """Return an open connection.

        Raises
        ------
        Transient
            The peer cannot be reached.
        NetworkProtocol
            Its address is one that peers may not have.
        """
        while True:
            try:
                free = self._free.pop()
            except IndexError:
                break
            if free.is_connected:
                return free
            free.close()
        opened = self._through(self._proxy) if self._proxy is not None else self._straight()
        try:
            opened.connect()
        except (OSError, HTTPError, HTTPException, ValueError) as exc:
            opened.close()
            raise Transient(f"The peer cannot be reached: {_reason(exc)}") from exc
        self._opened.add(opened)
        return opened

    def give_back(self, connection: HTTPConnection) -> None:
        """Keep a connection whose answer was read to its end."""
        connection.timeout = self.seconds
        self._free.append(connection)

    def close(self) -> None:
        """Close all of them, whatever is under way."""
        for connection in self._opened:
            connection.close()

    def _straight(self) -> HTTPConnection:
        """Return a connection to the very address that was checked."""
        address = resolve(self._host, self._port, self._allowed)
        if self._tls is None:
            return HTTPConnection(address, self._port, timeout=self.seconds)
        return HTTPSConnection(
            address,
            self._port,
            timeout=self.seconds,
            ssl_context=self._tls,
            cert_reqs=self._tls.verify_mode,
            server_hostname=self._host,
        )

    def _through(self, proxy: Url) -> HTTPConnection:
        resolve(self._host, self._port, self._allowed)
        scheme, host, port = proxy.scheme or "http", proxy.host or "", _port(proxy)
        if scheme == "http" and self._tls is None:
            return HTTPConnection(host, port, timeout=self.seconds, proxy=proxy)
        connection = HTTPSConnection(
            host,
            port,
            timeout=self.seconds,
            proxy=proxy,
            proxy_config=_PROXY_CONFIG,
            ssl_context=self._tls,
            cert_reqs=ssl.CERT_REQUIRED if self._tls is None else self._tls.verify_mode,
        )
        if self._tls is not None:
            login = _login("Proxy-Authorization", proxy)
            connection.set_tunnel(self._host, self._port, login, scheme)
        return connection


def _reason(error: Exception) -> str:
    """Return in words why a connection cannot be opened."""
    if isinstance(error, TimeoutError | ConnectTimeoutError):
        return "it does not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        refused = f"its certificate is refused: {error.reason}, {error.verify_message}"
        return f"{refused} (see HttpsCACertificates, HttpsVerifyPeers)"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as asked: {error.reason}"
    if isinstance(error, HTTPException):
        return "the proxy speaks no HTTP"
    cause = error.__cause__ if isinstance(error, NewConnectionError) else error
    return getattr(cause, "strerror", None) or str(cause)


def _parsed(text: str, what: str) -> Url:
    try:
        url = parse_url(text)
    except HTTPError as exc:
        raise NetworkProtocol(f"{what}: it is no address of a server") from exc
    if url.scheme not in _PORTS or not url.host:
        raise NetworkProtocol(f"{what}: HTTP and HTTPS are spoken, nothing else")
    return url


def _port(url: Url) -> int:
    return url.port or _PORTS[url.scheme or "http"]


def _login(header: str, url: Url) -> dict[str, str]:
    """Return the header of the login a URL holds, if it does."""
    name, _, password = (url.auth or "").partition(":")
    return {header: basic_login(unquote(name), unquote(password))} if name else {}


def basic_login(name: str, password: str) -> str:
    """Return a login as HTTP's Basic authentication writes it (RFC 7617, in UTF-8)."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


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
