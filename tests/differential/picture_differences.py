"""Intended differences of pictures and arrays; a part of the one table."""

from __future__ import annotations

from tests.differential.differ import Kind
from tests.differential.intended import Intended

_RAW = r"GET /instances/\{instance\}/frames/0/raw"
_PIXELS = (
    r"GET /instances/\{instance\}/"
    r"(preview|rendered|image-u?int(8|16)|numpy|matlab|frames/0/raw)(\?.*)?"
)
_SIGNED_12 = "J2K_pixelrep_mismatch.dcm|image of 12 bits signed"
_SHOWN_HERE = {
    "GDCMJ2K_TextGBR.dcm|examples_jpeg2k.dcm": "JPEG 2000 that GDCM does not decode",
    "(693_J2KI|J2K_pixelrep_mismatch|JPEG2000.*|MR_small_jp2klossless|SC_rgb_gdcm_KY).dcm": (
        "arrays of JPEG 2000, which 1.10.1 decodes for pictures alone"
    ),
    "SC_rgb_rle_16bit(_2frame)?.dcm|image of RGB of 16 bits": "colours of 16 bits",
    "SC_rgb_rle_32bit(_2frame)?.dcm": "colours of 32 bits",
    "rtdose(_rle|_expb)?(_1frame)?.dcm|image of 32 bits( signed)?": "samples of 32 bits",
    "SC_ybr_full_422_uncompressed.dcm|image of YBR_FULL": "YBR that is not compressed",
    "image of 8 bits signed": "signed samples of 8 bits",
    "image of 1 bit": "samples of 1 bit in any number of columns",
    "image of palette into 16 bits": "a palette of samples of 16 bits",
    "image of a segmented palette": "a segmented palette",
    "image of (double )?floating point": "samples of floating point",
    "image of frames that are missing": "the first frame is there, others are not",
}
"""What 1.10.1 refuses to decode, by the files that show it."""

PICTURES = (
    *(
        Intended(
            _PIXELS,
            r"pixels\.by-many|text",
            Kind.CHANGED,
            "the sign bit is the highest stored one (PS3.5 8.1.1), 1.10.1 takes the highest"
            " allocated; bits that are not stored do not count",
            subject=subject,
        )
        for subject in (_SIGNED_12, "image of 12 bits with an overlay above")
    ),
    *(
        Intended(_PIXELS, "status", Kind.CHANGED, reason, subject=subject, nephele="'200'")
        for subject, reason in _SHOWN_HERE.items()
    ),
    *(
        Intended(
            r"GET /instances/\{instance\}/rendered(\?.*)?",
            r"pixels\.by-many",
            Kind.CHANGED,
            reason,
            subject=subject,
        )
        for subject, reason in {
            "image of a (VOI|modality) table": "tables are applied, by PS3.3 C.11.1 and C.11.2",
            "image of a window of a stated function": "a function that is stated is applied",
            "image of a window of all frames": "functional groups count since 1.12",
            "image of a tiny slope": "a slope is used however small it is",
            "rtdose_rle(_1frame)?.dcm": "the width of all that 32 bits hold, which wraps in 1.10.1",
        }.items()
    ),
    Intended(
        r"GET /instances/\{instance\}/numpy",
        r"pixels\.by-many",
        Kind.CHANGED,
        "tables are applied, by PS3.3 C.11.1",
        subject="image of a modality table",
    ),
    Intended(
        r"GET /instances/\{instance\}/numpy",
        r"pixels\.by-one",
        Kind.CHANGED,
        "values of the modality keep their fractions, 1.10.1 cuts them off",
    ),
    Intended(
        r"GET /instances/\{instance\}/matlab",
        "text",
        Kind.CHANGED,
        "columns come before rows where colours are given their shape",
        nephele=r"'double\(permute.*",
    ),
    Intended(
        _RAW,
        "bytes",
        Kind.CHANGED,
        "words of 32 bits are swapped as such, 1.10.1 swaps halves",
        subject="rtdose_expb(_1frame)?.dcm",
    ),
    Intended(
        _PIXELS,
        "status",
        Kind.CHANGED,
        "what cannot be decoded is an unsupported media type, as it is for pictures",
        nephele="'415'",
    ),
    Intended(
        _RAW,
        "status",
        Kind.CHANGED,
        "that there is no pixel data is the sender's mistake, since 1.12",
        nephele="'400, code 8 .*",
    ),
    Intended(
        _RAW,
        r"\$\.(Message|Orthanc.*|Details)",
        Kind.CHANGED,
        "since 1.12 the request is bad, not the file",
        subject="cut in front of PixelData|charset_files/.*",
    ),
)

PICTURE_REQUESTS = (
    Intended(
        _PIXELS,
        "status",
        Kind.CHANGED,
        "a weight of 0 refuses a type, types are in any case (RFC 9110), a weight that is none"
        " is 1; of several types one that can hold the picture is sent",
        subject=".*accepting.*",
    ),
    Intended(
        r"GET /instances/\{instance\}/(frames/0/)?(preview|rendered)\?.*",
        "status",
        Kind.CHANGED,
        "an argument that makes no sense is named",
        nephele="'400, code [35] (quality|window-|width|height|Expected a Boolean).*",
    ),
    Intended(
        r"GET /instances/\{\w+\}/frames/[01]",
        "status",
        Kind.CHANGED,
        "operations are those of a frame that is there",
        nephele="'404.*",
    ),
    Intended(
        r"GET /instances/\{instance\}/frames/-1/(raw|raw\.gz|matlab)",
        "status",
        Kind.CHANGED,
        "no frame has such a number",
    ),
    *(
        Intended(
            r"GET /(instances|series)/.*(raw|raw\.gz|matlab|numpy)(\?.*)?",
            r"\$\.Details",
            kind,
            "details are in each server's own words",
        )
        for kind in (Kind.CHANGED, Kind.EXTRA)
    ),
)
