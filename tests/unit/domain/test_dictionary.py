"""What the configuration adds to the data dictionary and to the main DICOM tags."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nephele.domain.attributes import MAIN_ATTRIBUTES
from nephele.domain.dicom_json import TagFormat, tags_json
from nephele.domain.dictionary import name_of, parse_tag, use_dictionary, vr_of
from nephele.domain.extra_tags import main_tag_name, shown_tags, use_extra_main_tags
from nephele.domain.header import read_header
from nephele.domain.levels import Level
from nephele.domain.option_checks import check_options
from nephele.errors import ConfigurationError
from nephele.settings.configuration import Configuration, parse_configuration
from tests.differential.odd_files import odd_files
from tests.unit.conftest import dicom_file

PRIVATE = odd_files()["private elements"]
"""(0009,1001) of ACME 1.1, (0019,1002) of GEMS_ACQU_01, (002b,1001) of nobody."""


@pytest.fixture(autouse=True)
def own_dictionary() -> Iterator[None]:
    """Leave the process as it was."""
    yield
    use_dictionary({})
    use_extra_main_tags({})


def configured(**options: object) -> Configuration:
    """Use the dictionary of a configuration, which has been through JSON once more."""
    configuration = parse_configuration(json.dumps(options))
    configuration = parse_configuration(configuration.public_json())
    use_dictionary(
        configuration.dictionary,
        default_private_creator=configuration.default_private_creator,
        has_private_dictionary=configuration.load_private_dictionary,
    )
    return configuration


def test_public_entry() -> None:
    configured(Dictionary={"0020,5555": ["LO", "MyPublicTag", 1, 1]})
    assert (name_of(0x00205555), vr_of(0x00205555)) == ("MyPublicTag", "LO")
    assert parse_tag("MyPublicTag") == parse_tag("0020-5555") == 0x00205555


def test_entry_wins_over_the_standard() -> None:
    configured(Dictionary={"0010,0010": ["LO", "Name"]})
    assert (name_of(0x00100010), vr_of(0x00100010)) == ("Name", "LO")
    configured()
    assert (name_of(0x00100010), vr_of(0x00100010)) == ("PatientName", "PN")
    assert parse_tag("Name") is None


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("0009,1001", id="the whole tag"),
        pytest.param("0009,01", id="the last byte"),
        pytest.param("0009,4201", id="another block"),
        pytest.param("00091001", id="without a comma"),
    ],
)
def test_private_entry(tag: str) -> None:
    """Orthanc 1.10.1 shows this file so under the same dictionary."""
    configured(Dictionary={tag: ["SH", "AcmeThing", 1, 1, "ACME 1.1"]})
    assert tags_json(PRIVATE, TagFormat.HUMAN)["AcmeThing"] == "known to nobody"
    assert tags_json(PRIVATE)["0009,1001"] == {
        "Name": "AcmeThing",
        "PrivateCreator": "ACME 1.1",
        "Type": "String",
        "Value": "known to nobody",
    }


def test_private_entry_of_another_creator() -> None:
    configured(Dictionary={"0009,1001": ["SH", "AcmeThing", 1, 1, "ACME 2.0"]})
    assert tags_json(PRIVATE)["0009,1001"]["Name"] == "Unknown Tag & Data"


def test_default_private_creator() -> None:
    entry = ["LO", "Orphan", 1, 1]
    configured(Dictionary={"002b,1001": entry})
    assert tags_json(PRIVATE)["002b,1001"]["Name"] == "Orphan"
    configured(Dictionary={"002b,1001": entry}, DefaultPrivateCreator="ACME 1.1")
    assert tags_json(PRIVATE)["002b,1001"]["Name"] == "Orphan"
    assert name_of(0x002B1001, "ACME 1.1") == "Orphan"
    configured(Dictionary={"002b,1001": [*entry, "ELSE"]}, DefaultPrivateCreator="ACME 1.1")
    assert tags_json(PRIVATE)["002b,1001"]["Name"] == "Unknown Tag & Data"


def test_vr_of_a_private_entry_decides_what_un_means() -> None:
    configured(Dictionary={"0009,1002": ["LT", "AcmeText", 1, 1, "ACME 1.1"]})
    assert tags_json(PRIVATE)["0009,1002"]["Value"] == "bytes"


def test_without_the_private_dictionary() -> None:
    assert name_of(0x00191002, "GEMS_ACQU_01") == "DetectorChannel"
    configured(LoadPrivateDictionary=False)
    assert name_of(0x00191002, "GEMS_ACQU_01") == "Unknown Tag & Data"


@pytest.mark.parametrize(
    ("tag", "entry", "said"),
    [
        pytest.param("0020", ["LO", "Tag"], "gggg,eeee", id="half a tag"),
        pytest.param("0020,555g", ["LO", "Tag"], "gggg,eeee", id="not hexadecimal"),
        pytest.param("0020,5555", ["XX", "Tag"], "'XX' is no value representation", id="VR"),
        pytest.param("0020,5555", ["LO"], "[VR, name", id="too short"),
        pytest.param("0020,5555", ["LO", "Tag", 1, 1, "", 1], "[VR, name", id="too long"),
        pytest.param("0020,5555", ["LO", ""], "at least 1 character", id="no name"),
        pytest.param("0020,5555", ["LO", "Tag", -1], "greater than or equal to 0", id="negative"),
        pytest.param("0020,5555", "LO", "Dictionary", id="no array"),
    ],
)
def test_bad_entries(tag: str, entry: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^Dictionary") as caught:
        parse_configuration(json.dumps({"Dictionary": {tag: entry}}))
    assert said in str(caught.value)


EXTRA = {
    "Patient": ["PatientAge"],
    "Study": ["0008,1040", "PatientName"],
    "Series": ["0018,0050", "Modality"],
    "Instance": ["Rows", "PixelSpacing", "PhotometricInterpretation"],
}


def test_extra_main_tags() -> None:
    before = {level: shown_tags(level) for level in Level}
    use_extra_main_tags(EXTRA)
    added = {level: shown_tags(level) - before[level] for level in Level}
    assert added == {
        Level.PATIENT: {"0010,1010"},
        Level.STUDY: {"0008,1040", "0010,0010"},
        Level.SERIES: {"0018,0050"},
        Level.INSTANCE: {"0028,0004", "0028,0010", "0028,0030"},
    }
    tags = read_header(dicom_file()).main_tags
    assert tags[Level.PATIENT]["0010,1010"] == "000Y"
    assert tags[Level.SERIES]["0018,0050"] == "5.000000"
    shown = {main_tag_name(tag): value for tag, value in tags[Level.INSTANCE].items()}
    assert (shown["Rows"], shown["PixelSpacing"]) == ("128", r"0.661468\0.661468")
    use_extra_main_tags({})
    assert "0028,0010" not in read_header(dicom_file()).main_tags[Level.INSTANCE]


def test_names_of_main_tags() -> None:
    for attribute in MAIN_ATTRIBUTES:
        assert main_tag_name(attribute.tag) == attribute.keyword == name_of(attribute.number)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"Instance": ["NoSuchTag"]}, "'NoSuchTag' is no DICOM tag", id="no tag"),
        pytest.param({"Series": ["0008,1140"]}, "0008,1140 has no text", id="sequence"),
        pytest.param({"Instance": ["PixelData"]}, "7fe0,0010 has no text", id="bytes"),
        pytest.param(
            {"Patient": ["PatientAge"], "Study": ["PatientAge"]},
            "may not belong to the patient and to the study",
            id="both",
        ),
    ],
)
def test_bad_extra_main_tags(options: object, said: str) -> None:
    configuration = parse_configuration(json.dumps({"ExtraMainDicomTags": options}))
    with pytest.raises(ConfigurationError, match=r"^ExtraMainDicomTags: ") as caught:
        check_options(configuration)
    assert said in str(caught.value)


def test_extra_main_tags_of_a_level_there_is_not() -> None:
    with pytest.raises(ConfigurationError, match="ExtraMainDicomTags"):
        parse_configuration('{"ExtraMainDicomTags": {"Frame": ["Rows"]}}')


def test_extra_main_tags_may_come_from_the_dictionary() -> None:
    check_options(
        parse_configuration(
            json.dumps(
                {
                    "Dictionary": {"0020,5555": ["LO", "MyPublicTag"]},
                    "ExtraMainDicomTags": {"Study": ["MyPublicTag"]},
                }
            )
        )
    )
    assert parse_tag("MyPublicTag") is None
