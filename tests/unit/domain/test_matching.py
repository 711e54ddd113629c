"""Matching: tables of cases, and a simple reference for wildcards and ranges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nephele.domain.attributes import MAIN_ATTRIBUTES, Key, Matching
from nephele.domain.case import fold_case
from nephele.domain.identifiers import normalize_identifier
from nephele.domain.levels import Level
from nephele.domain.matching import Asked, Matcher, match_data_set, parse_matcher
from nephele.domain.wildcard import literal_prefix, longest_literal, match_wildcard
from nephele.errors import ParameterOutOfRange

CASES: dict[str, tuple[str, str, str, bool]] = {
    "equal": ("CS", "CT", "CT", True),
    "another case": ("CS", "ct", "CT", True),
    "another case of an accent": ("PN", "é^zoë", "É^ZOË", True),
    "an accent is no letter without one": ("PN", "e", "é", False),
    "sharp s keeps its length": ("PN", "STRASSE", "straße", False),
    "Greek": ("PN", "Σίσυφος", "σίσυφος", True),
    "padding counts": ("LO", "a ", "a", False),
    "a wildcard, whole": ("PN", "*", "", True),
    "a wildcard, beginning": ("PN", "doe*", "DOE^JANE", True),
    "a wildcard is no part": ("PN", "doe", "DOE^JANE", False),
    "a wildcard of one character": ("SH", "a?c", "abc", True),
    "a wildcard of one character, none there": ("SH", "abc?", "abc", False),
    "signs of regular expressions are signs": ("LO", "a.c*", "abc", False),
    "a sign that is there": ("LO", "(a.c)*", "(a.c) x", True),
    "lines": ("LT", "a*c", "a\nb\nc", True),
    "a list": ("SH", "a\\b", "B", True),
    "not in a list": ("SH", "a\\b", "c", False),
    "a list has no wildcards": ("SH", "a*\\b", "ab", False),
    "a list of UIDs": ("UI", "1.2\\1.3", "1.3", True),
    "a range": ("DA", "20200101-20201231", "20200229", True),
    "the first of a range": ("DA", "20200101-20201231", "20200101", True),
    "the last of a range": ("DA", "20200101-20201231", "20201231", True),
    "before a range": ("DA", "20200101-20201231", "20191231", False),
    "behind a range": ("DA", "20200101-20201231", "20210101", False),
    "a range of times": ("TM", "0700-0800", "073000", True),
    "a range of times compares texts": ("TM", "0700-0800", "080000", False),
    "from": ("DT", "2020-", "20210101", True),
    "until": ("DA", "-2020", "20191231", True),
    "an empty date is before all": ("DA", "-2020", "", True),
    "an empty date is not from": ("DA", "2020-", "", False),
    "a dash is one where no range is": ("LO", "a-b", "a-b", True),
    "digits of a number": ("US", "128", "128", True),
}


@pytest.mark.parametrize("reason", CASES)
def test_match(reason: str) -> None:
    vr, query, value, expected = CASES[reason]
    matcher = parse_matcher(query, vr)
    assert matcher is not None
    assert matcher.matches(value) is expected


@pytest.mark.parametrize(("query", "vr"), [("", "PN"), ("-", "DA"), ("-", "TM"), ("", "UI")])
def test_nothing_is_asked_for(query: str, vr: str) -> None:
    assert parse_matcher(query, vr) is None


@pytest.mark.parametrize("vr", ["DA", "TM", "DT", "UI", "IS", "DS", "US", "AS", "UN", "OW"])
@pytest.mark.parametrize("query", ["a*", "?", "*"])
def test_wildcards_are_for_texts(vr: str, query: str) -> None:
    with pytest.raises(ParameterOutOfRange, match="not allowed on tag 0008,0020"):
        parse_matcher(query, vr, tag="0008,0020")


@pytest.mark.parametrize(
    ("query", "value", "expected"),
    [("CT", "CT", True), ("ct", "CT", False), ("C*", "CT", True), ("c*", "CT", False)],
)
def test_case_may_matter(query: str, value: str, expected: bool) -> None:
    matcher = parse_matcher(query, "CS", is_case_sensitive=True)
    assert matcher is not None
    assert matcher.matches(value) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("yamada^tarou", True, id="alphabetic"),
        pytest.param("山田^太郎", True, id="ideographic"),
        pytest.param("やまだ*", True, id="phonetic"),
        pytest.param("Yamada^Tarou=山田^太郎=やまだ^たろう", True, id="all groups"),
        pytest.param("*=山田*", True, id="across groups"),
        pytest.param("tarou", False, id="a component is no group"),
    ],
)
def test_component_groups(query: str, expected: bool) -> None:
    matcher = parse_matcher(query, "PN")
    assert matcher is not None
    assert matcher.matches_name("Yamada^Tarou=山田^太郎=やまだ^たろう") is expected


def test_one_of_several_values() -> None:
    matcher = parse_matcher("CT\\MR", "CS")
    assert matcher is not None
    assert matcher.matches_any(["SR", "mr"])
    assert not matcher.matches_any([])


def _ask(vr: str, query: str) -> Matcher | None:
    return parse_matcher(query, vr)


_STEP = "0040,0100"
_STATION, _DATE = "0040,0001", "0040,0002"
_WORKLIST: dict[str, Any] = {
    "0010,0010": "Doe^Jane",
    _STEP: [{_STATION: "CT1", _DATE: "20200101"}, {_STATION: "MR1", _DATE: "20210101"}],
    "0008,1110": [],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"0010,0010": _ask("PN", "doe*")}, True, id="a value"),
        pytest.param({"0010,0020": _ask("LO", "*")}, False, id="a value that is absent"),
        pytest.param({"0010,0020": None}, True, id="nothing of what is absent"),
        pytest.param({_STEP: {_STATION: _ask("AE", "MR1")}}, True, id="one item"),
        pytest.param(
            {_STEP: {_STATION: _ask("AE", "MR1"), _DATE: _ask("DA", "20200101")}},
            False,
            id="two items do not do together",
        ),
        pytest.param({_STEP: {_STATION: None}}, True, id="an item that asks for nothing"),
        pytest.param({"0008,1110": {"0008,1150": _ask("UI", "1")}}, False, id="no item"),
        pytest.param({"0008,1111": {"0008,1150": _ask("UI", "1")}}, False, id="no sequence"),
        pytest.param({_STEP: _ask("LO", "*")}, False, id="a value of a sequence"),
        pytest.param({"0010,0010": {_DATE: _ask("DA", "2020-")}}, False, id="items of a value"),
    ],
)
def test_sequences(query: dict[str, Any], expected: bool) -> None:
    assert match_data_set(_WORKLIST, query) is expected


def _reference(value: str, wildcard: str) -> bool:
    """Match by trying everything."""
    if not wildcard:
        return not value
    if wildcard[0] == "*":
        return any(_reference(value[n:], wildcard[1:]) for n in range(len(value) + 1))
    return bool(value) and wildcard[0] in ("?", value[0]) and _reference(value[1:], wildcard[1:])


_short = st.text("ab^", max_size=8)


@settings(deadline=None)
@given(value=_short, wildcard=st.text("ab^*?", max_size=7))
def test_wildcards_do_as_the_reference(value: str, wildcard: str) -> None:
    assert match_wildcard(value, wildcard) is _reference(value, wildcard)
    if match_wildcard(value, wildcard):
        assert value.startswith(literal_prefix(wildcard))
        assert longest_literal(wildcard) in value


def test_no_wildcard_takes_long() -> None:
    assert not match_wildcard("a" * 4096, "*a" * 60 + "*b")


_date = st.text("0129", max_size=8)


@settings(deadline=None)
@given(value=_date, first=_date, last=_date)
def test_ranges_do_as_the_reference(value: str, first: str, last: str) -> None:
    matcher = parse_matcher(f"{first}-{last}", "DA")
    expected = (not first or value >= first) and (not last or value <= last)
    assert (matcher is None or matcher.matches(value)) is expected


@settings(deadline=None)
@given(st.text(), st.text())
def test_folding_keeps_lengths_and_goes_with_identifiers(one: str, other: str) -> None:
    assert len(fold_case(one)) == len(one)
    assert fold_case(fold_case(one)) == fold_case(one)
    if fold_case(one) == fold_case(other):
        assert normalize_identifier(one) == normalize_identifier(other)
    assert normalize_identifier(fold_case(one)) == normalize_identifier(one)


@pytest.mark.parametrize(
    ("keyword", "matching"),
    [
        ("PatientName", Matching.WILDCARD),
        ("StudyDate", Matching.RANGE),
        ("StudyInstanceUID", Matching.UID_LIST),
        ("SeriesNumber", Matching.SINGLE),
        ("RequestAttributesSequence", Matching.SEQUENCE),
    ],
)
def test_the_table_says_how_an_attribute_is_matched(keyword: str, matching: Matching) -> None:
    (attribute,) = [one for one in MAIN_ATTRIBUTES if one.keyword == keyword]
    assert attribute.matching is matching


def test_the_table_says_what_is_unique_and_what_is_returned() -> None:
    unique = {one.level: one.keyword for one in MAIN_ATTRIBUTES if one.key is Key.UNIQUE}
    assert unique == {
        Level.PATIENT: "PatientID",
        Level.STUDY: "StudyInstanceUID",
        Level.SERIES: "SeriesInstanceUID",
        Level.INSTANCE: "SOPInstanceUID",
    }
    returned = {one.keyword for one in MAIN_ATTRIBUTES if one.is_returned}
    assert {"AccessionNumber", "Modality", "InstanceNumber"} <= returned
    assert "StudyDescription" not in returned


def test_a_matcher_says_what_is_asked() -> None:
    asked = {query: parse_matcher(query, "DA") for query in ("2020", "2020-", "a\\b")}
    assert [one.asked for one in asked.values() if one] == [Asked.EQUAL, Asked.RANGE, Asked.LIST]
