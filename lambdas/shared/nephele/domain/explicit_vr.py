"""The encoding of elements: lengths, delimiters, VRs. See PS3.5 section 7."""

from __future__ import annotations

UNDEFINED_LENGTH = 0xFFFFFFFF
LONG_VRS: frozenset[bytes] = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS: frozenset[bytes] = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)

ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD


def has_long_length(vr: bytes) -> bool:
    """Tell whether an explicit VR is followed by a length of 32 bits.

    Any pair of capital letters is taken for a VR of the future, which has one (PS3.5 7.1.2);
    anything else for a mistake with a length of 16 bits, as DCMTK does.
    """
    return vr in LONG_VRS or (vr not in SHORT_VRS and vr.isalpha() and vr.isupper())
