"""One entry of Orthanc's `DicomModalities`, in its short or its long form."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_SHORT_FORM = ("AET", "Host", "Port", "Manufacturer")


def _as_number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class Modality(BaseModel):
    """A remote application entity and what it may do here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    aet: str = Field(alias="AET", min_length=1, max_length=16)
    host: str = Field(alias="Host", min_length=1)
    port: Annotated[int, BeforeValidator(_as_number), Field(ge=1, le=65534)] = Field(alias="Port")
    manufacturer: str = Field(default="Generic", alias="Manufacturer")
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


def parse_modality(name: str, value: object) -> Any:
    """Bring both forms to the long one; ValueError says what is wrong.

    The short form is `[AET, host, port, manufacturer?]`. `AllowStorageCommitment` sets both
    N-service flags, as in Orthanc.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a modality's name has letters, digits, '_' and '-' only")
    if isinstance(value, list):
        if not 3 <= len(value) <= len(_SHORT_FORM):
            raise ValueError("the short form is [AET, host, port, manufacturer?]")
        return dict(zip(_SHORT_FORM, value, strict=False))
    if isinstance(value, dict) and "AllowStorageCommitment" in value:
        both = value["AllowStorageCommitment"]
        rest = {key: item for key, item in value.items() if key != "AllowStorageCommitment"}
        return {"AllowNAction": both, "AllowEventReport": both} | rest
    return value
