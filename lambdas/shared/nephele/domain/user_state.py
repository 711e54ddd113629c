"""What users keep at a resource: labels, metadata of their own, attachments, protection."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class UserMetadata:
    """A metadata that a user wrote.

    Attributes
    ----------
    value : bytes or None
        None where it is too long for the index: `uuid` names its object then.
    md5 : str
        Of the value.
    """

    value: bytes | None
    md5: str
    revision: int = 0
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a user attached; `uuid` names its object.

    Attributes
    ----------
    size_bytes, md5
        Of the content as users see it; `md5` is empty where it was not computed.
    stored_bytes, stored_md5
        Of the object: another size where it is compressed.
    """

    uuid: str
    size_bytes: int
    md5: str
    stored_bytes: int
    stored_md5: str
    is_compressed: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True)
class UserState:
    """All that users keep at one resource; `version` counts its changes."""

    version: int = 0
    labels: frozenset[str] = frozenset()
    metadata: Mapping[int, UserMetadata] = field(default_factory=dict)
    attachments: Mapping[int, Attachment] = field(default_factory=dict)
    is_protected: bool = False
    unprotected: str = ""
    """When protection last ended: the patient has been the most recent one then."""

    @property
    def object_uuids(self) -> frozenset[str]:
        """Return the uuids of all objects this state needs."""
        values = (metadata.uuid for metadata in self.metadata.values())
        files = (attachment.uuid for attachment in self.attachments.values())
        return frozenset(uuid for uuid in (*values, *files) if uuid)

    @property
    def is_empty(self) -> bool:
        """Tell whether a user would see nothing of it."""
        return not (self.labels or self.metadata or self.attachments or self.is_protected)


NO_USER_STATE = UserState()


def encode_state(state: UserState) -> dict[str, Any]:
    """Return a state as JSON; what is empty is left out."""
    document: dict[str, Any] = {"n": state.version}
    if state.labels:
        document["l"] = sorted(state.labels)
    if state.metadata:
        document["m"] = {str(n): _encode_metadata(one) for n, one in state.metadata.items()}
    if state.attachments:
        document["a"] = {str(n): _encode_attachment(one) for n, one in state.attachments.items()}
    if state.is_protected:
        document["p"] = 1
    if state.unprotected:
        document["u"] = state.unprotected
    return document


def decode_state(document: Mapping[str, Any]) -> UserState:
    """Read what `encode_state` wrote."""
    return UserState(
        version=document.get("n", 0),
        labels=frozenset(document.get("l", ())),
        metadata={int(n): _decode_metadata(one) for n, one in document.get("m", {}).items()},
        attachments={int(n): _decode_attachment(one) for n, one in document.get("a", {}).items()},
        is_protected="p" in document,
        unprotected=document.get("u", ""),
    )


def _encode_metadata(metadata: UserMetadata) -> dict[str, Any]:
    encoded: dict[str, Any] = {"r": metadata.revision, "h": metadata.md5}
    if metadata.value is None:
        return encoded | {"o": metadata.uuid}
    try:
        return encoded | {"v": metadata.value.decode()}
    except UnicodeDecodeError:
        return encoded | {"b": base64.b64encode(metadata.value).decode()}


def _decode_metadata(document: Mapping[str, Any]) -> UserMetadata:
    value: bytes | None = None
    if "v" in document:
        value = document["v"].encode()
    elif "b" in document:
        value = base64.b64decode(document["b"])
    return UserMetadata(value, document["h"], document["r"], document.get("o", ""))


def _encode_attachment(attachment: Attachment) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "o": attachment.uuid,
        "z": attachment.size_bytes,
        "h": attachment.md5,
        "r": attachment.revision,
    }
    if attachment.is_compressed:
        encoded |= {"c": attachment.stored_bytes, "g": attachment.stored_md5}
    return encoded


def _decode_attachment(document: Mapping[str, Any]) -> Attachment:
    is_compressed = "c" in document
    return Attachment(
        uuid=document["o"],
        size_bytes=document["z"],
        md5=document["h"],
        stored_bytes=document["c"] if is_compressed else document["z"],
        stored_md5=document["g"] if is_compressed else document["h"],
        is_compressed=is_compressed,
        revision=document["r"],
    )
