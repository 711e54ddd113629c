"""The DICOMDIR, read by DCMTK and pydicom and judged by dciodvfy."""

from __future__ import annotations

import io
import subprocess
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from nephele.domain.archive_layout.tree import Branch, Leaf, iter_leaves, media_names
from nephele.domain.dicomdir import CHARACTER_SET, MediaFile, write_dicomdir
from nephele.domain.levels import Level

_EXPLICIT = "1.2.840.10008.1.2.1"
_CT = "1.2.840.10008.5.1.4.1.1.2"
_KANJI = "\N{CJK UNIFIED IDEOGRAPH-5C71}^\N{CJK UNIFIED IDEOGRAPH-7530}"


def patients(series: int, instances: int, name: str = "Doe^Jane") -> list[Branch]:
    """Return one patient with a study of so many series."""
    made = [
        Branch(
            Level.SERIES,
            f"series{number:04}",
            {"0008,0060": "CT", "0020,000e": f"1.2.{number}", "0020,0011": str(number)},
            leaves=[_leaf(number, instance) for instance in range(instances)],
        )
        for number in range(series)
    ]
    study = {
        CHARACTER_SET: "ISO_IR 100",
        "0008,0020": "20260102",
        "0008,0030": "030405",
        "0020,000d": "1.2",
        "0020,0010": "S1",
    }
    patient = {"0010,0010": name, "0010,0020": "P1"}
    return [Branch(Level.PATIENT, "p", patient, [Branch(Level.STUDY, "t", study, made)])]


def _leaf(series: int, instance: int) -> Leaf:
    uid, number = f"1.2.{series}.{instance}", str(instance)
    return Leaf(uid, "", 1, _EXPLICIT, _CT, uid, number, number, "20260101T000000")


def written(branches: list[Branch], *, is_extended: bool = False) -> bytes:
    leaves = list(iter_leaves(branches))
    names = dict(zip((leaf.orthanc_id for leaf in leaves), media_names(len(leaves)), strict=True))
    return write_dicomdir(
        branches,
        lambda leaf: MediaFile(
            names[leaf.orthanc_id], leaf.transfer_syntax_uid, leaf.sop_instance_uid
        ),
        is_extended=is_extended,
    )


@pytest.mark.parametrize(("series", "instances"), [(1, 1), (3, 4), (0, 0)])
def test_others_read_it(series: int, instances: int, tmp_path: Path) -> None:
    file = tmp_path / "DICOMDIR"
    file.write_bytes(written(patients(series, instances) if series else []))
    shown = subprocess.run(["dcmdump", file], check=True, capture_output=True, text=True)
    assert shown.stdout.count("IMAGE #") == series * instances
    assert "E:" not in shown.stderr
    judged = subprocess.run(["dciodvfy", file], check=False, capture_output=True, text=True)
    assert [line for line in judged.stderr.splitlines() if series and "Error" in line] == []
    assert len(reached(pydicom.dcmread(file))) == series * instances


def test_dcmtk_adds_to_it(tmp_path: Path) -> None:
    """DCMTK's own maker of directories takes it as one it could have made."""
    data_set = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    data_set.StudyDate, data_set.StudyID, data_set.SeriesNumber = "20260102", "S9", "9"
    data_set.save_as(tmp_path / "NEW")
    (tmp_path / "IMAGES").mkdir()
    file = tmp_path / "DICOMDIR"
    file.write_bytes(written(patients(2, 3)))
    command = ["dcmmkdir", "--append", "--no-backup", "--no-consistency-check", "NEW"]
    made = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    records = pydicom.dcmread(file).DirectoryRecordSequence
    kinds = Counter(record.DirectoryRecordType for record in records)
    assert kinds == {"PATIENT": 2, "STUDY": 2, "SERIES": 3, "IMAGE": 7}


def reached(data_set: Dataset) -> list[str]:
    """Return the files that are reached by the offsets alone, in their order."""
    records = {record.seq_item_tell: record for record in data_set.DirectoryRecordSequence}
    files = []

    def follow(offset: int) -> None:
        while offset:
            record = records[offset]
            if record.DirectoryRecordType == "IMAGE":
                files.append("/".join(record.ReferencedFileID))
            follow(record.OffsetOfReferencedLowerLevelDirectoryEntity)
            offset = record.OffsetOfTheNextDirectoryRecord

    follow(data_set.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity)
    return files


def test_names_that_are_not_ascii_are_in_utf8() -> None:
    data_set = pydicom.dcmread(io.BytesIO(written(patients(1, 1, _KANJI))))
    patient, study = data_set.DirectoryRecordSequence[:2]
    assert patient.PatientName == _KANJI
    assert (patient.SpecificCharacterSet, study.SpecificCharacterSet) == (
        "ISO_IR 192",
        "ISO_IR 100",
    )


def test_the_same_files_have_the_same_directory() -> None:
    assert written(patients(2, 3)) == written(patients(2, 3))
    assert written(patients(2, 3)) != written(patients(2, 4))


def test_a_large_directory_takes_no_more_than_its_bytes() -> None:
    body = written(patients(20, 1000))
    assert len(body) < 20_000 * 250
    assert reached(pydicom.dcmread(io.BytesIO(body))) == media_names(20_000)
