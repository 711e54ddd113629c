"""Names of folders and files in archives."""

from __future__ import annotations

import pytest

from nephele.domain.archive_layout.names import Folder, folder_name
from nephele.domain.archive_layout.tree import Branch, Leaf, archive_names
from nephele.domain.levels import Level

_U = "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller"
_FOLDERS = {
    "both values": ("ID", "Doe^Jane", False, "ID Doe^Jane"),
    "no id": ("", "Doe", False, "Doe"),
    "no name": ("ID", "", False, "ID"),
    "nothing": ("", "", False, "Unknown Patient"),
    "carets alone": ("", "^^^", False, "Unknown Patient"),
    "the folder above": ("..", "", False, "Unknown Patient"),
    "this folder": (".", "", False, "Unknown Patient"),
    "separators": ("a/b\\c", "../../etc", False, "a b c .. .. etc"),
    "what file systems refuse": ('a:b*c?d"e<f>g|h', "", False, "a b c d e f g h"),
    "blanks in a row": (" a \t\n b ", "  c", False, "a b c"),
    "control characters": ("a\x00\x1b\x7fb", "", False, "a b"),
    "punctuation stays": (
        "a,b;c'd`e~f!g@h#i$j%k&l(m)n-o_p=q+r[s]t{u}v",
        "",
        False,
        "a,b;c'd`e~f!g@h#i$j%k&l(m)n-o_p=q+r[s]t{u}v",
    ),
    "not ASCII": ("1", _U, False, "1 Mller"),
    "not ASCII, in UTF-8": ("1", _U, True, f"1 {_U}"),
    "nothing in ASCII": ("", "\N{CJK UNIFIED IDEOGRAPH-5C71}", False, "Unknown Patient"),
    "a blank of another script": ("a\N{NO-BREAK SPACE}b", "", True, "a b"),
}


@pytest.mark.parametrize(
    ("patient_id", "name", "is_utf8", "expected"), _FOLDERS.values(), ids=_FOLDERS.keys()
)
def test_folder_name(patient_id: str, name: str, is_utf8: bool, expected: str) -> None:
    tags = {"0010,0020": patient_id, "0010,0010": name}
    assert folder_name(Level.PATIENT, tags, is_utf8=is_utf8) == expected


def leaf(orthanc_id: str, index: str | None) -> Leaf:
    return Leaf(orthanc_id, "key", 1, "1.2", "1.2", "1.2", index or "", index, "20260101T000000")


_FILES = {
    "by their index": ("CT", ["7", "3", "5"], ["CT000003.dcm", "CT000005.dcm", "CT000007.dcm"]),
    "counted where two share one": ("CT", ["2", "2"], ["CT000000.dcm", "CT000001.dcm"]),
    "counted where one has none": ("CT", ["2", None], ["CT000000.dcm", "CT000001.dcm"]),
    "counted where one is no number": ("CT", ["2", "1.5"], ["CT000000.dcm", "CT000001.dcm"]),
    "a long modality": ("RTSTRUCT", ["1"], ["RT000001.dcm"]),
    "a small letter": ("m", ["1"], ["M0000001.dcm"]),
    "no modality": ("", ["1"], ["00000001.dcm"]),
    "an odd modality": ("%d", ["1"], ["%D000001.dcm"]),
    "a separator as modality": ("/", ["1"], ["00000001.dcm"]),
    "a large index": ("CT", ["12345678"], ["CT12345678.dcm"]),
}


@pytest.mark.parametrize(("modality", "indexes", "expected"), _FILES.values(), ids=_FILES.keys())
def test_file_names(modality: str, indexes: list[str | None], expected: list[str]) -> None:
    leaves = [leaf(f"i{number}", index) for number, index in enumerate(indexes)]
    series = Branch(Level.SERIES, "s", {"0008,0060": modality}, leaves=leaves)
    names = archive_names([series], is_utf8=False)
    assert [name.rpartition("/")[2] for name in names] == expected


def test_equal_names_are_numbered_in_the_order_of_ids() -> None:
    series = [
        Branch(Level.SERIES, orthanc_id, {"0008,0060": "CT"}, leaves=[leaf(orthanc_id, "1")])
        for orthanc_id in ("c", "a", "b")
    ]
    study = Branch(Level.STUDY, "t", {"0008,0050": "A"}, series)
    assert archive_names([study], is_utf8=False) == [
        "A/CT/CT000001.dcm",
        "A/CT-2/CT000001.dcm",
        "A/CT-3/CT000001.dcm",
    ]


def test_a_number_that_is_taken_is_passed_over() -> None:
    folder = Folder()
    given = [folder.unique(name) for name in ("a-2", "a", "a", "a", "a-2")]
    assert len(set(given)) == len(given)
    assert given[:3] == ["a-2", "a", "a-3"]
