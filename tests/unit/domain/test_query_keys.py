"""Queries to other archives: which keys are sent, for which manufacturer."""

from __future__ import annotations

import pytest

from nephele.domain.commitment import (
    Commitment,
    Reference,
    decode_commitment,
    encode_commitment,
)
from nephele.domain.levels import Level
from nephele.domain.query_keys import normalize, parse_query, retrieve_keys, with_unique_keys
from nephele.domain.transfer_syntax import TRANSFER_SYNTAXES
from nephele.errors import BadFileFormat, BadRequest


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        (Level.PATIENT, ["0010,0020"]),
        (Level.STUDY, ["0008,0050", "0010,0020", "0020,000d"]),
        (Level.SERIES, ["0008,0050", "0010,0020", "0020,000d", "0020,000e"]),
        (Level.INSTANCE, ["0008,0018", "0008,0050", "0010,0020", "0020,000d", "0020,000e"]),
    ],
)
def test_unique_keys_are_added(level: Level, keys: list[str]) -> None:
    assert sorted(with_unique_keys({}, level, "Generic")) == keys
    assert set(with_unique_keys({}, level, "GE").values()) == {"*"}
    assert with_unique_keys({"0010,0020": "P"}, level, "GE")["0010,0020"] == "P"


@pytest.mark.parametrize(
    ("level", "tag", "is_kept"),
    [
        (Level.PATIENT, "0010,0010", True),
        (Level.PATIENT, "0008,0020", False),
        (Level.PATIENT, "0020,1200", True),
        (Level.STUDY, "0008,0061", True),
        (Level.STUDY, "0008,0062", True),
        (Level.STUDY, "0020,1208", True),
        (Level.STUDY, "0020,1209", False),
        (Level.STUDY, "0010,0010", True),
        (Level.STUDY, "0008,0060", False),
        (Level.SERIES, "0008,0060", True),
        (Level.SERIES, "0020,1209", True),
        (Level.SERIES, "0020,0013", False),
        (Level.INSTANCE, "0020,0013", True),
        (Level.STUDY, "0008,0005", True),
        (Level.STUDY, "0011,1001", False),
    ],
)
def test_keys_of_other_levels_go(level: Level, tag: str, is_kept: bool) -> None:
    kept, dropped = normalize({tag: "x"}, level, "Generic")
    assert (list(kept), dropped) == (([tag], []) if is_kept else ([], [tag]))


@pytest.mark.parametrize(
    ("manufacturer", "date", "name"),
    [
        ("Generic", "*", "*"),
        ("GenericNoWildcardInDates", "", "*"),
        ("GenericNoUniversalWildcard", "", ""),
        ("GE", "*", "*"),
        ("Vitrea", "*", "*"),
    ],
)
def test_lone_wildcards_are_patched(manufacturer: str, date: str, name: str) -> None:
    query = {"0008,0020": "*", "0010,0010": "*", "0008,1030": "a*"}
    kept, _ = normalize(query, Level.STUDY, manufacturer)
    assert kept == {"0008,0020": date, "0010,0010": name, "0008,1030": "a*"}


def test_tags_by_name_and_number() -> None:
    parsed = parse_query({"PatientID": "a", "0010,0010": "b", "00080050": "c", "0020-000d": "d"})
    assert parsed == {"0010,0020": "a", "0010,0010": "b", "0008,0050": "c", "0020,000d": "d"}


@pytest.mark.parametrize("value", [1, True, None, [], {}])
def test_values_are_texts(value: object) -> None:
    with pytest.raises(BadFileFormat):
        parse_query({"PatientID": value})


def test_retrievals_name_their_resource() -> None:
    assert retrieve_keys(Level.INSTANCE) == ("0020,000d", "0020,000e", "0008,0018")


@pytest.mark.parametrize(
    "syntax", [s for s in TRANSFER_SYNTAXES if s.kind == "native" and not s.is_deflated], ids=str
)
def test_commitments_come_back(syntax: object) -> None:
    commitment = Commitment(
        "2.25.1", (Reference("1.2", "3.4"),), (Reference("1.2", "5.6", 0x0112),)
    )
    encoded = encode_commitment(commitment, syntax)  # type: ignore[arg-type]
    assert decode_commitment(encoded, syntax) == commitment  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "commitment",
    [Commitment("", ()), Commitment("2.25.1", (Reference("1.2", ""),))],
    ids=["no transaction", "no instance"],
)
def test_incomplete_commitments_are_refused(commitment: Commitment) -> None:
    syntax = TRANSFER_SYNTAXES[0]
    with pytest.raises(BadRequest):
        decode_commitment(encode_commitment(commitment, syntax), syntax)
