"""What keeps Nephele from starting, and what it warns of."""

from __future__ import annotations

import json

import pytest

from nephele.domain.character_set import ENCODINGS
from nephele.domain.option_checks import check_options, option_warnings
from nephele.domain.transcoding import TARGETS
from nephele.errors import ConfigurationError
from nephele.settings.configuration import parse_configuration


@pytest.mark.parametrize(
    "options",
    [
        {},
        *({"IngestTranscoding": uid} for uid in sorted(TARGETS)),
        *({"DefaultEncoding": name} for name in ENCODINGS),
        {"DefaultEncoding": "utf8"},
    ],
    ids=str,
)
def test_what_can_be_honoured(options: dict[str, str]) -> None:
    check_options(parse_configuration(json.dumps(options)))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"IngestTranscoding": "1.2.3"}, "'1.2.3' is no transfer syntax"),
        ({"IngestTranscoding": ""}, "'' is no transfer syntax"),
        ({"IngestTranscoding": "1.2.840.10008.1.2.4.100"}, "cannot write MPEG2"),
        ({"DefaultEncoding": "Klingon"}, "'Klingon' is no encoding"),
        ({"DefaultEncoding": ""}, "'' is no encoding"),
    ],
    ids=str,
)
def test_what_cannot(options: dict[str, str], reason: str) -> None:
    (name,) = options
    with pytest.raises(ConfigurationError, match=f"^{name}: .*{reason}"):
        check_options(parse_configuration(json.dumps(options)))


def test_a_refusal_says_what_can_be_written() -> None:
    configuration = parse_configuration('{"IngestTranscoding": "1.2.840.10008.1.2.4.100"}')
    with pytest.raises(ConfigurationError) as caught:
        check_options(configuration)
    assert all(f"{uid} (" in str(caught.value) for uid in TARGETS)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("{}", 0),
        ('{"RemoteAccessAllowed": true}', 1),
        ('{"AuthenticationEnabled": true}', 1),
        ('{"RemoteAccessAllowed": true, "AuthenticationEnabled": false}', 0),
        ('{"AuthenticationEnabled": true, "RegisteredUsers": {"alice": "secret"}}', 0),
    ],
    ids=str,
)
def test_a_login_that_nobody_has_is_warned_of(text: str, count: int) -> None:
    assert len(option_warnings(parse_configuration(text))) == count


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ({"ToModality": "pacs"}, 0),
        ({"ToPeer": "cloud"}, 0),
        ({"ToModality": "nope"}, 1),
        ({"ToPeer": "pacs"}, 1),
    ],
    ids=str,
)
def test_a_destination_that_nobody_knows_is_warned_of(rule: dict[str, str], count: int) -> None:
    options = {
        "DicomModalities": {"pacs": ["PACS", "10.0.0.1", 104]},
        "OrthancPeers": {"cloud": ["http://10.0.0.2:8042/"]},
        "AutoForward": [rule],
    }
    warnings = option_warnings(parse_configuration(json.dumps(options)))
    assert len(warnings) == count
    assert all(text.startswith("AutoForward: ") and "seven days" in text for text in warnings)


def test_a_folder_of_worklists_is_warned_of() -> None:
    """As Debian's configuration of the plugin names one."""
    text = '{"Worklists": {"Enable": true, "Database": "/var/lib/worklists"}}'
    (warning,) = option_warnings(parse_configuration(text))
    assert warning.startswith("Worklists: /var/lib/worklists is not read")
