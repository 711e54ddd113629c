"""One entry of Orthanc's `DicomModalities`, in its short or its long form."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_AE_TITLE = re.compile(r"(?! +\Z)[ -\[\]-~]{1,16}")
_SHORT_FORM = ("AET", "Host", "Port", "Manufacturer")


def _as_number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _check_ae_title(value: str) -> str:
    """Refuse what the AE value representation cannot hold. See PS3.5 section 6.2."""
    if not _AE_TITLE.fullmatch(value):
        raise ValueError(
            "an AE title has 1 to 16 ASCII characters, not all blank, without backslash and"
            " control characters"
        )
    return value


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a modality's name has letters, digits, '_' and '-' only")
    return name


ModalityName = Annotated[str, AfterValidator(_check_name)]
AeTitle = Annotated[str, AfterValidator(_check_ae_title)]
Port = Annotated[int, Field(ge=1, le=65535)]
Manufacturer = Literal[
    "Generic",
    "GenericNoWildcardInDates",
    "GenericNoUniversalWildcard",
    "Vitrea",
    "GE",
    "AgfaImpax",
    "SyngoVia",
    "EFilm2",
    "MedInria",
    "ClearCanvas",
    "Dcm4Chee",
]
"""Orthanc's manufacturers; those from AgfaImpax on are obsolete names of the generic ones."""


class Modality(BaseModel):
    """A remote application entity and what it may do here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    aet: AeTitle = Field(alias="AET")
    host: str = Field(alias="Host", min_length=1)
    port: Annotated[Port, BeforeValidator(_as_number)] = Field(alias="Port")
    manufacturer: Manufacturer = Field(default="Generic", alias="Manufacturer")
    allow_echo: bool = Field(default=True, alias="AllowEcho")
    allow_store: bool = Field(default=True, alias="AllowStore")
    allow_find: bool = Field(default=True, alias="AllowFind")
    allow_find_worklist: bool = Field(default=True, alias="AllowFindWorklist")
    allow_get: bool = Field(default=True, alias="AllowGet")
    allow_move: bool = Field(default=True, alias="AllowMove")
    allow_n_action: bool = Field(default=True, alias="AllowNAction")
    allow_event_report: bool = Field(default=True, alias="AllowEventReport")
    allow_transcoding: bool = Field(default=True, alias="AllowTranscoding")
    use_dicom_tls: bool = Field(default=False, alias="UseDicomTls")
    local_aet: str = Field(default="", alias="LocalAet")
    timeout: int = Field(default=0, ge=0, alias="Timeout")
    retrieve_method: str = Field(default="SystemDefault", alias="RetrieveMethod")


def parse_modality(value: object) -> Any:
    """Bring both forms to the long one; ValueError says what is wrong.

    The short form is `[AET, host, port, manufacturer?]`. `AllowStorageCommitment` sets both
    N-service flags, as in Orthanc.
    """
    if isinstance(value, list):
        if not 3 <= len(value) <= len(_SHORT_FORM):
            raise ValueError("the short form is [AET, host, port, manufacturer?]")
        return dict(zip(_SHORT_FORM, value, strict=False))
    if isinstance(value, dict) and "AllowStorageCommitment" in value:
        both = value["AllowStorageCommitment"]
        rest = {key: item for key, item in value.items() if key != "AllowStorageCommitment"}
        return {"AllowNAction": both, "AllowEventReport": both} | rest
    return value
