"""Character sets of PS3.3 C.12.1.1.2: the standard's own examples, and what is broken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes

from nephele.domain.character_set import encoding_of
from nephele.domain.code_extensions import REGISTRATIONS, decode_extended

_KANJI = b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
_KANA = b"\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"

EXAMPLES = [
    pytest.param(
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=" + _KANJI + b"=" + _KANA,
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        id="PS3.5 H.3.1",
    ),
    pytest.param(
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3="
        + _KANJI.replace(b"(B", b"(J")
        + b"="
        + _KANA.replace(b"(B", b"(J"),
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        id="PS3.5 H.3.2",
    ),
    pytest.param(
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
        b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
        id="PS3.5 I.2",
    ),
    pytest.param(
        "\\ISO 2022 IR 58",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
        id="PS3.5 K.2",
    ),
    pytest.param(
        "\\ISO 2022 IR 87\\ISO 2022 IR 159",
        b"\x1b$B;3\x1b$(D0!\x1b(B",
        "山丂",
        id="two sets of kanji",
    ),
    pytest.param(
        "ISO 2022 IR 100\\ISO 2022 IR 144",
        b"M\xfcller^\x1b-L\xbb\xee\xda=Gr\xfc\xdf",
        "Müller^Люк=Grüß",
        id="Latin and Cyrillic, the first again behind a delimiter",
    ),
    pytest.param(
        "ISO 2022 IR 6\\ISO 2022 IR 126\\ISO 2022 IR 138",
        b"A \x1b-F\xc4\xe9\x1b-H\xf9\xf8 Z",
        "A Διשר Z",
        id="Greek and Hebrew",
    ),
    pytest.param("ISO_IR 203", b"10 \xa4", "10 €", id="Latin 9 alone"),
    pytest.param("ISO 2022 IR 100\\ISO 2022 IR 203", b"\xa4\x1b-b\xa4", "¤€", id="Latin 9 besides"),
    pytest.param(
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"A\\B\x1b$B;3\\$\x1b(J",
        "A\\B" + b"\x1b$B;3\\$".decode("iso2022_jp"),
        id="a backslash within a character",
    ),
]


@pytest.mark.parametrize(("declared", "encoded", "expected"), EXAMPLES)
def test_examples(declared: str, encoded: bytes, expected: str) -> None:
    encoding = encoding_of(declared.encode())
    assert encoding.decode(encoded, is_name=True) == expected


@pytest.mark.parametrize(
    ("declared", "encoded", "expected"),
    [
        pytest.param("\\ISO 2022 IR 87", b"A\x1b$B;", "A", id="half a character"),
        pytest.param("\\ISO 2022 IR 87", b"A\x1b", "A", id="half an escape"),
        pytest.param("\\ISO 2022 IR 87", b"A\x1b$", "A", id="half a longer escape"),
        pytest.param("\\ISO 2022 IR 87", b"A\x1b%GB", "AB", id="an escape of another standard"),
        pytest.param("\\ISO 2022 IR 87", b"A\xe4B", "AB", id="a byte no set has"),
        pytest.param("\\ISO 2022 IR 87", b"A\x1b$B!!\x00B", "A\u3000", id="NUL ends a value"),
        pytest.param("\\ISO 2022 IR 149", b"\x1b$)C\xfb^B", "^B", id="a character cut by a caret"),
        pytest.param("\\ISO 2022 IR 87", b"\x1b$B\x7f\x7fA\x1b(BC", "C", id="no such kanji"),
    ],
)
def test_broken_values_are_shown(declared: str, encoded: bytes, expected: str) -> None:
    assert encoding_of(declared.encode()).decode(encoded) == expected


def test_equals_sign_is_text_outside_of_names() -> None:
    encoding = encoding_of(b"ISO 2022 IR 100\\ISO 2022 IR 144")
    assert encoding.decode(b"\x1b-L\xbb=\xbb") == "Л=Л"
    assert encoding.decode(b"\x1b-L\xbb=\xbb", is_name=True) == "Л=»"


def test_ids_do_not_depend_on_extensions() -> None:
    """Orthanc reads a PatientID with the first set it knows; ids are made of that."""
    encoding = encoding_of(b"ISO 2022 IR 100\\ISO 2022 IR 144")
    assert encoding.decode_identifier(b"\x1b-L\xbb1") == "»1"
    assert encoding.decode(b"\x1b-L\xbb1") == "Л1"


_TEXT = {
    "100": "Größe",
    "101": "Dvořák",
    "109": "Ĝ",
    "110": "Ņ",
    "144": "Люк",
    "127": "قبا",
    "126": "Διο",
    "138": "שרו",
    "148": "Şah",
    "166": "สมช",
    "87": "山田",
    "149": "길동",
    "58": "小东",
}
_WIDE = ("87", "149", "58")
"""Sets of several bytes are never the first."""
_CODECS = {
    "100": ("latin_1", b"\x1b-A"),
    "101": ("iso8859_2", b"\x1b-B"),
    "109": ("iso8859_3", b"\x1b-C"),
    "110": ("iso8859_4", b"\x1b-D"),
    "144": ("iso8859_5", b"\x1b-L"),
    "127": ("iso8859_6", b"\x1b-G"),
    "126": ("iso8859_7", b"\x1b-F"),
    "138": ("iso8859_8", b"\x1b-H"),
    "148": ("iso8859_9", b"\x1b-M"),
    "166": ("iso8859_11", b"\x1b-T"),
    "87": ("iso2022_jp", b""),
    "149": ("euc_kr", b"\x1b$)C"),
    "58": ("gb2312", b"\x1b$)A"),
}


@pytest.mark.parametrize("first", ["", *(number for number in _TEXT if number not in _WIDE)])
@pytest.mark.parametrize("other", _TEXT)
def test_every_pair_of_sets(first: str, other: str) -> None:
    """What one set says, then what another does, is read as it was written."""
    codec, escape = _CODECS[other]
    encoded = escape + _TEXT[other].encode(codec)
    shown = _TEXT[other]
    if first:
        encoded = _TEXT[first].encode(_CODECS[first][0]) + b" " + encoded
        shown = f"{_TEXT[first]} {shown}"
    terms = [f"ISO 2022 IR {number}" if number else "" for number in (first, other)]
    assert encoding_of("\\".join(terms).encode()).decode(encoded) == shown


@pytest.mark.parametrize(("declared", "encoded", "expected"), EXAMPLES[:3])
def test_pydicom_reads_the_same(declared: str, encoded: bytes, expected: str) -> None:
    encodings = convert_encodings(declared.split("\\"))
    assert decode_bytes(encoded, encodings, {"^", "="}) == expected


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b-L", b"^", b"=", b"\\"]),
        )
    ),
    st.lists(st.sampled_from(["", *sorted(REGISTRATIONS)]), min_size=1, max_size=3),
    st.booleans(),
)
def test_whatever_comes_is_text(pieces: list[bytes], sets: list[str], is_name: bool) -> None:
    text = decode_extended(b"".join(pieces), sets, is_name=is_name)
    assert text.encode("utf-8", "strict").decode() == text
