"""gzip and ZIP uploads, read within bounds."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

import pytest

from nephele.errors import BadFileFormat, FileTooLarge, StorageFull
from nephele.services import archive_members
from nephele.services.archive_members import Bounds, gunzipped, is_zip, open_zip

BOUNDS = Bounds(4096)


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    file.seek(0)
    return file


def read_all(file: io.BytesIO, bounds: Bounds = BOUNDS) -> list[bytes]:
    contents = []
    with open_zip(file, bounds) as archive:
        for member in archive.members:
            with archive.open(member) as opened:
                contents.append(opened.read())
    return contents


def test_zip_is_known_by_its_signature() -> None:
    assert is_zip(zipped({"a": b"1"}))
    assert not is_zip(io.BytesIO(b"\0" * 128 + b"DICM"))
    assert not is_zip(io.BytesIO(b""))


def test_folders_junk_and_empty_members_are_no_candidates() -> None:
    members = {
        "folder/": b"",
        "folder/one.dcm": b"one",
        "empty": b"",
        "DICOMDIR": b"directory",
        "sub/dicomdir": b"directory",
        "__MACOSX/folder/._one.dcm": b"fork",
        "folder/._two": b"fork",
        "two": b"two",
    }
    assert read_all(zipped(members)) == [b"one", b"two"]


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 10, zipped({"a": b"x" * 99}).getvalue()[:60]],
    ids=["signature alone", "short directory", "truncated"],
)
def test_damaged_zip(data: bytes) -> None:
    with pytest.raises(BadFileFormat):
        read_all(io.BytesIO(data))


def test_damaged_member() -> None:
    data = bytearray(zipped({"a": b"hello world" * 50}, zipfile.ZIP_STORED).getvalue())
    data[60] ^= 0xFF
    with pytest.raises(BadFileFormat):
        read_all(io.BytesIO(bytes(data)))


def test_encrypted_member() -> None:
    data = bytearray(zipped({"a": b"hello"}).getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadFileFormat):
        read_all(io.BytesIO(bytes(data)))


def test_member_above_the_configured_size() -> None:
    file = zipped({"a": b"\0" * ((1 << 20) + 1)})
    assert len(read_all(file, Bounds(2))) == 1
    with pytest.raises(FileTooLarge, match="MaximumFileSizeInArchiveMB"):
        read_all(file, Bounds(1))


def test_many_members_that_expand_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "UNSUSPECTED_BYTES", 1 << 20)
    file = zipped({str(n): b"\0" * (512 << 10) for n in range(8)})
    with pytest.raises(FileTooLarge, match="expands too much"):
        read_all(file)


def test_no_room_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "free_bytes", lambda: 0)
    incompressible = zipped({"a": b"\0" * (9 << 20)}, zipfile.ZIP_STORED)
    with pytest.raises(StorageFull):
        read_all(incompressible)


def test_gunzip() -> None:
    data = bytes(range(256)) * 9000
    with gunzipped(io.BytesIO(gzip.compress(data) + b"trailing"), BOUNDS) as file:
        assert file.read() == data


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", gzip.compress(b"x" * 9999)[:-12], zlib.compress(b"x")],
    ids=["empty", "not gzip", "truncated", "zlib"],
)
def test_not_gzip(data: bytes) -> None:
    with pytest.raises(BadFileFormat), gunzipped(io.BytesIO(data), BOUNDS):
        pass


def test_gzip_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "UNSUSPECTED_BYTES", 1 << 20)
    bomb = gzip.compress(b"\0" * (64 << 20), 9)
    with pytest.raises(FileTooLarge), gunzipped(io.BytesIO(bomb), BOUNDS):
        pass


def test_gzip_above_the_configured_size() -> None:
    packed = gzip.compress(b"\0" * ((1 << 20) + 1))
    with pytest.raises(FileTooLarge), gunzipped(io.BytesIO(packed), Bounds(1)):
        pass
