"""Why a TLS connection did not come about, in words, with the option that changes it."""

from __future__ import annotations

import ssl
from typing import Final

_CLIENT_HELLO: Final = b"\x16\x03"
"""A handshake record of any version of TLS. See RFC 8446 5.1."""
PLAIN_PORT: Final = (
    "The peer speaks TLS, and DicomTlsEnabled is false: set it to true, or have the peer connect "
    "without TLS"
)
_WORDS: Final = {
    "WRONG_VERSION_NUMBER": "The peer does not speak TLS, and DicomTlsEnabled is true",
    "HTTP_REQUEST": "The peer speaks HTTP",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": (
        "The peer shows no certificate, and DicomTlsRemoteCertificateRequired is true: give it "
        "one, or set that to false"
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "The peer's certificate is not trusted ({detail}): add it, or its issuer, to "
        "DicomTlsTrustedCertificates"
    ),
    "UNSUPPORTED_PROTOCOL": (
        "The peer speaks an older TLS only than DicomTlsMinimumProtocolVersion allows"
    ),
    "NO_SHARED_CIPHER": "The peer has no cipher of DicomTlsCiphersAccepted",
    "UNKNOWN_CA": (
        "The peer does not trust the certificate of DicomTlsCertificate: have it trust that, or "
        "its issuer"
    ),
    "ALERT": "The peer ends the TLS handshake: {detail}",
}


def explain(error: ssl.SSLError) -> str:
    """Say why a handshake failed; "" where the peer only closed the connection."""
    if isinstance(error, ssl.SSLEOFError):
        return ""
    reason = error.reason or ""
    detail = getattr(error, "verify_message", "") or reason.replace("_", " ").lower()
    for fragment, words in _WORDS.items():
        if fragment in reason:
            return words.format(detail=detail)
    return f"The TLS handshake fails: {detail}"


def is_client_hello(received: bytes) -> bool:
    """Tell whether a peer begins with TLS where it is not spoken."""
    return received.startswith(_CLIENT_HELLO)
