"""Orthanc's configuration file: its dialect, its errors, and what is passed on to the processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nephele.errors import ConfigurationError
from nephele.settings.configuration import load_configuration, parse_configuration


def test_comments_are_allowed_outside_strings() -> None:
    parsed = parse_configuration('{ // one\n "Name": "a//b", /* two\n */ "DicomPort": 104 }')
    assert (parsed.name, parsed.dicom_port) == ("a//b", 104)


@pytest.mark.parametrize(
    "value", ['"1.2.840.10008.1.2*"', '["1.2.840.10008.1.2*"]'], ids=["string", "array"]
)
@pytest.mark.parametrize(
    "option", ["AcceptedTransferSyntaxes", "AcceptedSopClasses", "RejectedSopClasses"]
)
def test_lists_may_be_one_string(option: str, value: str) -> None:
    parsed = parse_configuration(f'{{"{option}": {value}}}')
    shown = json.loads(parsed.public_json())
    assert shown == {option: ["1.2.840.10008.1.2*"]}


@pytest.mark.parametrize(
    "modality",
    [
        '["CT1", "10.0.0.1", 104]',
        '["CT1", "10.0.0.1", "104", "GE"]',
        '{"AET": "CT1", "Host": "10.0.0.1", "Port": 104, "AllowStorageCommitment": false}',
    ],
    ids=["short", "short-with-text-port", "long"],
)
def test_both_forms_of_a_modality(modality: str) -> None:
    parsed = parse_configuration(f'{{"DicomModalities": {{"ct": {modality}}}}}')
    ct = parsed.dicom_modalities["ct"]
    assert (ct.aet, ct.host, ct.port) == ("CT1", "10.0.0.1", 104)
    assert parse_configuration(parsed.public_json()).dicom_modalities["ct"] == ct


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"Foo": 1}', "Foo"),
        ('{"DicomPort": "x"}', "DicomPort"),
        ('{"DicomPort": 70000}', "DicomPort"),
        ('{"DicomAet": "12345678901234567"}', "DicomAet"),
        ('{"UnknownSopClassAccepted": 1}', "UnknownSopClassAccepted"),
        ('{"DicomPort": 65536}', "DicomPort"),
        ('{"HttpPort": 0}', "HttpPort"),
        ('{"DicomAet": ""}', "DicomAet"),
        ('{"DicomAet": "  "}', "DicomAet"),
        ('{"DicomAet": "A\\\\B"}', "DicomAet"),
        ('{"DicomAet": "A\\n"}', "DicomAet"),
        ('{"DicomAet": "\u00c9"}', "DicomAet"),
        ('{"DicomModalities": []}', "DicomModalities"),
        ('{"DicomModalities": {"a b": ["X", "h", 104]}}', "DicomModalities.a b"),
        ('{"DicomModalities": {"ct": ["X"]}}', "DicomModalities.ct"),
        ('{"DicomModalities": {"ct": 1}}', "DicomModalities.ct"),
        ('{"DicomModalities": {"ct": ["X", "h", 65536]}}', "DicomModalities.ct.Port"),
        ('{"DicomModalities": {"ct": ["X", "h", "0"]}}', "DicomModalities.ct.Port"),
        ('{"DicomModalities": {"ct": ["X\\\\Y", "h", 104]}}', "DicomModalities.ct.AET"),
        ('{"DicomModalities": {"ct": ["X", "h", 104, "Acme"]}}', "DicomModalities.ct.Manufacturer"),
        ('{"DicomModalities": {"ct": {"AET": "X", "Host": "h"}}}', "DicomModalities.ct.Port"),
        ('{"MaximumPduLength": 4}', "MaximumPduLength"),
        ("[1]", "configuration"),
        ("{", "configuration"),
    ],
    ids=str,
)
def test_an_error_begins_with_the_options_name(text: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: (?!Value error)"):
        parse_configuration(text)


@pytest.mark.parametrize(
    ("manufacturer", "kept"),
    [
        ("Generic", "Generic"),
        ("GenericNoWildcardInDates", "GenericNoWildcardInDates"),
        ("GenericNoUniversalWildcard", "GenericNoUniversalWildcard"),
        ("Vitrea", "Vitrea"),
        ("GE", "GE"),
        ("AgfaImpax", "GenericNoWildcardInDates"),
        ("SyngoVia", "GenericNoWildcardInDates"),
        ("EFilm2", "Generic"),
        ("MedInria", "Generic"),
        ("ClearCanvas", "Generic"),
        ("Dcm4Chee", "Generic"),
    ],
)
def test_manufacturers(manufacturer: str, kept: str) -> None:
    modality = f'["CT1", "10.0.0.1", 104, "{manufacturer}"]'
    parsed = parse_configuration(f'{{"DicomModalities": {{"ct": {modality}}}}}')
    assert parsed.dicom_modalities["ct"].manufacturer == kept


def test_the_ends_of_what_is_allowed() -> None:
    parsed = parse_configuration(
        '{"HttpPort": 1, "DicomPort": 65535, "DicomAet": "A B_C-D.E[]~0123",'
        ' "DicomModalities": {"ct": ["X", "h", "65535"]}}'
    )
    assert (parsed.http_port, parsed.dicom_port, len(parsed.dicom_aet)) == (1, 65535, 16)
    assert parsed.dicom_modalities["ct"].port == 65535


def test_passwords_are_not_passed_on() -> None:
    parsed = parse_configuration('{"RegisteredUsers": {"alice": "secret"}, "Name": "x"}')
    assert json.loads(parsed.public_json()) == {"Name": "x"}


def test_options_without_effect_are_told() -> None:
    parsed = parse_configuration('{"LuaScripts": [], "ReadOnly": true, "DicomWeb": {}}')
    assert parsed.not_honoured == {"LuaScripts", "ReadOnly", "DicomWeb"}


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("{}", False),
        ('{"RemoteAccessAllowed": true}', True),
        ('{"RemoteAccessAllowed": true, "AuthenticationEnabled": false}', False),
        ('{"AuthenticationEnabled": true}', True),
    ],
    ids=str,
)
def test_when_a_login_is_asked_for(text: str, *, enabled: bool) -> None:
    assert parse_configuration(text).is_authentication_enabled is enabled


def test_variables_of_the_environment_are_put_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Orthanc 1.10.1 does; `set but empty` counts as set."""
    monkeypatch.setenv("SITE", "WARD")
    monkeypatch.setenv("EMPTY", "")
    file = tmp_path / "orthanc.json"
    file.write_text(
        """{"Name": "${SITE}-$SITE-${OTHER:-x}-${EMPTY:-y}", // ${NOT_SET}
            "DicomPort": ${PORT:-104}, "RegisteredUsers": {"a": "${SITE}"}}"""
    )
    read = load_configuration(file)
    assert (read.name, read.dicom_port) == ("WARD-$SITE-x-", 104)
    assert read.registered_users == {"a": "WARD"}


def test_a_variable_that_is_not_set_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "orthanc.json"
    file.write_text('{"RegisteredUsers": {"alice": "${NO_SUCH_PASSWORD}"}}')
    with pytest.raises(ConfigurationError, match="NO_SUCH_PASSWORD}: there is no such variable"):
        load_configuration(file)


def test_all_unknown_names_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"^(Foo, Bar|Bar, Foo): there is no such option"):
        parse_configuration('{"Foo": 1, "Bar": {}, "Name": "x"}')


def test_sections_of_plugins_and_comments_are_taken() -> None:
    text = '{"OrthancExplorer2": {"Enable": true}, "Gdcm": {}, "_comment": "of ours"}'
    assert parse_configuration(text).not_honoured == {"OrthancExplorer2", "Gdcm"}
