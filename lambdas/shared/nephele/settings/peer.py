"""One entry of Orthanc's `OrthancPeers`, in its short or its long form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from nephele.errors import BadFileFormat
from nephele.settings.sentences import sentence

_SHORT_FORM = ("Url", "Username", "Password")
_OLD_NAMES = {"URL": "Url"}
_PROPERTIES = "Properties"
SECRETS = frozenset({"Password", "CertificateKeyPassword", "HttpHeaders"})
"""Members that never enter a template: `nephele secrets push` keeps them."""


def _check_url(url: str) -> str:
    """Refuse what Orthanc refuses, and end with a slash as it does."""
    if not url:
        raise ValueError("Empty URL")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"Bad URL: {url}")
    return url if url.endswith("/") else f"{url}/"


class Peer(BaseModel):
    """Another Orthanc, or Nephele, and how it is reached; `properties` are the user's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    url: Annotated[str, AfterValidator(_check_url)] = Field(default="", alias="Url")
    username: str = Field(default="", alias="Username")
    password: str = Field(default="", alias="Password", repr=False)
    certificate_file: str = Field(default="", alias="CertificateFile")
    certificate_key_file: str = Field(default="", alias="CertificateKeyFile")
    certificate_key_password: str = Field(default="", alias="CertificateKeyPassword", repr=False)
    pkcs11: bool = Field(default=False, alias="Pkcs11")
    http_headers: dict[str, str] = Field(default_factory=dict, alias="HttpHeaders", repr=False)
    timeout: int = Field(default=0, ge=0, alias="Timeout")
    properties: dict[str, str] = Field(default_factory=dict, alias=_PROPERTIES)

    @property
    def is_short(self) -> bool:
        """Tell whether Orthanc writes it in the short form."""
        long = (self.certificate_file, self.pkcs11, self.http_headers, self.timeout)
        return not any((*long, self.properties))


_MEMBERS = {str(field.alias) for field in Peer.model_fields.values()}


def parse_peer(value: object) -> Any:
    """Bring both forms to names; ValueError says what is wrong.

    The short form is `[url]` or `[url, user, password]`. What else stands in the long form is a
    property of the user's own: text, a number or a Boolean.
    """
    if isinstance(value, list):
        if len(value) not in (1, len(_SHORT_FORM)):
            raise ValueError("the short form is [url] or [url, user, password]")
        return _with_url(dict(zip(_SHORT_FORM, value, strict=False)))
    if not isinstance(value, dict):
        return value
    named = {_OLD_NAMES.get(key, key): item for key, item in value.items()}
    known = {key: item for key, item in named.items() if key in _MEMBERS}
    others = {key: item for key, item in named.items() if key not in _MEMBERS}
    if others:
        known[_PROPERTIES] = {str(key): _property(str(key), item) for key, item in others.items()}
    return _with_url(known)


def _with_url(described: dict[str, Any]) -> dict[str, Any]:
    url = described.get("Url")
    if not url:
        raise ValueError("Empty URL")
    if isinstance(url, str) and "@" in urlsplit(url).netloc:
        raise ValueError("Url has a user or a password: they belong into Username and Password")
    return described


def _property(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    raise ValueError(f"{name}: a property of one's own is text, a number or a Boolean")


def read_peer(value: object) -> Peer:
    """Return a peer from either form, as a client sends it.

    Raises
    ------
    BadFileFormat
        A value is missing or wrong.
    """
    try:
        return Peer.model_validate(parse_peer(value))
    except ValidationError as exc:
        raise BadFileFormat(sentence(exc)) from exc
    except ValueError as exc:
        raise BadFileFormat(str(exc)) from exc


def without_secrets(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a peer's members but for those that never enter a template."""
    return {key: item for key, item in described.items() if key not in SECRETS}
