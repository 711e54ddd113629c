"""Files whose texts are in the character sets of DICOM (PS3.3 C.12.1.1.2)."""

from __future__ import annotations

from tests.differential.part10 import Value, secondary_capture, text

_ROOT = "1.2.826.0.1.3680043.2.1143.7"

_ENCODED: tuple[tuple[str, str, bytes], ...] = (
    ("Latin 1", "ISO_IR 100", "Müller^Jürgen".encode("latin-1")),
    ("Latin 2", "ISO_IR 101", "Dvořák^Jiří".encode("iso8859-2")),
    ("Latin 3", "ISO_IR 109", "Ĝ^Ħ".encode("iso8859-3")),
    ("Latin 4", "ISO_IR 110", "Ņ^Ķ".encode("iso8859-4")),
    ("Latin 5", "ISO_IR 148", "Öztürk^Şahin".encode("iso8859-9")),
    ("Cyrillic", "ISO_IR 144", "Люксембург".encode("iso8859-5")),
    ("Arabic", "ISO_IR 127", "قباني^لنزار".encode("iso8859-6")),
    ("Greek", "ISO_IR 126", "Διονυσιος".encode("iso8859-7")),
    ("Hebrew", "ISO_IR 138", "שרון^דבורה".encode("iso8859-8")),
    ("Thai", "ISO_IR 166", "สมชาย".encode("iso8859-11")),
    ("half-width Japanese", "ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ".encode("shift-jis")),
    ("UTF-8", "ISO_IR 192", "Wang^XiaoDong=王^小东".encode()),
    ("UTF-8 beyond the first plane", "ISO_IR 192", "Smile^😀".encode()),
    ("broken UTF-8", "ISO_IR 192", b"Broken^\xff\xfe\xc3"),
    ("GB18030", "GB18030", "Wang^XiaoDong=王^小东".encode("gb18030")),
    ("GBK", "GBK", "Wang^XiaoDong=王^小东".encode("gbk")),
    (
        "Japanese by escapes",
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=" + "山田".encode("iso2022-jp") + b"^" + "太郎".encode("iso2022-jp"),
    ),
    (
        "Japanese by escapes, half-width first",
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        "ﾔﾏﾀﾞ^ﾀﾛｳ".encode("shift-jis"),
    ),
    ("Korean by escapes", "\\ISO 2022 IR 149", b"Hong=\x1b$)C" + "洪^吉洞".encode("euc-kr")),
    ("Chinese by escapes", "\\ISO 2022 IR 58", b"Zhang=\x1b$)A" + "张^小东".encode("gb2312")),
    ("ASCII named", "ISO_IR 6", b"Plain^Name"),
    ("ASCII with high bytes", "ISO_IR 6", b"H\xf6ch"),
    ("Latin 1 by escapes", "ISO 2022 IR 100", "Müller".encode("latin-1")),
    ("an unknown set", "ISO_IR 999", "Müller".encode("latin-1")),
    ("an empty set", "", "Müller".encode("latin-1")),
    ("a set between blanks", " ISO_IR 192 ", "Müller".encode()),
    ("a set in small letters", "iso_ir 192", "Müller".encode()),
)


def texts() -> dict[str, bytes]:
    """Return a file for each character set, and one that declares none."""
    files = {
        f"text {name}": _file(number, encoded, {0x00080005: text("CS", character_set)})
        for number, (name, character_set, encoded) in enumerate(_ENCODED)
    }
    files["text without a set"] = _file(len(files), "Müller".encode("latin-1"), {})
    return files


def _file(number: int, encoded: bytes, declared: dict[int, Value]) -> bytes:
    extra = declared | {
        0x00100010: Value("PN", encoded),
        0x00100020: Value("LO", encoded),
        0x00081030: Value("LO", encoded),
        0x00204000: Value("LT", encoded),
    }
    study = f"{_ROOT}.{number}"
    return secondary_capture("", study, f"{study}.1", f"{study}.1.1", extra)
