"""Nephele's own `AutoForward`: where instances go on to as soon as they are indexed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Patterns = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(strict=False)]
"""One wildcard or several, one of which has to match; none matches everything."""


class ForwardRule(BaseModel):
    """One rule: which instances are sent on, and where to.

    Attributes
    ----------
    remote_aet, modality, sop_class_uid : tuple of str
        Wildcards (`*`, `?`); upper and lower case are the same.
    tags : dict of str to str
        Wildcards for the values of any tags, by name or number; all have to match.
    to_modality, to_peer : str
        Symbolic name in `DicomModalities` or `OrthancPeers`; one of both.
    transcode : str
        Transfer syntax to be sent in where the other side takes it; "" as it is.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=False)

    remote_aet: Patterns = Field(default=(), alias="RemoteAET")
    modality: Patterns = Field(default=(), alias="Modality")
    sop_class_uid: Patterns = Field(default=(), alias="SOPClassUID")
    tags: dict[str, str] = Field(default_factory=dict, alias="Tags")
    to_modality: str = Field(default="", alias="ToModality")
    to_peer: str = Field(default="", alias="ToPeer")
    transcode: str = Field(default="", alias="Transcode")

    @model_validator(mode="after")
    def _check_destination(self) -> Self:
        if bool(self.to_modality) == bool(self.to_peer):
            raise ValueError("a rule has either ToModality or ToPeer")
        return self
