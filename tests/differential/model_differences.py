"""What is meant to differ in the DICOM JSON and Native DICOM Models of files."""

from __future__ import annotations

from tests.differential.differ import Kind
from tests.differential.intended import Intended

_JSON = r"GET /instances/\{instance\}/file as application/dicom\+json"
_XML = r"GET /instances/\{instance\}/file as application/dicom\+xml"
_EITHER = r"GET /instances/\{instance\}/file(\?.*| as .*)?"
_ANY = r"\$\.(.*\.)?(DicomAttribute)?"
_PIXELS = "7FE000(08|09|10)"
_ATTRIBUTE = rf"{_ANY}[0-9A-F]{{8}}"
_NAME = rf"{_ATTRIBUTE}\.(Value\[\]|PersonName\d)\."
_ESCAPES = "charset_files/chrJapMultiExplicitIR6.dcm"
_YEN = "J2K_pixelrep_mismatch.dcm"
_URI = r".*'?/instances/.*/content/.*"

_BULK_DATA = (
    Intended(
        _EITHER,
        rf"{_ANY}({_PIXELS}|54001010)\.(BulkDataURI|BulkData)",
        Kind.EXTRA,
        "native pixels and values above 128 KiB are bulk data: answers stay small",
        nephele=_URI,
    ),
    Intended(
        _EITHER,
        rf"{_ANY}({_PIXELS}|54001010)\.InlineBinary",
        Kind.MISSING,
        "native pixels and values above 128 KiB are bulk data: answers stay small",
    ),
    Intended(
        _EITHER,
        rf"{_ANY}7FE0000[89]\.Value[0-9]*",
        Kind.MISSING,
        "pixels of floating point are bulk data, too",
        subject=".*floating.*",
    ),
    Intended(
        _EITHER,
        rf"{_ANY}7FE00010",
        Kind.MISSING,
        "whether these pixels are native is unknown",
        subject="an unknown transfer syntax",
    ),
    Intended(
        _EITHER, rf"{_ANY}(FFFCFFFC|FFFAFFFA)", Kind.MISSING, "it is padding, or behind the pixels"
    ),
)
_TEXTS = (
    Intended(
        _EITHER,
        rf"{_ANY}00080005\.Value(\.length|\[\]|[12](\.text)?)",
        Kind.CHANGED,
        "Orthanc leaves the first value out where it is empty",
    ),
    Intended(
        _XML, rf"{_ANY}00080005\.Value2", Kind.EXTRA, "Orthanc leaves an empty first value out"
    ),
    *(
        Intended(route, path, kind, "Orthanc does not know these escapes", subject=_ESCAPES)
        for route, path, kind in (
            (_JSON, rf"{_ATTRIBUTE}\.Value\[\](\.Alphabetic)?", Kind.CHANGED),
            (_XML, rf"{_ATTRIBUTE}\.(Value|PersonName)[12]\..*text", Kind.CHANGED),
            (_XML, rf"{_ATTRIBUTE}\.PersonName[12]\..*\.MiddleName", Kind.MISSING),
        )
    ),
    *(
        Intended(_XML, rf"{_ATTRIBUTE}\.{path}", kind, "Orthanc takes 0x5C for a Yen", subject=_YEN)
        for path, kind in ((r"Value\d", Kind.EXTRA), ("text", Kind.MISSING))
    ),
    Intended(
        _EITHER,
        rf"{_ATTRIBUTE}\.Value(1\.text|\[\]|\.length)",
        Kind.CHANGED,
        "a long text is one value, backslashes or not",
        subject="examples_ybr_color.dcm",
    ),
    Intended(
        _EITHER,
        rf"{_NAME}(Alphabetic|Phonetic)(\.(Family|Given|Middle)Name|\.Name(Prefix|Suffix))?",
        Kind.MISSING,
        "what is empty of a name is left out",
    ),
    Intended(
        _XML,
        rf"{_NAME}Alphabetic\.text",
        Kind.EXTRA,
        "what is empty of a name is left out",
        nephele="''",
    ),
)
_NUMBERS = (
    Intended(
        _JSON,
        rf"{_ATTRIBUTE}\.Value",
        Kind.MISSING,
        "what is no number, or no finite one, is no value",
        subject="(binary numbers|badVR.dcm|.* that is no number)",
    ),
    Intended(
        _XML,
        rf"{_ATTRIBUTE}\.text",
        Kind.EXTRA,
        "what is no finite number is no value",
        subject="binary numbers",
        nephele="''",
    ),
    Intended(
        _EITHER,
        rf"{_ATTRIBUTE}\.InlineBinary",
        Kind.EXTRA,
        "OF is binary (PS3.18 F.2.3)",
        subject="binary numbers",
    ),
    Intended(
        _JSON,
        rf"{_ATTRIBUTE}\.Value\[\]",
        Kind.CHANGED,
        "Orthanc takes tiny numbers for 0",
        nephele=r"\d\.\d+e-\d\d",
    ),
    Intended(
        _XML,
        rf"{_ATTRIBUTE}\.Value\d+\.text",
        Kind.CHANGED,
        "Orthanc writes nine digits of a number",
        nephele="'[-+0-9.e]+'",
    ),
)
_STRUCTURE = (
    Intended(_EITHER, r"\$\.schemaLocation", Kind.MISSING, "there is no such schema"),
    Intended(_EITHER, r"\$\.space", Kind.EXTRA, "blanks in front of values count"),
    Intended(_XML, rf"{_ATTRIBUTE}\.privateCreator", Kind.EXTRA, "PS3.19 asks for it"),
    Intended(
        _XML,
        rf"{_ATTRIBUTE}\.keyword",
        Kind.CHANGED,
        "keywords of PS3.6 have no prefix",
        nephele="'(?!RETIRED_).*'",
    ),
    Intended(
        _XML, rf"{_ATTRIBUTE}\.Value\d+", Kind.MISSING, "Orthanc has a value behind each item"
    ),
    *(
        Intended(
            _EITHER,
            rf"{_ATTRIBUTE}{path}",
            kind,
            "Orthanc leaves out items and sequences of nothing",
            subject="sequences",
        )
        for path, kind in (
            ("", Kind.EXTRA),
            (r"\.Item2", Kind.EXTRA),
            (r"\.Value\.length", Kind.CHANGED),
        )
    ),
    Intended(
        _EITHER,
        _ATTRIBUTE,
        Kind.EXTRA,
        "Orthanc leaves out what is written as UN, but for text",
        subject="(rtdose_rle(_1frame)?.dcm|bytes of VR UN)",
    ),
    Intended(
        _XML,
        "text",
        Kind.CHANGED,
        "Orthanc writes characters that XML cannot hold",
        subject="control characters",
    ),
)
_ACCEPTED = tuple(
    Intended(
        r"GET /instances/\{instance\}/file",
        path,
        kind,
        "1.10.1 knows the bare type alone",
        subject="a file as JSON, by weight",
    )
    for path, kind in (
        ("bytes", Kind.CHANGED),
        (r"header\.content-type", Kind.CHANGED),
        (r"header\.content-disposition", Kind.MISSING),
    )
)

MODELS: tuple[Intended, ...] = (*_BULK_DATA, *_TEXTS, *_NUMBERS, *_STRUCTURE, *_ACCEPTED)
