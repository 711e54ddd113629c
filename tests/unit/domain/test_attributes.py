"""The table of main DICOM tags against the dictionary."""

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag

from nephele.domain.attributes import (
    IDENTIFIERS,
    MAIN_ATTRIBUTES,
    Attribute,
    keyword_of,
    main_attribute,
    main_attributes,
    number_of,
    tag_of,
)
from nephele.domain.levels import Level


@pytest.mark.parametrize("attribute", MAIN_ATTRIBUTES, ids=lambda a: f"{a.level}-{a.keyword}")
def test_attribute_is_as_in_the_dictionary(attribute: Attribute) -> None:
    assert keyword_for_tag(attribute.number) == attribute.keyword
    assert dictionary_VR(attribute.number) == attribute.vr
    assert tag_of(attribute.number) == attribute.tag
    assert number_of(attribute.tag) == attribute.number


def test_levels_hold_as_many_as_orthanc_s() -> None:
    assert [len(main_attributes(level)) for level in Level] == [5, 11, 26, 11]


def test_no_level_repeats_an_attribute() -> None:
    assert len({(a.level, a.tag) for a in MAIN_ATTRIBUTES}) == len(MAIN_ATTRIBUTES)


def test_lookups_take_keyword_and_tag() -> None:
    assert main_attribute("0010,0020") is main_attribute("PatientID") is IDENTIFIERS[Level.PATIENT]
    assert keyword_of("0020,000d") == "StudyInstanceUID"
    assert main_attribute("PixelData") is None
