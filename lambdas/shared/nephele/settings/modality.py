"""One entry of Orthanc's `DicomModalities`, in its short or its long form."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from nephele.errors import BadFileFormat, ParameterOutOfRange
from nephele.settings.sentences import sentence

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


def is_name(name: str) -> bool:
    """Tell whether a modality may have this symbolic name."""
    return _NAME.fullmatch(name) is not None


_SUCCESSORS = {
    "AgfaImpax": "GenericNoWildcardInDates",
    "SyngoVia": "GenericNoWildcardInDates",
    "EFilm2": "Generic",
    "MedInria": "Generic",
    "ClearCanvas": "Generic",
    "Dcm4Chee": "Generic",
}
"""What Orthanc makes of manufacturers that it had once."""


def _replace_obsolete(manufacturer: str) -> str:
    return _SUCCESSORS.get(manufacturer, manufacturer)


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
RetrieveMethod = Literal["SystemDefault", "C-MOVE", "C-GET"]


class Modality(BaseModel):
    """A remote application entity and what it may do here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    aet: AeTitle = Field(alias="AET")
    host: str = Field(alias="Host", min_length=1)
    port: Annotated[Port, BeforeValidator(_as_number)] = Field(alias="Port")
    manufacturer: Annotated[Manufacturer, AfterValidator(_replace_obsolete)] = Field(
        default="Generic", alias="Manufacturer"
    )
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
    retrieve_method: RetrieveMethod = Field(default="SystemDefault", alias="RetrieveMethod")


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


_CHOICES = frozenset({"Manufacturer", "RetrieveMethod"})
_BOUNDS = frozenset({"greater_than_equal", "less_than_equal"})


def read_modality(value: object) -> Modality:
    """Return a modality from either form, as a client sends it: what is not known is ignored.

    Raises
    ------
    BadFileFormat
        A value is missing or wrong.
    ParameterOutOfRange
        There is no such manufacturer, retrieve method or port.
    """
    try:
        described = parse_modality(value)
        if not isinstance(described, dict):
            raise BadFileFormat("A modality is a JSON array or object")
        known = {field.alias for field in Modality.model_fields.values()}
        return Modality.model_validate({k: v for k, v in described.items() if k in known})
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        is_range = place in _CHOICES or first["type"] in _BOUNDS
        kind = ParameterOutOfRange if is_range else BadFileFormat
        raise kind(sentence(exc)) from exc
    except ValueError as exc:
        raise BadFileFormat(str(exc)) from exc
