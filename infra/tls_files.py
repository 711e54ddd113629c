"""Certificates and keys that the configuration names: they are there, and belong together."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from nephele.errors import ConfigurationError

_PAIRS = (("DicomTlsCertificate", "DicomTlsPrivateKey"),)
_OWN = "SslCertificate"
_PEER_PAIR = ("CertificateFile", "CertificateKeyFile")


def check_tls_files(options: Mapping[str, Any], folder: Path) -> None:
    """Compare each certificate that a configuration names with its key.

    Parameters
    ----------
    options : mapping of str to object
        Orthanc's options as they are written.
    folder : Path
        Folder of the configuration file; the paths are relative to it, as Orthanc has them.

    Raises
    ------
    ConfigurationError
        One is missing, is no PEM, or the two do not match.
    """
    for prefix, certificate, key, password in _iter_pairs(options):
        if certificate and key:
            _check_pair(prefix, folder / certificate, folder / key, password)
        elif key:
            raise ConfigurationError(f"{prefix}: there is a key ({key}) without a certificate")
    if options.get("SslEnabled") is True:
        _check_own(folder / (_text(options, _OWN) or "certificate.pem"))


def _check_own(path: Path) -> None:
    """Check a file of both a certificate and its key, as Orthanc's own server has it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
    except OSError as exc:  # ssl.SSLError as well
        raise ConfigurationError(f"{_OWN}: {path}: {exc.strerror or exc}") from exc


def _iter_pairs(options: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for certificate, key in _PAIRS:
        yield certificate, _text(options, certificate), _text(options, key), ""
    peers = options.get("OrthancPeers")
    for name, peer in (peers if isinstance(peers, dict) else {}).items():
        if isinstance(peer, dict):
            certificate, key = (_text(peer, member) for member in _PEER_PAIR)
            password = _text(peer, "CertificateKeyPassword")
            yield f"OrthancPeers.{name}.{_PEER_PAIR[0]}", certificate, key, password


def _text(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    return value if isinstance(value, str) else ""


def _check_pair(option: str, certificate: Path, key: Path, password: str) -> None:
    try:
        public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
        private = load_pem_private_key(key.read_bytes(), password.encode() or None)
    except OSError as exc:
        raise ConfigurationError(f"{option}: {exc.filename}: {exc.strerror}") from exc
    except (ValueError, TypeError) as exc:
        raise ConfigurationError(f"{option}: {certificate} or {key} cannot be read: {exc}") from exc
    shape = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*shape) != private.public_key().public_bytes(*shape):
        raise ConfigurationError(f"{option}: {certificate} is not the certificate of {key}")
