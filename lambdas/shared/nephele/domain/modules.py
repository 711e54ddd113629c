"""Information object modules, as far as `/module` shows them: one table for each level.

See PS3.3 C.7.1.1 to C.7.6 and C.12.1; the choice of attributes is Orthanc's.
"""

from __future__ import annotations

from nephele.domain.levels import Level

_TABLE = {
    Level.PATIENT: """
        0008:1120
        0010:0010,0020,0021,0024,0030,0032,0040,1000-1002,2160,2201,2202,2292-2294,2297-2299,4000
        0012:0062-0064""",
    Level.STUDY: """
        0008:0020,0030,0050,0051,0090,0096,1030,1032,1048,1049,1060,1062,1110
        0020:000d,0010
        0032:1034
        0040:1012""",
    Level.SERIES: """
        0008:0021,0031,0060,103e,103f,1050,1052,1070,1072,1111,1250
        0010:2210
        0018:0015,1030,5100
        0020:000e,0011,0060
        0028:0108
        0029:0109
        0040:0244,0245,0253,0254,0260,0275,0280""",
    Level.INSTANCE: """
        0008:0005,0012-0014,0016,0018,001a,001b,0110,0201
        0018:a001
        0020:0013
        0028:0303
        0040:a390
        0100:0410,0420,0424,0426
        0400:0500,0561
        4ffe:0001
        fffa:fffa""",
}
"""Group, then elements; a dash is an inclusive range."""


def _tags(text: str) -> frozenset[int]:
    tags: set[int] = set()
    for line in text.split():
        group, _, elements = line.partition(":")
        for span in elements.split(","):
            first, _, last = span.partition("-")
            numbers = range(int(first, 16), int(last or first, 16) + 1)
            tags.update(int(group, 16) << 16 | number for number in numbers)
    return frozenset(tags)


MODULES: dict[Level, frozenset[int]] = {level: _tags(text) for level, text in _TABLE.items()}
"""The tags of each level's module."""
