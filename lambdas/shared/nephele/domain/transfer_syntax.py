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
RLE_LOSSLESS = f"{_ROOT}.5"
JPEG_2000_LOSSLESS = f"{_ROOT}.4.90"
JPEG_2000 = f"{_ROOT}.4.91"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How a data set is encoded. See PS3.5 annex A.

    Attributes
    ----------
    is_encapsulated : bool
        Pixel data are fragments of compressed streams.
    is_lossy : bool
        Its pixel data may differ from what was compressed.
    option : str or None
        The Orthanc option that accepts or refuses the syntax.
    """

    uid: str
    name: str
    is_implicit_vr: bool = False
    is_little_endian: bool = True
    is_deflated: bool = False
    is_encapsulated: bool = True
    is_lossy: bool = False
    is_video: bool = False
    is_retired: bool = False
    option: str | None = None


_FLAGS = {
    "implicit": "is_implicit_vr",
    "deflated": "is_deflated",
    "lossy": "is_lossy",
    "video": "is_video",
    "retired": "is_retired",
}

_TABLE = """
    -     native,implicit         -            Implicit VR Little Endian
    1     native                  -            Explicit VR Little Endian
    1.99  native,deflated         Deflated     Deflated Explicit VR Little Endian
    2     native,big,retired      -            Explicit VR Big Endian
    4.50  lossy                   Jpeg         JPEG Baseline (Process 1)
    4.51  lossy                   Jpeg         JPEG Extended (Process 2 and 4)
    4.52  lossy,retired           Jpeg         JPEG Extended (Process 3 and 5)
    4.53  lossy,retired           Jpeg         JPEG Spectral Selection (Process 6 and 8)
    4.54  lossy,retired           Jpeg         JPEG Spectral Selection (Process 7 and 9)
    4.55  lossy,retired           Jpeg         JPEG Full Progression (Process 10 and 12)
    4.56  lossy,retired           Jpeg         JPEG Full Progression (Process 11 and 13)
    4.57  -                       Jpeg         JPEG Lossless (Process 14)
    4.58  retired                 Jpeg         JPEG Lossless (Process 15)
    4.59  lossy,retired           Jpeg         JPEG Extended, Hierarchical (Process 16 and 18)
    4.60  lossy,retired           Jpeg         JPEG Extended, Hierarchical (Process 17 and 19)
    4.61  lossy,retired           Jpeg         JPEG Spectral, Hierarchical (Process 20 and 22)
    4.62  lossy,retired           Jpeg         JPEG Spectral, Hierarchical (Process 21 and 23)
    4.63  lossy,retired           Jpeg         JPEG Progression, Hierarchical (Process 24 and 26)
    4.64  lossy,retired           Jpeg         JPEG Progression, Hierarchical (Process 25 and 27)
    4.65  retired                 Jpeg         JPEG Lossless, Hierarchical (Process 28)
    4.66  retired                 Jpeg         JPEG Lossless, Hierarchical (Process 29)
    4.70  -                       Jpeg         JPEG Lossless SV1 (Process 14, Selection Value 1)
    4.80  -                       JpegLossless JPEG-LS Lossless
    4.81  lossy                   JpegLossless JPEG-LS Near-Lossless
    4.90  -                       Jpeg2000     JPEG 2000 Lossless
    4.91  lossy                   Jpeg2000     JPEG 2000
    4.92  -                       Jpeg2000     JPEG 2000 Part 2 Multi-component Lossless
    4.93  lossy                   Jpeg2000     JPEG 2000 Part 2 Multi-component
    4.94  native,lossy            Jpip         JPIP Referenced
    4.95  native,lossy,deflated   Jpip         JPIP Referenced Deflate
    4.100 lossy,video             Mpeg2        MPEG2 Main Profile / Main Level
    4.101 lossy,video             Mpeg2        MPEG2 Main Profile / High Level
    4.102 lossy,video             Mpeg4        MPEG-4 AVC/H.264 High Profile / Level 4.1
    4.103 lossy,video             Mpeg4        MPEG-4 AVC/H.264 BD-compatible / Level 4.1
    4.104 lossy,video             Mpeg4        MPEG-4 AVC/H.264 High Profile 2D / Level 4.2
    4.105 lossy,video             Mpeg4        MPEG-4 AVC/H.264 High Profile 3D / Level 4.2
    4.106 lossy,video             Mpeg4        MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2
    4.107 lossy,video             H265         HEVC/H.265 Main Profile / Level 5.1
    4.108 lossy,video             H265         HEVC/H.265 Main 10 Profile / Level 5.1
    5     -                       Rle          RLE Lossless
    6.1   retired                 -            RFC 2557 MIME Encapsulation
    6.2   retired                 -            XML Encoding
    4.110 -                       -            JPEG XL Lossless
    4.111 lossy                   -            JPEG XL JPEG Recompression
    4.112 lossy                   -            JPEG XL
    4.201 -                       -            High-Throughput JPEG 2000 Lossless
    4.202 -                       -            High-Throughput JPEG 2000 with RPCL Lossless
    4.203 lossy                   -            High-Throughput JPEG 2000
"""


def _row(line: str) -> TransferSyntax:
    suffix, flags, option, name = line.split(maxsplit=3)
    names = set(flags.split(","))
    return TransferSyntax(
        uid=_ROOT if suffix == "-" else f"{_ROOT}.{suffix}",
        name=name,
        is_little_endian="big" not in names,
        is_encapsulated="native" not in names,
        option=None if option == "-" else f"{option}TransferSyntaxAccepted",
        **{field: True for flag, field in _FLAGS.items() if flag in names},
    )


TRANSFER_SYNTAXES: tuple[TransferSyntax, ...] = tuple(
    _row(line) for line in _TABLE.splitlines() if line.strip()
)
"""Every known transfer syntax, in Orthanc's order (dicom.md 1.3)."""

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
