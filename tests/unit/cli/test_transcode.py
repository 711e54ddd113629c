"""`nephele transcode`: files and folders, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner, Result

from nephele.cli import app
from nephele.cli.transfer_syntaxes import transfer_syntax_named
from tests.unit.domain.encoded import test_file

RLE = "1.2.840.10008.1.2.5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with images, a plan without pixels, a damaged file and one that is no DICOM."""
    source = tmp_path / "in"
    (source / "series").mkdir(parents=True)
    (source / "ct.dcm").write_bytes(test_file("CT_small.dcm"))
    (source / "series" / "mr").write_bytes(test_file("MR_small.dcm"))
    (source / "plan.dcm").write_bytes(test_file("rtplan.dcm"))
    (source / "readme.txt").write_text("not DICOM")
    return source


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app.build_app(), ["transcode", *map(str, arguments)])


def syntax_of(path: Path) -> str:
    return str(pydicom.dcmread(path).file_meta.TransferSyntaxUID)


@pytest.mark.parametrize("name", [RLE, "RLELossless", "rle lossless"])
def test_a_file(name: str, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.dcm"
    result = run(folder / "ct.dcm", target, "--transfer-syntax", name)
    assert (result.exit_code, syntax_of(target)) == (0, RLE)
    assert "1 transcoded" in result.output


def test_a_file_into_a_folder(folder: Path, tmp_path: Path) -> None:
    result = run(folder / "ct.dcm", tmp_path, "--transfer-syntax", RLE)
    assert (result.exit_code, syntax_of(tmp_path / "ct.dcm")) == (0, RLE)


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_a_folder_keeps_its_shape(jobs: int, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    result = run(folder, target, "--transfer-syntax", RLE, "--jobs", jobs)
    assert result.exit_code == 0
    names = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert names == ["ct.dcm", "plan.dcm", "series/mr"]
    assert syntax_of(target / "series" / "mr") == RLE
    assert (target / "plan.dcm").read_bytes() == test_file("rtplan.dcm")
    for counted in ("2 transcoded", "1 kept as it is", "1 skipped", "PixelData (7fe0,0010)"):
        assert counted in result.output


def test_one_named_file_that_is_no_dicom_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text("ready")
    result = run(tmp_path / "run.log", tmp_path / "out", "--transfer-syntax", RLE)
    assert (result.exit_code, (tmp_path / "out").exists()) == (1, False)
    assert "1 skipped" in result.output


def test_in_place(folder: Path) -> None:
    assert run(folder, folder, "--transfer-syntax", RLE).exit_code == 0
    again = run(folder, folder, "--transfer-syntax", RLE)
    assert "2 unchanged" in again.output
    assert syntax_of(folder / "ct.dcm") == RLE


def test_what_is_refused_is_named_and_not_written(folder: Path, tmp_path: Path) -> None:
    (folder / "cut.dcm").write_bytes(test_file("CT_small.dcm")[:-500])
    (folder / "dose.dcm").write_bytes(test_file("rtdose.dcm"))
    target = tmp_path / "out"
    result = run(folder, target, "--transfer-syntax", "JPEGLosslessSV1")
    assert result.exit_code == 1
    assert "2 refused" in result.output
    assert "BitsAllocated" in result.output
    assert not (target / "dose.dcm").exists()
    assert not (target / "cut.dcm").exists()
    assert syntax_of(target / "ct.dcm") == "1.2.840.10008.1.2.4.70"
    assert [path for path in target.rglob("*") if path.name.startswith(".")] == []


def test_an_unknown_syntax_lists_the_others(folder: Path) -> None:
    result = run(folder, folder, "--transfer-syntax", "MPEG2MPML")
    assert result.exit_code == 2
    assert "JPEG-LS Near-Lossless" in result.output


def test_a_target_that_cannot_be_written_fails(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run(folder, tmp_path / "file" / "out", "--transfer-syntax", RLE)
    assert result.exit_code == 1
    assert "failed" in result.output


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("ImplicitVRLittleEndian", "1.2.840.10008.1.2"),
        ("HTJ2KLossless", "1.2.840.10008.1.2.4.201"),
        ("JPEG XL Lossless", "1.2.840.10008.1.2.4.110"),
        ("jpeg-2000", "1.2.840.10008.1.2.4.91"),
        ("JPEG2000", "1.2.840.10008.1.2.4.91"),
        ("", None),
    ],
)
def test_names_of_syntaxes(name: str, uid: str | None) -> None:
    assert transfer_syntax_named(name) == uid


@pytest.mark.parametrize("is_folder", [True, False], ids=["folder", "file"])
def test_nothing_lossy_replaces_an_original(is_folder: bool, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder, target_is_directory=True)
    name = "" if is_folder else "ct.dcm"
    for target in (folder / name, link / name, folder):
        result = run(folder / name, target, "--transfer-syntax", "JPEG2000", "--quality", 1)
        assert result.exit_code == 2
        assert "would replace the originals" in " ".join(result.output.split())
    assert (folder / "ct.dcm").read_bytes() == test_file("CT_small.dcm")


def test_a_folder_does_not_fit_into_a_file(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("of somebody")
    result = run(folder, target, "--transfer-syntax", RLE)
    assert result.exit_code == 2
    assert "is a file, and IN is a folder" in result.output
    assert target.read_text() == "of somebody"


def test_what_can_be_written_is_listed_with_its_keywords(folder: Path, tmp_path: Path) -> None:
    result = run(folder, tmp_path / "out", "--transfer-syntax", "JPEG3000")
    assert result.exit_code == 2
    assert "JPEG2000Lossless" in result.output
