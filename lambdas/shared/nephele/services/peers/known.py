"""The peers that are known: those of the configuration, and what was changed over REST."""

from __future__ import annotations

from typing import Any

from nephele.aws.index import definitions
from nephele.domain.wildcard import match_wildcard
from nephele.errors import BadFileFormat, InexistentItem, UnknownResource
from nephele.services.archive import Archive
from nephele.services.definitions import keep_definition
from nephele.services.peers.secrets import with_secrets
from nephele.settings.modality import is_name
from nephele.settings.peer import Peer, read_peer


def peers(archive: Archive) -> dict[str, Peer]:
    """Return the peers by symbolic name, as they are now."""
    found = {
        name: with_secrets(archive, name, peer)
        for name, peer in archive.configuration.orthanc_peers.items()
    }
    for name, value in _changed(archive).items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = Peer.model_validate(value)
    return found


def _changed(archive: Archive) -> dict[str, Any]:
    return definitions.read_definitions(archive.index.table, definitions.PEERS)


def peer_url(archive: Archive, name: str) -> str:
    """Return a peer's URL, "" where there is no such peer; its secrets are not needed for that."""
    changed = _changed(archive)
    if name in changed:
        return "" if changed[name] is None else str(changed[name]["Url"])
    peer = archive.configuration.orthanc_peers.get(name)
    return "" if peer is None else peer.url


def require_peer(archive: Archive, name: str) -> Peer:
    """Return a peer.

    Raises
    ------
    UnknownResource
        There is none of this name.
    """
    peer = peers(archive).get(name)
    if peer is None:
        raise UnknownResource(f"No peer with symbolic name: {name}")
    return peer


def define_peer(archive: Archive, name: str, value: object) -> None:
    """Add a peer, or replace it, from either form of the configuration.

    Raises
    ------
    BadFileFormat
        The name or the value is not valid.
    """
    if not is_name(name):
        raise BadFileFormat("A peer's name has letters, digits, '_' and '-' only")
    described = read_peer(value).model_dump(by_alias=True)
    keep_definition(archive, definitions.PEERS, name, described)


def forget_peer(archive: Archive, name: str) -> None:
    """Remove a peer, for good also where it comes from the configuration file.

    Raises
    ------
    InexistentItem
        There is none of this name.
    """
    if name not in peers(archive):
        raise InexistentItem(f"Unknown Orthanc peer: {name}")
    keep_definition(archive, definitions.PEERS, name, None)


def is_at_the_edge(archive: Archive, name: str) -> bool:
    """Tell whether the edge talks to a peer, which is in the hospital's network."""
    return any(match_wildcard(name, pattern) for pattern in archive.configuration.edge_peers)


def configuration_of(peer: Peer) -> dict[str, Any]:
    """Return a peer as Orthanc shows it: passwords and values of headers are left out."""
    shown: dict[str, Any] = {
        **peer.properties,
        "Url": peer.url,
        "HttpHeaders": sorted(peer.http_headers),
        "Pkcs11": peer.pkcs11,
        "Timeout": peer.timeout,
    }
    if peer.username:
        shown |= {"Username": peer.username, "Password": None}
    if peer.certificate_file:
        shown |= {
            "CertificateFile": peer.certificate_file,
            "CertificateKeyFile": None,
            "CertificateKeyPassword": None,
        }
    return shown


def content_of(peer: Peer) -> list[str] | dict[str, Any]:
    """Return a peer as jobs show it: in the short form where that says all, without passwords."""
    if not peer.is_short:
        shown = configuration_of(peer)
        return {key: value for key, value in shown.items() if value is not None}
    return [peer.url, peer.username, ""] if peer.username else [peer.url]
