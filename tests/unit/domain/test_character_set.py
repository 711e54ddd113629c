"""Orthanc's encodings."""

import pytest

from nephele.domain.character_set import ENCODINGS, Encoding, encoding_named, encoding_of
from nephele.domain.dicom_json import TagFormat, tags_json
from tests.unit.domain.encoded import real_file


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, "Latin1", id="absent: the default"),
        pytest.param(b"", "Latin1", id="empty: the default"),
        pytest.param(b"  ", "Latin1", id="blank: the default"),
        pytest.param(b"ISO_IR 6", "Ascii", id="ASCII"),
        pytest.param(b"ISO_IR 192", "Utf8", id="UTF-8"),
        pytest.param(b"ISO 2022 IR 100", "Latin1", id="with code extensions"),
        pytest.param(b"ISO_IR 166 ", "Thai", id="padded"),
        pytest.param(b"GBK ", "Chinese", id="GBK"),
        pytest.param(b"\\ISO 2022 IR 87", "JapaneseKanji", id="the first that is known"),
        pytest.param(b"ISO 2022 IR 13\\ISO 2022 IR 87", "Japanese", id="the first of two"),
        pytest.param(b"nonsense", "Ascii", id="unknown: ASCII"),
    ],
)
def test_encoding_of(value: bytes | None, expected: str) -> None:
    assert encoding_of(value).name == expected


def test_every_encoding_decodes_ascii_and_never_raises() -> None:
    for name in ENCODINGS:
        encoding = encoding_named(name.upper())
        assert encoding.decode(b"Doe^John  ") == "Doe^John"
        assert isinstance(encoding.decode(bytes(range(1, 256)) * 2), str)


def test_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        encoding_named("Klingon")


@pytest.mark.parametrize(
    ("encoding", "value", "expected"),
    [
        pytest.param(Encoding("Latin1"), b"caf\xe9", "café", id="Latin1"),
        pytest.param(Encoding("Utf8"), "é".encode() + b"\xff", "é", id="broken UTF-8 left out"),
        pytest.param(Encoding("Ascii"), b"a\xe9\x1bb", "ab", id="ASCII drops what is none"),
        pytest.param(Encoding("Ascii"), b"a\r\nb", "a\r\nb", id="ASCII keeps white space"),
        pytest.param(Encoding("Japanese"), b"\xd4\xcf\\a", "ﾔﾏ\\a", id="backslash stays"),
        pytest.param(Encoding("Korean", True), b"\x1b$)C\xb1\xe8", "김", id="no escapes left"),
    ],
)
def test_decode(encoding: Encoding, value: bytes, expected: str) -> None:
    assert encoding.decode(value) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chrArab.dcm", "قباني^لنزار"),
        ("chrFren.dcm", "Buc^Jérôme"),
        ("chrGerm.dcm", "Äneas^Rüdiger"),
        ("chrGreek.dcm", "Διονυσιος"),
        ("chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("chrHbrw.dcm", "שרון^דבורה"),
        ("chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
        ("chrRuss.dcm", "Люкceмбypг"),  # noqa: RUF001
        ("chrX1.dcm", "Wang^XiaoDong=王^小東="),
        ("chrX2.dcm", "Wang^XiaoDong=王^小东="),
    ],
)
def test_names_as_orthanc_shows_them(name: str, expected: str) -> None:
    tags = tags_json(real_file(f"charset_files/{name}"), TagFormat.HUMAN)
    assert tags["PatientName"] == expected
