"""The transfer syntaxes Nephele knows, and which of them its configuration accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nephele.domain.wildcard import match_wildcard

_ROOT = "1.2.840.10008.1.2"

IMPLICIT_VR_LITTLE_ENDIAN = _ROOT
EXPLICIT_VR_LITTLE_ENDIAN = f"{_ROOT}.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = f"{_ROOT}.1.99"
EXPLICIT_VR_BIG_ENDIAN = f"{_ROOT}.2"
JPEG_BASELINE = f"{_ROOT}.4.50"
JPEG_EXTENDED = f"{_ROOT}.4.51"
JPEG_LOSSLESS = f"{_ROOT}.4.57"
JPEG_LOSSLESS_SV1 = f"{_ROOT}.4.70"
JPEG_LS_LOSSLESS = f"{_ROOT}.4.80"
JPEG_LS_NEAR_LOSSLESS = f"{_ROOT}.4.81"
JPEG_2000_LOSSLESS = f"{_ROOT}.4.90"
JPEG_2000 = f"{_ROOT}.4.91"
JPEG_XL_LOSSLESS = f"{_ROOT}.4.110"
JPEG_XL_JPEG_RECOMPRESSION = f"{_ROOT}.4.111"
JPEG_XL = f"{_ROOT}.4.112"
HTJ2K_LOSSLESS = f"{_ROOT}.4.201"
HTJ2K_LOSSLESS_RPCL = f"{_ROOT}.4.202"
HTJ2K = f"{_ROOT}.4.203"
RLE_LOSSLESS = f"{_ROOT}.5"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How a data set is encoded. See PS3.5 annex A.

    Attributes
    ----------
    is_encapsulated : bool
        Pixel data are fragments of compressed streams.
    is_lossy : bool
        Its pixel data may differ from what was compressed.
    kind : str
        The family of its code streams: `"native"`, `"jpeg"`, `"jpeg-lossless"`, …
    encoder, decoder : str or None
        The codec of imagecodecs that writes and reads its frames (numpy reads and writes native
        ones, and writes lossless JPEG), None where there is none.
    option : str or None
        The Orthanc option that accepts or refuses the syntax.
    """

    uid: str
    name: str
    kind: str = "unknown"
    encoder: str | None = None
    decoder: str | None = None
    is_implicit_vr: bool = False
    is_little_endian: bool = True
    is_deflated: bool = False
    is_encapsulated: bool = True
    is_lossy: bool = False
    is_retired: bool = False
    option: str | None = None

    @property
    def is_video(self) -> bool:
        """Tell whether frames are not streams of their own."""
        return self.kind == "video"


_CODECS = {
    "native": ("numpy", "numpy"),
    "rle": ("packbits", "packbits"),
    "jpeg": ("jpeg8", "jpeg8"),
    "jpeg-lossless": ("numpy", "jpeg8"),
    "jpeg-ls": ("jpegls", "jpegls"),
    "jpeg-2000": ("jpeg2k", "jpeg2k"),
    "htj2k": ("htj2k", "htj2k"),
    "jpeg-xl": ("jpegxl", "jpegxl"),
    "jpeg-xl-jpeg": ("jpegxl", "jpegxl"),
}
"""Encoder and decoder of each kind."""

_NOT_ENCAPSULATED = frozenset({"native", "jpip"})
_FLAGS = {
    "implicit": "is_implicit_vr",
    "deflated": "is_deflated",
    "lossy": "is_lossy",
    "retired": "is_retired",
}

# Suffix, flags, Orthanc's option, kind, r and w where frames are read and written, name.
_TABLE = """
-     implicit      -            native        rw Implicit VR Little Endian
1     -             -            native        rw Explicit VR Little Endian
1.99  deflated      Deflated     native        rw Deflated Explicit VR Little Endian
2     big,retired   -            native        rw Explicit VR Big Endian
4.50  lossy         Jpeg         jpeg          rw JPEG Baseline (Process 1)
4.51  lossy         Jpeg         jpeg          rw JPEG Extended (Process 2 and 4)
4.52  lossy,retired Jpeg         jpeg          r  JPEG Extended (Process 3 and 5)
4.53  lossy,retired Jpeg         jpeg          r  JPEG Spectral Selection (Process 6 and 8)
4.54  lossy,retired Jpeg         jpeg          r  JPEG Spectral Selection (Process 7 and 9)
4.55  lossy,retired Jpeg         jpeg          r  JPEG Full Progression (Process 10 and 12)
4.56  lossy,retired Jpeg         jpeg          r  JPEG Full Progression (Process 11 and 13)
4.57  -             Jpeg         jpeg-lossless rw JPEG Lossless (Process 14)
4.58  retired       Jpeg         jpeg-lossless -  JPEG Lossless (Process 15)
4.59  lossy,retired Jpeg         jpeg          -  JPEG Extended, Hierarchical (Process 16 and 18)
4.60  lossy,retired Jpeg         jpeg          -  JPEG Extended, Hierarchical (Process 17 and 19)
4.61  lossy,retired Jpeg         jpeg          -  JPEG Spectral, Hierarchical (Process 20 and 22)
4.62  lossy,retired Jpeg         jpeg          -  JPEG Spectral, Hierarchical (Process 21 and 23)
4.63  lossy,retired Jpeg         jpeg          -  JPEG Progression, Hierarchical (Process 24 and 26)
4.64  lossy,retired Jpeg         jpeg          -  JPEG Progression, Hierarchical (Process 25 and 27)
4.65  retired       Jpeg         jpeg-lossless -  JPEG Lossless, Hierarchical (Process 28)
4.66  retired       Jpeg         jpeg-lossless -  JPEG Lossless, Hierarchical (Process 29)
4.70  -             Jpeg         jpeg-lossless rw JPEG Lossless SV1 (Process 14, Selection Value 1)
4.80  -             JpegLossless jpeg-ls       rw JPEG-LS Lossless
4.81  lossy         JpegLossless jpeg-ls       rw JPEG-LS Near-Lossless
4.90  -             Jpeg2000     jpeg-2000     rw JPEG 2000 Lossless
4.91  lossy         Jpeg2000     jpeg-2000     rw JPEG 2000
4.92  -             Jpeg2000     jpeg-2000     r  JPEG 2000 Part 2 Multi-component Lossless
4.93  lossy         Jpeg2000     jpeg-2000     r  JPEG 2000 Part 2 Multi-component
4.94  lossy         Jpip         jpip          -  JPIP Referenced
4.95  lossy,deflated Jpip         jpip          -  JPIP Referenced Deflate
4.100 lossy         Mpeg2        video         -  MPEG2 Main Profile / Main Level
4.101 lossy         Mpeg2        video         -  MPEG2 Main Profile / High Level
4.102 lossy         Mpeg4        video         -  MPEG-4 AVC/H.264 High Profile / Level 4.1
4.103 lossy         Mpeg4        video         -  MPEG-4 AVC/H.264 BD-compatible / Level 4.1
4.104 lossy         Mpeg4        video         -  MPEG-4 AVC/H.264 High Profile 2D / Level 4.2
4.105 lossy         Mpeg4        video         -  MPEG-4 AVC/H.264 High Profile 3D / Level 4.2
4.106 lossy         Mpeg4        video         -  MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2
4.107 lossy         H265         video         -  HEVC/H.265 Main Profile / Level 5.1
4.108 lossy         H265         video         -  HEVC/H.265 Main 10 Profile / Level 5.1
5     -             Rle          rle           rw RLE Lossless
6.1   retired       -            document      -  RFC 2557 MIME Encapsulation
6.2   retired       -            document      -  XML Encoding
4.110 -             -            jpeg-xl       rw JPEG XL Lossless
4.111 lossy         -            jpeg-xl-jpeg  rw JPEG XL JPEG Recompression
4.112 lossy         -            jpeg-xl       rw JPEG XL
4.201 -             -            htj2k         rw High-Throughput JPEG 2000 Lossless
4.202 -             -            htj2k         rw High-Throughput JPEG 2000 with RPCL Lossless
4.203 lossy         -            htj2k         rw High-Throughput JPEG 2000
"""


def _row(line: str) -> TransferSyntax:
    suffix, flags, option, kind, ways, name = line.split(maxsplit=5)
    names = set(flags.split(","))
    return TransferSyntax(
        uid=_ROOT if suffix == "-" else f"{_ROOT}.{suffix}",
        name=name,
        kind=kind,
        encoder=_CODECS[kind][0] if "w" in ways else None,
        decoder=_CODECS[kind][1] if "r" in ways else None,
        is_little_endian="big" not in names,
        is_encapsulated=kind not in _NOT_ENCAPSULATED,
        option=None if option == "-" else f"{option}TransferSyntaxAccepted",
        **{field: True for flag, field in _FLAGS.items() if flag in names},
    )


TRANSFER_SYNTAXES: tuple[TransferSyntax, ...] = tuple(
    _row(line) for line in _TABLE.splitlines() if line.strip()
)
"""Every known transfer syntax, in Orthanc's order (dicom.md 1.3)."""

TARGETS: frozenset[str] = frozenset(
    syntax.uid for syntax in TRANSFER_SYNTAXES if syntax.encoder is not None
)
"""The transfer syntaxes that can be written."""

_BY_UID = {syntax.uid: syntax for syntax in TRANSFER_SYNTAXES}


def transfer_syntax(uid: str) -> TransferSyntax:
    """Return a transfer syntax; an unknown one is taken for an encapsulated explicit one.

    Every syntax defined since 1993 encodes data sets in Explicit VR Little Endian.
    """
    return _BY_UID.get(uid) or TransferSyntax(uid, uid)


def is_known(uid: str) -> bool:
    """Tell whether a transfer syntax is one of the known ones."""
    return uid in _BY_UID


class AcceptanceOptions(Protocol):
    """The options that say which transfer syntaxes are accepted, named as in Orthanc."""

    @property
    def accepted_transfer_syntaxes(self) -> Sequence[str]:
        """UIDs or wildcards."""

    @property
    def deflated_transfer_syntax_accepted(self) -> bool | None:
        """Accept (True), refuse (False) or leave alone (None) a group, as all below."""

    @property
    def jpeg_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def jpeg2000_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def jpeg_lossless_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def jpip_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def mpeg2_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def mpeg4_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def h265_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102
    @property
    def rle_transfer_syntax_accepted(self) -> bool | None: ...  # noqa: D102


def accepted_transfer_syntaxes(options: AcceptanceOptions) -> tuple[str, ...]:
    """Return the UIDs of the accepted transfer syntaxes, in Orthanc's order.

    AcceptedTransferSyntaxes chooses by wildcards; then each `*TransferSyntaxAccepted` that is
    given adds or removes its group.
    """
    switches = {
        "DeflatedTransferSyntaxAccepted": options.deflated_transfer_syntax_accepted,
        "JpegTransferSyntaxAccepted": options.jpeg_transfer_syntax_accepted,
        "Jpeg2000TransferSyntaxAccepted": options.jpeg2000_transfer_syntax_accepted,
        "JpegLosslessTransferSyntaxAccepted": options.jpeg_lossless_transfer_syntax_accepted,
        "JpipTransferSyntaxAccepted": options.jpip_transfer_syntax_accepted,
        "Mpeg2TransferSyntaxAccepted": options.mpeg2_transfer_syntax_accepted,
        "Mpeg4TransferSyntaxAccepted": options.mpeg4_transfer_syntax_accepted,
        "H265TransferSyntaxAccepted": options.h265_transfer_syntax_accepted,
        "RleTransferSyntaxAccepted": options.rle_transfer_syntax_accepted,
    }
    wildcards = tuple(options.accepted_transfer_syntaxes)
    accepted = []
    for syntax in TRANSFER_SYNTAXES:
        switch = switches.get(syntax.option or "")
        if switch is None:
            switch = any(match_wildcard(syntax.uid, wildcard) for wildcard in wildcards)
        if switch:
            accepted.append(syntax.uid)
    return tuple(accepted)
