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
_TRUSTED = "DicomTlsTrustedCertificates"
_AUTHORITIES = (_TRUSTED, "HttpsCACertificates")
_HOW = (
    "put the file beside the configuration, from where `nephele secrets push` brings its contents"
    " to Secrets Manager: what is deployed reads no other files"
)


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
    _check_dicom(options)
    for prefix, certificate, key, password in _iter_pairs(options):
        if certificate and key:
            _check_pair(prefix, folder / certificate, folder / key, password)
        elif key:
            raise ConfigurationError(f"{prefix}: there is a key ({key}) without a certificate")
    for name in _AUTHORITIES:
        if path := _text(options, name):
            _check_authorities(name, folder / path)
    if options.get("SslEnabled") is True:
        _check_own(folder / (_text(options, _OWN) or "certificate.pem"))


def _check_dicom(options: Mapping[str, Any]) -> None:
    """Demand the files without which Orthanc does not start either."""
    if options.get("DicomTlsEnabled") is not True:
        return
    for name in _PAIRS[0]:
        if not _text(options, name):
            raise ConfigurationError(f"{name}: DicomTlsEnabled needs a certificate and its key")
    if options.get("DicomTlsRemoteCertificateRequired", True) and not _text(options, _TRUSTED):
        raise ConfigurationError(
            f"{_TRUSTED}: nobody could connect without it, since DicomTlsRemoteCertificateRequired"
            " asks for a certificate that is trusted"
        )


def _check_authorities(option: str, path: Path) -> None:
    """Check a file of certificates alone."""
    try:
        x509.load_pem_x509_certificates(_contents(option, path))
    except ValueError as exc:
        raise ConfigurationError(f"{option}: {path} has no certificate in PEM") from exc


def _check_own(path: Path) -> None:
    """Check a file of both a certificate and its key, as Orthanc's own server has it."""
    _contents(_OWN, path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
    except OSError as exc:  # ssl.SSLError is one
        raise ConfigurationError(
            f"{_OWN}: {path} has to hold a certificate and its key, both in PEM: {exc}"
        ) from exc


def _contents(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigurationError(f"{option}: {path}: {exc.strerror}; {_HOW}") from exc


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
        public = x509.load_pem_x509_certificate(_contents(option, certificate)).public_key()
        private = load_pem_private_key(_contents(option, key), password.encode() or None)
    except (ValueError, TypeError) as exc:
        raise ConfigurationError(f"{option}: {certificate} or {key} cannot be read: {exc}") from exc
    shape = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*shape) != private.public_key().public_bytes(*shape):
        raise ConfigurationError(f"{option}: {certificate} is not the certificate of {key}")
