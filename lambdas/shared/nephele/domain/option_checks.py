"""What is asked of the configuration before a start, beyond what each option's type says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nephele.domain.character_set import ENCODINGS, encoding_named
from nephele.domain.dictionary import parse_tag, use_dictionary
from nephele.domain.extra_tags import extra_attributes
from nephele.domain.transcoding import TARGETS
from nephele.domain.transfer_syntax import is_known, transfer_syntax
from nephele.errors import ConfigurationError
from nephele.settings.auto_forward import ForwardRule
from nephele.settings.configuration import Configuration

_NOBODY = (
    "RegisteredUsers: nobody is registered, and REST asks for a login (AuthenticationEnabled,"
    " which follows RemoteAccessAllowed): it refuses every call"
)


def check_options(configuration: Configuration) -> None:
    """Refuse what no process could honour.

    Raises
    ------
    ConfigurationError
        An option has a value that Nephele does not know or cannot produce.
    """
    _check_ingest_transcoding(configuration.ingest_transcoding)
    _check_default_encoding(configuration.default_encoding)
    _check_tags(configuration)
    if configuration.ssl_enabled and configuration.edge_https_port == configuration.dicom_port:
        raise ConfigurationError("EdgeHttpsPort: it is DicomPort as well")


def _check_tags(configuration: Configuration) -> None:
    """Look names of tags up in the dictionary that the processes will have."""
    use_dictionary(
        configuration.dictionary,
        default_private_creator=configuration.default_private_creator,
        has_private_dictionary=configuration.load_private_dictionary,
    )
    try:
        extra_attributes(configuration.extra_main_dicom_tags)
        _check_forwarding(configuration.auto_forward)
    finally:
        use_dictionary({})


def _check_forwarding(rules: Iterable[ForwardRule]) -> None:
    for rule in rules:
        for name in rule.tags:
            if parse_tag(name) is None:
                raise ConfigurationError(f"AutoForward: Tags: there is no tag {name!r}")
        if rule.transcode and rule.transcode not in TARGETS:
            raise ConfigurationError(f"AutoForward: Transcode: {_unwritable(rule.transcode)}")


def option_warnings(configuration: Configuration, *, has_users: bool = False) -> tuple[str, ...]:
    """Return what is allowed and hardly meant, in sentences that begin with an option's name.

    Parameters
    ----------
    has_users : bool
        Others than `RegisteredUsers` can log in.
    """
    has_users = has_users or bool(configuration.registered_users)
    is_closed = configuration.is_authentication_enabled and not has_users
    folder = configuration.worklists.database or configuration.worklists.directory
    warnings = [_NOBODY] if is_closed else []
    if configuration.worklists.enable and folder:
        warnings.append(f"Worklists: {folder} is not read: `nephele worklists FOLDER` sends files")
    return (*warnings, *_iter_unknown_destinations(configuration))


def _iter_unknown_destinations(configuration: Configuration) -> Iterator[str]:
    modalities, peers = configuration.dicom_modalities, configuration.orthanc_peers
    for rule in configuration.auto_forward:
        name = rule.to_modality or rule.to_peer
        option, known = (
            ("DicomModalities", modalities) if rule.to_modality else ("OrthancPeers", peers)
        )
        if name not in known:
            yield (
                f"AutoForward: {option} has no {name!r}: until it is defined over REST, what is to"
                " go there waits, for seven days at most"
            )


def _check_ingest_transcoding(uid: str | None) -> None:
    if uid is not None and uid not in TARGETS:
        raise ConfigurationError(f"IngestTranscoding: {_unwritable(uid)}")


def _unwritable(uid: str) -> str:
    """Say why a transfer syntax cannot be a target, and which ones can."""
    problem = (
        f"Nephele cannot write {transfer_syntax(uid).name} ({uid}) yet"
        if is_known(uid)
        else f"{uid!r} is no transfer syntax"
    )
    can = ", ".join(f"{target} ({transfer_syntax(target).name})" for target in sorted(TARGETS))
    return f"{problem}; it can write {can}"


def _check_default_encoding(name: str) -> None:
    try:
        encoding_named(name)
    except KeyError as exc:
        raise ConfigurationError(
            f"DefaultEncoding: {name!r} is no encoding; there are {', '.join(ENCODINGS)}"
        ) from exc
