"""Orthanc's configuration file: what Nephele honours, and what it says of the rest."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic.alias_generators import to_pascal

from nephele.errors import ConfigurationError
from nephele.settings.auto_forward import ForwardRule
from nephele.settings.dictionary_entry import DictionaryEntry, EntryTag, parse_entry
from nephele.settings.modality import AeTitle, Modality, ModalityName, Port, parse_modality
from nephele.settings.options import NOT_YET, PLUGIN_SECTIONS, WITHOUT_MEANING
from nephele.settings.options_file import load_options, parse_options
from nephele.settings.peer import Peer, parse_peer, without_secrets
from nephele.settings.sentences import sentence
from nephele.settings.storage_tiers import StorageTiers
from nephele.settings.user_names import (
    UserContent,
    UserNumber,
    check_distinct,
    parse_user_content,
)
from nephele.settings.worklists import Worklists

_SECRETS = ("RegisteredUsers",)


def _as_tuple(value: object) -> object:
    """Accept one string for a list of one, as Orthanc does."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _check_range(value: str) -> str:
    """Refuse what is no range of IP addresses."""
    ip_network(value, strict=False)
    return value


Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
RetrieveMethod = Literal["C-MOVE", "C-GET"]
UserContentTypes = dict[str, Annotated[UserContent, BeforeValidator(parse_user_content)]]
LevelName = Annotated[str, Field(pattern="^(Patient|Study|Series|Instance)$")]
Dictionary = dict[EntryTag, Annotated[DictionaryEntry, BeforeValidator(parse_entry)]]
Peers = dict[ModalityName, Annotated[Peer, BeforeValidator(parse_peer)]]
AddressRange = Annotated[str, AfterValidator(_check_range)]
Modalities = dict[ModalityName, Annotated[Modality, BeforeValidator(parse_modality)]]


class Configuration(BaseModel):
    """The options Nephele honours, under Orthanc's names and with Orthanc's defaults.

    `not_honoured` holds the names that were given and have no effect.
    """

    model_config = ConfigDict(
        alias_generator=to_pascal, frozen=True, strict=True, extra="forbid", populate_by_name=False
    )

    name: str = "MyOrthanc"
    http_port: Port = 8042
    ssl_enabled: bool = False
    ssl_certificate: str = "certificate.pem"
    ssl_minimum_protocol_version: Annotated[int, Field(ge=0, le=5)] = 4
    ssl_ciphers_accepted: Strings = ()
    edge_https_port: Port = 8043
    http_describe_errors: bool = True
    remote_access_allowed: bool = False
    authentication_enabled: bool | None = None
    registered_users: dict[str, str] = Field(default_factory=dict)
    maximum_file_size_in_archive_mb: Annotated[int, Field(ge=0)] = Field(
        default=4096, alias="MaximumFileSizeInArchiveMB"
    )

    dicom_server_enabled: bool = True
    dicom_aet: AeTitle = "ORTHANC"
    dicom_port: Port = 4242
    dicom_check_called_aet: bool = False
    dicom_check_modality_host: bool = False
    strict_aet_comparison: bool = False
    dicom_modalities: Modalities = Field(default_factory=dict)
    dicom_always_allow_echo: bool = True
    dicom_always_allow_store: bool = True
    dicom_always_allow_find: bool = False
    dicom_always_allow_find_worklist: bool = False
    dicom_always_allow_get: bool = False
    dicom_always_allow_move: bool = False
    dicom_scp_timeout: Annotated[int, Field(ge=0)] = 30
    maximum_pdu_length: Annotated[int, Field(ge=4096, le=131072)] = 16384

    dicom_scu_timeout: Annotated[int, Field(ge=0)] = 10
    dicom_scu_preferred_transfer_syntax: str = "1.2.840.10008.1.2.1"
    transcode_dicom_protocol: bool = True
    dicom_echo_checks_find: bool = False
    dicom_default_retrieve_method: RetrieveMethod = "C-MOVE"
    dicom_modalities_in_database: bool = False
    query_retrieve_size: Annotated[int, Field(ge=1)] = 100
    storage_commitment_reports_size: Annotated[int, Field(ge=1)] = 100

    dicom_tls_enabled: bool = False
    dicom_tls_certificate: str = ""
    dicom_tls_private_key: str = ""
    dicom_tls_trusted_certificates: str = ""
    dicom_tls_remote_certificate_required: bool = True
    dicom_tls_minimum_protocol_version: Annotated[int, Field(ge=0, le=5)] = 0
    dicom_tls_ciphers_accepted: Strings = ()

    accepted_transfer_syntaxes: Strings = ("1.2.840.10008.1.*",)
    deflated_transfer_syntax_accepted: bool | None = None
    jpeg_transfer_syntax_accepted: bool | None = None
    jpeg2000_transfer_syntax_accepted: bool | None = None
    jpeg_lossless_transfer_syntax_accepted: bool | None = None
    jpip_transfer_syntax_accepted: bool | None = None
    mpeg2_transfer_syntax_accepted: bool | None = None
    mpeg4_transfer_syntax_accepted: bool | None = None
    h265_transfer_syntax_accepted: bool | None = None
    rle_transfer_syntax_accepted: bool | None = None
    unknown_sop_class_accepted: bool = False
    accepted_sop_classes: Strings = ()
    rejected_sop_classes: Strings = ()
    reject_sop_classes: Strings = ()

    orthanc_peers: Peers = Field(default_factory=dict)
    orthanc_peers_in_database: bool = False
    edge_peers: Strings = ()
    peers_allowed_addresses: tuple[AddressRange, ...] = ()
    http_timeout: Annotated[int, Field(ge=0)] = 60
    http_proxy: str = ""
    https_verify_peers: bool = True
    https_ca_certificates: str = Field(default="", alias="HttpsCACertificates")
    concurrent_jobs: Annotated[int, Field(ge=0)] = 10
    jobs_history_size: Annotated[int, Field(ge=0)] = 10

    metrics_enabled: bool = True
    zip_use_utf8: bool = False
    log_exported_resources: bool = False
    auto_forward: Annotated[tuple[ForwardRule, ...], Field(strict=False)] = ()
    limit_find_results: Annotated[int, Field(ge=0)] = 0
    limit_find_instances: Annotated[int, Field(ge=0)] = 0
    case_sensitive_pn: bool = Field(default=False, alias="CaseSensitivePN")
    maximum_storage_cache_size: Annotated[int, Field(ge=0)] = 128
    storage_access_on_find: Literal["Always", "Answers", "Never"] = "Always"
    synchronous_c_move: bool = Field(default=True, alias="SynchronousCMove")
    worklists: Worklists = Field(default_factory=Worklists)

    default_encoding: str = "Latin1"
    load_private_dictionary: bool = True
    dictionary: Dictionary = Field(default_factory=dict)
    default_private_creator: str = ""
    extra_main_dicom_tags: dict[LevelName, Strings] = Field(default_factory=dict)
    stable_age: Annotated[int, Field(ge=0)] = 60
    overwrite_instances: bool = False
    storage_compression: bool = False
    storage_tiers: StorageTiers = Field(default_factory=StorageTiers)
    store_md5_for_attachments: bool = Field(default=True, alias="StoreMD5ForAttachments")
    maximum_storage_size: Annotated[int, Field(ge=0)] = 0
    maximum_patient_count: Annotated[int, Field(ge=0)] = 0
    maximum_storage_mode: Literal["Recycle", "Reject"] = "Recycle"
    undelete_days: Annotated[int, Field(ge=0, le=3650)] = 30
    check_revisions: bool = False
    user_metadata: dict[str, UserNumber] = Field(default_factory=dict)
    user_content_type: UserContentTypes = Field(default_factory=dict)
    ingest_transcoding: str | None = None
    ingest_transcoding_of_uncompressed: bool = True
    ingest_transcoding_of_compressed: bool = True
    dicom_lossy_transcoding_quality: Annotated[int, Field(ge=1, le=100)] = 90
    builtin_decoder_transcoder_order: Literal["Before", "After", "Disabled"] = "Before"
    maximum_frame_size_mb: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=512, alias="MaximumFrameSizeMB"
    )

    not_honoured: frozenset[str] = Field(default=frozenset(), exclude=True, alias="not_honoured")

    @field_validator("user_metadata")
    @classmethod
    def _check_user_metadata(cls, names: dict[str, int]) -> dict[str, int]:
        check_distinct(list(names.values()))
        return names

    @field_validator("user_content_type")
    @classmethod
    def _check_user_content(cls, names: UserContentTypes) -> UserContentTypes:
        check_distinct([content.number for content in names.values()])
        return names

    @property
    def maximum_storage_bytes(self) -> int:
        """Return `MaximumStorageSize` in bytes; 0 is no limit."""
        return self.maximum_storage_size << 20

    @property
    def is_storage_limited(self) -> bool:
        """Tell whether the archive may not hold everything."""
        return self.maximum_storage_size > 0 or self.maximum_patient_count > 0

    @property
    def is_authentication_enabled(self) -> bool:
        """Tell whether REST asks for a login: Orthanc's rule when the option is absent."""
        if self.authentication_enabled is None:
            return self.remote_access_allowed
        return self.authentication_enabled

    def public_json(self) -> str:
        """Return the configuration as JSON for the processes: what is set, without passwords."""
        given = self.model_dump(by_alias=True, exclude_unset=True, mode="json")
        for name in _SECRETS:
            given.pop(name, None)
        if "HttpProxy" in given:
            given["HttpProxy"] = given["HttpProxy"].rpartition("@")[2]
        if "OrthancPeers" in given:
            given["OrthancPeers"] = {
                name: without_secrets(peer) for name, peer in given["OrthancPeers"].items()
            }
        return json.dumps(given, sort_keys=True, separators=(",", ":"))


def load_configuration(path: Path) -> Configuration:
    """Read a configuration file, with variables of the environment put in.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is not JSON, or has an unknown option or a bad value.
    """
    return _validate(load_options(path))


def parse_configuration(text: str) -> Configuration:
    """Parse a configuration in Orthanc's dialect: JSON with `//` and `/* */` comments."""
    return _validate(parse_options(text))


def _validate(options: dict[str, Any]) -> Configuration:
    without_effect = NOT_YET | WITHOUT_MEANING | PLUGIN_SECTIONS
    options = {name: value for name, value in options.items() if not name.startswith("_")}
    honoured = {name: value for name, value in options.items() if name not in without_effect}
    try:
        return Configuration.model_validate_json(
            json.dumps(honoured | {"not_honoured": sorted(options.keys() & without_effect)})
        )
    except ValidationError as exc:
        raise ConfigurationError(sentence(exc)) from exc


Reason = Literal[
    "not yet honoured", "without meaning in the cloud", "of a plugin, and not honoured yet"
]


def reason_of(name: str) -> Reason:
    """Say why a given option has no effect."""
    if name in WITHOUT_MEANING:
        return "without meaning in the cloud"
    return "of a plugin, and not honoured yet" if name in PLUGIN_SECTIONS else "not yet honoured"
