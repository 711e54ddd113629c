"""Names of folders and files in archives. They follow Orthanc's rules, to the letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from nephele.domain.levels import Level

UNKNOWN = {
    Level.PATIENT: "Unknown Patient",
    Level.STUDY: "Unknown Study",
    Level.SERIES: "Unknown Series",
}
_TAGS = {
    Level.PATIENT: ("0010,0020", "0010,0010"),
    Level.STUDY: ("0008,0050", "0008,1030"),
    Level.SERIES: ("0008,0060", "0008,103e"),
}
"""The two values a folder is named after: PatientID and PatientName, and so on."""
_MODALITY = "0008,0060"
_FORBIDDEN = re.compile(r'[\s\x00-\x1f\x7f-\x9f:*?"<>|/\\]+')
_NOTHING = re.compile(r"\^*|\.+")
"""No name at all; `.` and `..` besides, which are no folder of their own."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


def folder_name(level: Level, tags: Mapping[str, str], *, is_utf8: bool) -> str:
    """Return the name of a patient's, study's or series' folder."""
    name = component(" ".join(tags.get(tag, "") for tag in _TAGS[level]), is_utf8=is_utf8)
    return UNKNOWN[level] if _NOTHING.fullmatch(name) else name


def component(text: str, *, is_utf8: bool) -> str:
    """Return a text as one component of a path.

    What is not ASCII is left out unless names are in UTF-8; blanks and what a file system may not
    like become one blank.
    """
    kept = text if is_utf8 else text.encode("ascii", "ignore").decode("ascii")
    return _FORBIDDEN.sub(" ", kept).strip()


def file_name_format(series_tags: Mapping[str, str]) -> str:
    """Return the format of a series' file names: the modality's letters, then a number."""
    modality = component(series_tags.get(_MODALITY, ""), is_utf8=False).upper()
    letters = modality[:2].replace("%", "%%")
    return f"{letters}%0{8 - len(modality[:2])}d.dcm"


def number_files(indexes: Sequence[int | None]) -> list[int]:
    """Return the numbers of a series' files, which are in the order of IndexInSeries already.

    They are IndexInSeries itself where each file has one of its own, else they are counted.
    """
    present = [index for index in indexes if index is not None]
    if len(present) == len(indexes) == len(set(present)):
        return present
    return list(range(len(indexes)))


def index_number(index_in_series: str | None) -> int | None:
    """Return IndexInSeries as a number, None where it is none."""
    text = (index_in_series or "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


class Folder:
    """Keeps the names of one folder apart: the second of a name ends with `-2`."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._uses: Counter[str] = Counter()

    def unique(self, name: str) -> str:
        """Return a name that was not given before."""
        self._uses[name] += 1
        given = name if self._uses[name] == 1 else f"{name}-{self._uses[name]}"
        if given in self._given:
            return self.unique(name)
        self._given.add(given)
        return given
