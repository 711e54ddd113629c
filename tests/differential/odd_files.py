"""Odd but real files: identifiers, values and layouts that should not be, and are."""

from __future__ import annotations

from tests.differential.part10 import (
    Elements,
    Value,
    numbers,
    part10,
    pixels,
    secondary_capture,
    sequence,
    text,
)

_ROOT = "1.2.826.0.1.3680043.2.1143.8"
_LONG_UID = _ROOT + "." + "9" * (93 - len(_ROOT))
_UTF8 = {0x00080005: text("CS", "ISO_IR 192")}


def odd_files() -> dict[str, bytes]:
    """Return them by name."""
    return {**_identifiers(), **_missing(), **_values(), **_layouts()}


def _identifiers() -> dict[str, bytes]:
    uid = {
        "letters": f"{_ROOT}.abc.DEF",
        "leading zeros": f"{_ROOT}.007.01",
        "94 characters": _LONG_UID,
        "blanks behind": f"{_ROOT}.5 ",
        "a word": "hello",
    }
    patient = {
        "blanks behind": "PAD  ",
        "blanks in front": "  LEAD",
        "NUL behind": "NUL\0\0",
        "a quote": 'O\'Brien "X"',
        "a backslash": "ONE\\TWO",
        "an emoji": "😀",
        "an accent": "Ü1",
        "nothing in it": "",
        "256 characters": "p" * 256,
        "257 characters": "p" * 257,
        "65,000 characters": "p" * 65_000,
        "a slash": "a/b?c&d",
        "markup": "<b>&amp;</b>",
        "a percent sign": "%41%",
    }
    files = {
        f"UIDs of {name}": secondary_capture("UID", f"{value}", f"{value}.2", f"{value}.3")
        for name, value in uid.items()
    }
    for number, (name, value) in enumerate(patient.items()):
        files[f"PatientID with {name}"] = _file(f"1.{number}", _UTF8, value)
    files["no PatientID at all"] = _file("2.1", {}, None)
    return files


_OWN = "a patient of its own"


def _file(suffix: str, extra: Elements, patient: str | None = _OWN) -> bytes:
    study = f"{_ROOT}.{suffix}"
    name = f"ODD {suffix}" if patient is _OWN else patient
    return secondary_capture(name, study, f"{study}.1", f"{study}.1.1", extra)


def _missing() -> dict[str, bytes]:
    uids = {"Study": 0x0020000D, "Series": 0x0020000E, "SOP": 0x00080018}
    files = {}
    for name, tag in uids.items():
        args = ("ODD", f"{_ROOT}.3", f"{_ROOT}.3.1", f"{_ROOT}.3.1.1")
        files[f"no {name} Instance UID"] = secondary_capture(*args, without=[tag])
        files[f"an empty {name} Instance UID"] = secondary_capture(*args, {tag: text("UI", "")})
    files["no SOP Class UID"] = secondary_capture(*args, without=[0x00080016])
    files["no data set"] = part10({})
    return files


def _values() -> dict[str, bytes]:
    private = {
        0x00090010: text("LO", "ACME 1.1"),
        0x00091001: text("LO", "known to nobody"),
        0x00091002: Value("UN", b"bytes"),
        0x00190010: text("LO", "GEMS_ACQU_01"),
        0x00191002: numbers("SL", 7),
        0x002B1001: text("LO", "no creator"),
    }
    item = {0x00080100: text("SH", "CODE"), 0x00080104: text("LO", "l" * 300)}
    deep = sequence({0x00081140: sequence(item, {}), 0x00080102: text("SH", "DCM")})
    return {
        "private elements": _file("4.1", private),
        "sequences": _file(
            "4.2", {0x00081032: deep, 0x00081110: sequence(), 0x0040A730: sequence({})}
        ),
        "long values": _file("4.3", _long_values()),
        "binary numbers": _file("4.4", _binary_numbers()),
        "decimal strings": _file("4.5", _strings()),
        "bytes of VR UN": _file("4.6", _unknown()),
        "empty values": _file("4.7", {tag: text("LO", "") for tag in (0x00081030, 0x0008103E)}),
        "group lengths": _file("4.8", {0x00080000: numbers("UL", 0), 0x00100000: numbers("UL", 0)}),
        "elements behind PixelData": _file("4.9", {0xFFFCFFFC: Value("OB", b"\0\0")}),
        "overlays and curves": _file(
            "4.10", {0x60000010: numbers("US", 2), 0x60003000: Value("OW", b"\1\0")}
        ),
        "control characters": _file("4.11", {0x00204000: text("LT", "one\r\n\ttwo\x0cthree\x7f")}),
        "an index that is no number": _file("4.12", {0x00200013: text("IS", "one")}),
        "an index between blanks": _file("4.13", {0x00200013: text("IS", " 12 ")}),
        "an index below zero": _file("4.14", {0x00200013: text("IS", "-3")}),
        "ImageIndex alone": _file("4.15", {0x00541330: numbers("US", 4)}),
        "expected by slices": _file(
            "4.16", {0x00540081: numbers("US", 3), 0x00540101: numbers("US", 2)}
        ),
        "expected by acquisitions": _file(
            "4.17", {0x00201002: text("IS", "2"), 0x00200105: text("IS", "3")}
        ),
        "expected that is no number": _file("4.18", {0x00181090: text("IS", "x")}),
        "expected zero": _file("4.19", {0x00181090: text("IS", "0"), 0x00200013: text("IS", "1")}),
    }


def _long_values() -> dict[int, Value]:
    return {
        0x00081030: text("LO", "d" * 256),
        0x0008103E: text("LO", "d" * 257),
        0x00081070: text("PN", "ü" * 200, "latin-1"),
        0x00204000: text("LT", "comment " * 100),
        0x00280009: Value("AT", bytes.fromhex("18006310") * 40),
        0x00283002: numbers("US", *range(100)),
    }


def _binary_numbers() -> dict[int, Value]:
    return {
        0x00189074: text("DT", "20200229101112.123456+0100"),
        0x00181151: text("IS", "+12\\-7"),
        0x00280106: numbers("US", 65535),
        0x00189219: numbers("SS", -32768, 5),
        0x00186020: numbers("SL", -2147483648),
        0x00189073: numbers("FD", 0.1, -1e300, 1 / 3),
        0x00186030: numbers("FL", 0.1, 3.4e38),
        0x00720067: numbers("OF", 1.5, 0.1),
        0x00280009: Value("AT", bytes.fromhex("1800631018006510")),
        0x00186016: numbers("UL", 4294967295),
        0x00189060: numbers("FD", float("inf")),
        0x00189058: numbers("FD", float("nan")),
    }


def _strings() -> dict[int, Value]:
    return {
        0x00180050: text("DS", " 1.500 "),
        0x00280030: text("DS", "0.50\\0.5000"),
        0x00181030: text("LO", " both sides "),
        0x00080080: text("LO", "one\\two\\\\four\\"),
        0x00080022: text("DA", "2020.02.29"),
        0x00080032: text("TM", "101112.5 "),
        0x00101010: text("AS", "042Y"),
        0x00081190: text("UR", "http://localhost/x "),
        0x00080119: text("UC", "unlimited characters"),
        0x00081115: Value("SQ", b""),
        0x00401101: text("LO", "not a sequence"),
    }


def _unknown() -> dict[int, Value]:
    return {
        0x00080050: Value("UN", b"ACC"),
        0x00081030: Value("UN", b"a description "),
        0x00200013: Value("UN", b"12"),
        0x00280008: Value("UN", b"1 "),
        0x00189073: Value("UN", b"\0" * 8),
        0x00111001: Value("UN", b"private text"),
        0x00110010: text("LO", "ACME 1.1"),
        0x00081111: Value("UN", b"\xfe\xff\x00\xe0\x00\x00\x00\x00"),
    }


def _layouts() -> dict[str, bytes]:
    whole = _file("5.1", {})
    image = pixels(bytes(48), 4, 4)
    return {
        "no preamble": whole[132:],
        "a data set alone": whole[whole.index(b"\x08\x00\x16\x00") :],
        "a byte behind the end": whole + b"\0",
        "half an element behind the end": whole + b"\x10\x00\x10",
        "cut in PixelData": whole[:-4],
        "cut in front of PixelData": whole[:-28],
        "an unknown transfer syntax": part10(
            {
                0x00080016: text("UI", "1.2.840.10008.5.1.4.1.1.7"),
                0x00080018: text("UI", f"{_ROOT}.5.2.1.1"),
                0x0020000D: text("UI", f"{_ROOT}.5.2"),
                0x0020000E: text("UI", f"{_ROOT}.5.2.1"),
                **image,
            },
            "1.2.3.4.5",
        ),
        "other UIDs in the meta information": _file(
            "5.3", {0x00080018: text("UI", f"{_ROOT}.5.3.1.1")}
        ),
        "an unknown SOP class": _file("5.4", {0x00080016: text("UI", "1.2.3.4.5.6")}),
        "a SOP class that is no storage": _file(
            "5.5", {0x00080016: text("UI", "1.2.840.10008.1.1")}
        ),
    }
