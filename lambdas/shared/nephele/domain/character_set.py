"""Specific Character Set: Orthanc's encodings and how it decodes with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from nephele.domain.code_extensions import REGISTRATIONS, decode_extended

PADDING = " \0"
"""What fills a value up to an even length."""

_ESCAPE = re.compile(r"\x1b(?:[\x20-\x2f]+[\x30-\x7e])")
_CONTROL = re.compile(r"[^\x20-\x7e\s]")

_TABLE = """
    Ascii             ascii       6
    Utf8              utf-8       192
    Latin1            iso8859_1   100
    Latin2            iso8859_2   101
    Latin3            iso8859_3   109
    Latin4            iso8859_4   110
    Latin5            iso8859_9   148
    Cyrillic          iso8859_5   144
    Windows1251       cp1251      -
    Arabic            iso8859_6   127
    Greek             iso8859_7   126
    Hebrew            iso8859_8   138
    Thai              tis_620     166
    Japanese          shift_jis   13
    Chinese           gb18030     GB18030,GBK
    Korean            euc_kr      149
    JapaneseKanji     iso2022_jp_2 87,159
    SimplifiedChinese gb2312      58
"""

_CODECS: dict[str, str] = {}
_NAMES: dict[str, str] = {}
for _line in _TABLE.split("\n")[1:-1]:
    _name, _codec, _terms = _line.split()
    _CODECS[_name] = _codec
    _NAMES.update(dict.fromkeys(_terms.split(","), _name))

ENCODINGS: tuple[str, ...] = tuple(_CODECS)
"""Orthanc's names of encodings, as `DefaultEncoding` takes them."""

DefaultEncoding = str | Callable[[], str]
"""Name of the encoding for data sets that declare none, or what finds it out when it matters."""

_DEFINED_TERMS = {
    "Japanese": "ISO_IR 13",
    "Chinese": "GB18030",
    "Windows1251": "ISO_IR 144",
    "JapaneseKanji": "\\ISO 2022 IR 87",
    "Korean": "\\ISO 2022 IR 149",
    "SimplifiedChinese": "\\ISO 2022 IR 58",
}
for _name, _terms in ((line.split()[0], line.split()[2]) for line in _TABLE.split("\n")[1:-1]):
    _DEFINED_TERMS.setdefault(_name, f"ISO_IR {_terms}")
_WRITTEN = {"Windows1251": "iso8859_5"}
"""What has no defined term is written in the set that has those characters and one."""
_ESCAPES = {"JapaneseKanji": b"", "Korean": b"\x1b$)C", "SimplifiedChinese": b"\x1b$)A"}
"""What designates the set in front of its characters; Python's codec of Kanji writes its own."""
_DELIMITED = re.compile(r"([\\^=])")

_REGISTRATION = re.compile(r"ISO[ _](?:IR|2022 IR)[ _-]?(\d+)")


def strip_uid(text: str) -> str:
    """Return a UID, or several, without any white space: it never counts."""
    return "".join(text.split())


@dataclass(frozen=True, slots=True)
class Encoding:
    """One of Orthanc's encodings.

    Attributes
    ----------
    has_extensions : bool
        The data set declares several.
    registrations : tuple of str
        Those that are declared for code extensions, by ISO registration number.
    """

    name: str
    has_extensions: bool = False
    registrations: tuple[str, ...] = ()

    def decode(self, value: bytes, *, is_name: bool = False) -> str:
        """Decode a value up to its first NUL, without trailing blanks.

        Bytes that mean nothing in the encoding are left out; this never raises.

        Parameters
        ----------
        is_name : bool
            The value is a PN, whose components may switch character sets.
        """
        if not self.registrations:
            return self.decode_identifier(value)
        encoded = value.split(b"\0", 1)[0]
        return decode_extended(encoded, self.registrations, is_name=is_name).rstrip(" ")

    @property
    def defined_term(self) -> str:
        """Return the Specific Character Set (0008,0005) of what `encode` writes."""
        return _DEFINED_TERMS[self.name]

    def encode(self, text: str) -> bytes:
        """Encode a text; characters that the set does not have are left out.

        Sets that are switched to are switched to behind each delimiter. See PS3.5 6.1.2.5.3.
        """
        codec = _WRITTEN.get(self.name, _CODECS[self.name])
        escape = _ESCAPES.get(self.name)
        if escape is None or text.isascii():
            return text.encode(codec, "ignore")
        return b"".join(
            part.encode("ascii") if part.isascii() else escape + part.encode(codec, "ignore")
            for part in _DELIMITED.split(text)
        )

    def decode_identifier(self, value: bytes) -> str:
        """Decode a PatientID as Orthanc does, whose ids depend on it: code extensions are ignored.

        Bytes that mean nothing in the encoding are left out; this never raises.
        """
        text = value.split(b"\0", 1)[0].decode(_CODECS[self.name], "ignore")
        if self.name == "Ascii":
            text = _CONTROL.sub("", text)
        elif self.has_extensions:
            text = _ESCAPE.sub("", text)
        return text.rstrip(" ")


def encoding_named(name: str) -> Encoding:
    """Return the encoding of one of Orthanc's names, in any case; KeyError if there is none."""
    for known in ENCODINGS:
        if known.lower() == name.lower():
            return Encoding(known)
    raise KeyError(name)


def encoding_of(
    specific_character_set: bytes | None, default: DefaultEncoding = "Latin1"
) -> Encoding:
    """Return the encoding of a data set from its Specific Character Set (0008,0005).

    The first value that is known decides; when none is, the data set is read as ASCII. Where the
    element is missing or empty, `default` (Orthanc's `DefaultEncoding`, or what returns it) counts.
    """
    text = (specific_character_set or b"").decode("latin-1").strip(PADDING)
    if not text:
        return encoding_named(default if isinstance(default, str) else default())
    terms = [_term(term.strip(PADDING)) for term in text.split("\\")]
    names = (_NAMES[term] for term in terms if term in _NAMES)
    name = next(names, "Ascii")
    is_known_here = any(terms) and REGISTRATIONS.issuperset(filter(None, terms))
    if len(terms) == 1 and (terms[0] in _NAMES or not is_known_here):
        return Encoding(name)
    return Encoding(name, len(terms) > 1, tuple(terms) if is_known_here else ())


def _term(term: str) -> str:
    """Return the ISO registration number of a defined term, else the term in capitals."""
    match = _REGISTRATION.fullmatch(term.upper())
    return match[1] if match else term.upper()
